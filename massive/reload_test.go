package massive_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
)

// Readers beside a writer that reloads see whole snapshots only: the structures below come and go together.
func TestReadersDuringReloads(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE SEQUENCE always`, func(t *testing.T, e *env) {
		m := e.load(t)
		var readers sync.WaitGroup
		defer readers.Wait()
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		for range 4 {
			readers.Go(func() {
				for ; ctx.Err() == nil; breathe() {
					r := m.Registry()
					_, errView := r.Matview("twin")
					_, errEnum := r.Enum("twin_mood")
					if (errView == nil) != (errEnum == nil) || len(r.Matviews()) != len(r.Enums()) {
						t.Errorf("half a snapshot: %v, %v", errView, errEnum)
						return
					}
					if _, err := m.Sequence("always"); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		readers.Go(func() {
			for ; ctx.Err() == nil; breathe() {
				_ = m.AppendEnum("twin_mood", "b")
			}
		})
		for reload := range 20 {
			text, want := `CREATE TYPE twin_mood AS ENUM ('a'); CREATE MATERIALIZED VIEW twin AS SELECT 1 AS id`, "added"
			if reload%2 == 1 {
				text, want = `DROP TYPE twin_mood; DROP MATERIALIZED VIEW twin`, "removed"
			}
			exec(t, e.pool, text)
			changes, err := m.Reload(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			same(t, "what changed", changes.String(),
				"materialized view public.twin "+want+"\nenum public.twin_mood "+want)
		}
	})
}

// A slow stands between a database and the core, and can hold loads back or fail them.
type slow struct {
	dialect.Dialect
	mu    sync.Mutex
	gates []chan error // one a load, in the order in which loads begin
	began chan struct{}
}

func (s *slow) Load(ctx context.Context, q dialect.Querier, f dialect.Filter) (*dialect.Catalog, error) {
	cat, err := s.Dialect.Load(ctx, q, f)
	s.mu.Lock()
	if len(s.gates) == 0 {
		s.mu.Unlock()
		return cat, err
	}
	gate := s.gates[0]
	s.gates = s.gates[1:]
	s.mu.Unlock()
	s.began <- struct{}{}
	if failure := <-gate; failure != nil {
		return nil, failure
	}
	return cat, err
}

func TestAnEarlierReloadNeverOverwritesALaterOne(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE SEQUENCE s1`, func(t *testing.T, e *env) {
		d := &slow{Dialect: postgres.New(), began: make(chan struct{})}
		m, err := massive.Load(t.Context(), e.pool, d)
		if err != nil {
			t.Fatal(err)
		}
		type answer struct {
			changes massive.Changes
			err     error
		}
		d.gates = []chan error{make(chan error), make(chan error)}
		first, second := d.gates[0], d.gates[1]
		answers := [2]chan answer{make(chan answer, 1), make(chan answer, 1)}
		reload := func(i int) {
			c, err := m.Reload(context.Background())
			answers[i] <- answer{c, err}
		}
		go reload(0)
		<-d.began // it has read s1 only
		exec(t, e.pool, "CREATE SEQUENCE s2")
		go reload(1)
		<-d.began
		second <- nil
		a := <-answers[1]
		same(t, "the later one publishes", fmt.Sprint(a.changes, a.err), "sequence public.s2 added <nil>")
		first <- nil
		a = <-answers[0]
		same(t, "the earlier one leaves that in place, and says what changed", fmt.Sprint(a.changes, a.err), "sequence public.s2 added <nil>")
		equal(t, "the later one's picture stays", sequenceNames(m), []string{"public.s1", "public.s2"})
	})
}

func TestAFailedReloadLeavesTheOldSnapshot(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE SEQUENCE s; CREATE TYPE mood AS ENUM ('a')`, func(t *testing.T, e *env) {
		pool := e.Open(t, e.driver)
		m := load(t, pool)
		if err := m.AppendEnum("mood", "b"); err != nil {
			t.Fatal(err)
		}
		before := m.Registry()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := m.Reload(ctx)
		mustBe(t, err, context.Canceled, "massive: reload: ", "what was loaded before stays in use")
		pool.Close()
		_, err = m.Reload(t.Context())
		var e2 *massive.Error
		if !errors.As(err, &e2) || e2.Op != dialect.OpReload {
			t.Errorf("a reload on a closed pool: %v", err)
		}
		same(t, "the snapshot is the same", m.Registry(), before)
		equal(t, "with its local labels", enum(t, m, "mood").Values(), []string{"a", "b"})
		same(t, "and its structures", fmt.Sprint(sequenceNames(m)), "[public.s]")
	})
}

func TestNilArguments(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE SEQUENCE s; CREATE MATERIALIZED VIEW v AS SELECT 1 AS id; CREATE TYPE mood AS ENUM ('a')`, func(t *testing.T, e *env) {
		for says, load := range map[string]func() (*massive.DB, error){
			"the database is nil; pass": func() (*massive.DB, error) { return massive.Load(t.Context(), nil, postgres.New()) },
			"the database is nil":       func() (*massive.DB, error) { return massive.Load(t.Context(), (*sql.DB)(nil), postgres.New()) },
			"the dialect is nil":        func() (*massive.DB, error) { return massive.Load(t.Context(), e.pool, nil) },
			"the dialect is nil; pass":  func() (*massive.DB, error) { return massive.Load(t.Context(), e.pool, (*slow)(nil)) },
		} {
			m, err := load()
			mustBe(t, err, massive.ErrInvalid, says)
			if m != nil {
				t.Error("an error comes with no DB")
			}
		}
		m := e.load(t)
		for _, q := range []massive.Querier{nil, (*sql.Tx)(nil), (*sql.Conn)(nil)} {
			w := m.With(q)
			s, v := sequence(t, w, "s"), matview(t, w, "v")
			_, errNext := s.NextValue(t.Context())
			_, errLast := s.LastValue(t.Context())
			_, errRefresh := v.Refresh(t.Context())
			_, errDefinition := v.Definition(t.Context())
			_, errReload := w.Reload(t.Context())
			for _, err := range []error{
				errNext, errLast, errRefresh, errDefinition, errReload, s.Reset(t.Context()), s.ResetTo(t.Context(), 1),
				s.Restart(t.Context()), v.Select(t.Context(), &[]int{}, ""),
			} {
				mustBe(t, err, massive.ErrInvalid, "the database is nil")
			}
			equal(t, "what needs no database works", enum(t, w, "mood").Values(), []string{"a"})
		}
	})
}
