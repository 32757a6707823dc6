package massive_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
)

// With every driver an unreachable server or a lost connection is ErrUnavailable.
func TestUnavailable(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE SEQUENCE s; CREATE MATERIALIZED VIEW slow AS SELECT 1 AS id FROM `+gated, func(t *testing.T, e *env) {
		nowhere, err := sql.Open(e.driver, "host=127.0.0.1 port=1 user=postgres sslmode=disable")
		noError(t, err)
		defer nowhere.Close()
		_, err = massive.Load(t.Context(), nowhere, postgres.New())
		mustBe(t, err, massive.ErrUnavailable, "massive: load: server unavailable: ")

		m, open := e.load(t), e.gate(t)
		conn := e.conn(t)
		pid := one[string](t, conn, "SELECT pg_backend_pid()::text")
		waiting := make(chan error, 1)
		go func() { _, err := matview(t, m.With(conn), "slow").Refresh(t.Context()); waiting <- err }()
		e.waitForRefresh(t)
		e.Exec(t, "SELECT pg_terminate_backend("+pid+")")
		mustBe(t, <-waiting, massive.ErrUnavailable, "massive: refresh public.slow: server unavailable: ")
		open()

		w, wired := e.wired(t, "sslmode=disable")
		far := wired.load(t)
		w.hangUp()
		_, err = sequence(t, far, "s").NextValue(t.Context())
		mustBe(t, err, massive.ErrUnavailable, "next value of public.s")
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := sequence(t, far, "s").NextValue(ended); !errors.Is(err, context.Canceled) || errors.Is(err, massive.ErrUnavailable) {
			t.Errorf("a call with an ended context: got %v, want only context.Canceled", err)
		}
	})
}

// If the answer to adding a label is lost, the statement is not sent again.
func TestLostAnswersDoNotRepeatLabels(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE TYPE mood AS ENUM ('sad')`, func(t *testing.T, e *env) {
		params := "sslmode=disable"
		if e.driver == "pgx" {
			params += " default_query_exec_mode=exec" // otherwise the lost answer is that of a Describe
		}
		w, wired := e.wired(t, params)
		m := wired.load(t)
		b, err := massive.BindEnum[string](m, "mood")
		noError(t, err)
		for _, c := range []struct {
			text string
			do   func() error
			want string
		}{
			{"ADD VALUE", func() error { return b.AddValue(t.Context(), "added") }, "{sad,added}"},
			{"ADD VALUE", func() error { _, err := b.EnsureValue(t.Context(), "ensured"); return err }, "{sad,added,ensured}"},
			{"RENAME VALUE", func() error { return b.RenameValue(t.Context(), "sad", "mad") }, "{mad,added,ensured}"},
		} {
			w.lose(c.text)
			mustBe(t, c.do(), massive.ErrUnavailable, "server unavailable")
			same(t, "the labels", one[string](t, e.pool, "SELECT enum_range(NULL::mood)::text"), c.want)
			noError(t, errOf(m.Reload(t.Context())))
		}
		// Dead idle connections do not matter.
		conns := []*sql.Conn{wired.conn(t), wired.conn(t), wired.conn(t), wired.conn(t), wired.conn(t)}
		for _, c := range conns {
			noError(t, c.Close())
		}
		e.Exec(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
		time.Sleep(10 * time.Millisecond)
		if added, err := b.EnsureValue(t.Context(), "last"); err != nil || !added {
			t.Errorf("after the connections died: got added %t, error %v", added, err)
		}
	})
}
