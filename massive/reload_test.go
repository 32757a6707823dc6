package massive_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

// Readers only see whole snapshots while another goroutine reloads.
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
				for ; ctx.Err() == nil; pause() {
					r := m.Registry()
					_, errView := r.Matview("twin")
					_, errEnum := r.Enum("twin_mood")
					if (errView == nil) != (errEnum == nil) || len(r.Matviews()) != len(r.Enums()) {
						t.Errorf("got an incomplete snapshot: view %v, enum %v", errView, errEnum)
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
			for ; ctx.Err() == nil; pause() {
				_ = m.AppendLocalLabels("twin_mood", "b")
			}
		})
		for reload := range 20 {
			text, want := `CREATE TYPE twin_mood AS ENUM ('a'); CREATE MATERIALIZED VIEW twin AS SELECT 1 AS id`, "added"
			if reload%2 == 1 {
				text, want = `DROP TYPE twin_mood; DROP MATERIALIZED VIEW twin`, "removed"
			}
			exec(t, e.pool, text)
			changes, err := m.Reload(t.Context())
			noError(t, err)
			same(t, "changes", changes.String(),
				"materialized view public.twin "+want+"\nenum public.twin_mood "+want)
		}
	})
}

// A slow dialect can delay loads or make them fail.
type slow struct {
	dialect.Dialect
	mu    sync.Mutex
	gates []chan error // one per load, in the order in which loads begin
	began chan struct{}
}

// Unchanged returns false, so that each reload loads.
func (s *slow) Unchanged(context.Context, dialect.Querier, dialect.Sign) (bool, error) {
	return false, nil
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

func TestEarlierReloadDoesNotOverwriteALater(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE SEQUENCE s1`, func(t *testing.T, e *env) {
		d := &slow{Dialect: postgres.New(), began: make(chan struct{})}
		m, err := massive.Load(t.Context(), e.pool, d)
		noError(t, err)
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
		<-d.began // it has only read s1
		exec(t, e.pool, "CREATE SEQUENCE s2")
		go reload(1)
		<-d.began
		second <- nil
		a := <-answers[1]
		same(t, "changes of the later reload", fmt.Sprint(a.changes, a.err), "sequence public.s2 added <nil>")
		first <- nil
		a = <-answers[0]
		same(t, "changes of the earlier reload, which ends later", fmt.Sprint(a.changes, a.err), "sequence public.s2 added <nil>")
		equal(t, "sequences in the later snapshot", sequenceNames(m), []string{"public.s1", "public.s2"})
	})
}

// A signing dialect counts loads, and can delay its answers of Unchanged.
type signing struct {
	*sqltest.Fake
	checks chan dialect.Sign
	answer chan struct{}
	loads  atomic.Int64
}

func (s *signing) Unchanged(ctx context.Context, q dialect.Querier, since dialect.Sign) (bool, error) {
	if s.checks != nil {
		s.checks <- since
		defer func() { <-s.answer }()
	}
	return s.Fake.Unchanged(ctx, q, since)
}

func (s *signing) Load(ctx context.Context, q dialect.Querier, f dialect.Filter) (*dialect.Catalog, error) {
	s.loads.Add(1)
	return s.Fake.Load(ctx, q, f)
}

// newSigning returns a signing dialect with an enum, loaded.
func newSigning(t *testing.T, opts ...massive.LoadOption) (*signing, *massive.DB) {
	t.Helper()
	s := &signing{Fake: sqltest.New(sqltest.Catalog{Enums: []sqltest.Enum{{Name: "mood", Labels: []string{"sad"}}}})}
	t.Cleanup(func() { s.DB().Close() })
	m, err := massive.Load(t.Context(), s.DB(), s, opts...)
	noError(t, err)
	return s, m
}

// If nothing was committed, Reload does not load and keeps the snapshot, but drops local
// labels.
func TestReloadDoesNotLoadIfNothingWasCommitted(t *testing.T) {
	t.Parallel()
	s, m := newSigning(t)
	before := m.Registry()
	reload := func(what string, loads int64) {
		t.Helper()
		changes, err := m.Reload(t.Context())
		if changes != nil || err != nil {
			t.Errorf("%s: got changes %v, error %v; want none", what, changes, err)
		}
		same(t, "loads, "+what, s.loads.Load(), loads)
		equal(t, "labels, "+what, enum(t, m, "mood").Values(), []string{"sad"})
	}
	reload("nothing was committed", 1)
	same(t, "the snapshot", m.Registry(), before)
	noError(t, m.AppendLocalLabels("mood", "local"))
	reload("with a local label", 1)
	s.Do(t, sqltest.Create{Tables: []string{"unrelated"}})
	reload("something else was committed", 2)
	reload("nothing was committed since", 2)
}

// After a reload with ErrDrift the next reload loads again.
func TestReloadAfterDriftLoadsAgain(t *testing.T) {
	t.Parallel()
	s, m := newSigning(t, massive.Expect(massive.EnumIs("mood", []string{"sad"})))
	s.Do(t, sqltest.AddLabel{Enum: "mood", Label: "ok"})
	for loads := range int64(2) {
		_, err := m.Reload(t.Context())
		mustBe(t, err, massive.ErrDrift, "the previous snapshot stays in use")
		same(t, "loads", s.loads.Load(), loads+2)
	}
}

// If a reload publishes while another checks the sign, one of them reports each change.
func TestOverlappingReloadsReportEachChange(t *testing.T) {
	t.Parallel()
	s, m := newSigning(t)
	other := m.With(s.DB())
	s.checks, s.answer = make(chan dialect.Sign), make(chan struct{})
	ask := func(m *massive.DB) (sign dialect.Sign, changes chan massive.Changes) {
		changes = make(chan massive.Changes, 1)
		go func() {
			c, err := m.Reload(context.Background())
			if err != nil {
				t.Error(err)
			}
			changes <- c
		}()
		return <-s.checks, changes
	}
	since, early := ask(m)
	same(t, "the sign of the first check", since, m.Registry().Sign())
	s.Do(t, sqltest.AddLabel{Enum: "mood", Label: "ok"})
	_, late := ask(m)
	s.answer <- struct{}{} // answers either
	s.answer <- struct{}{}
	const want = `enum public.mood changed: labels ["sad"] → ["sad" "ok"]`
	a, b := (<-early).String(), (<-late).String()
	if a != want && b != want || a != "" && a != want || b != "" && b != want {
		t.Errorf("overlapping reloads: got changes %q and %q", a, b)
	}
	since, again := ask(m)
	same(t, "the sign of the next check", since, m.Registry().Sign())
	s.answer <- struct{}{}
	same(t, "changes since", (<-again).String(), "")
	_, elsewhere := ask(other)
	s.answer <- struct{}{}
	same(t, "changes of another DB, which has the old snapshot", (<-elsewhere).String(), want)
}

// An unsigned dialect does not know whether anything was committed.
type unsigned struct{ dialect.Dialect }

func (unsigned) Unchanged(ctx context.Context, q dialect.Querier, since dialect.Sign) (bool, error) {
	return dialect.NoSign{}.Unchanged(ctx, q, since)
}

// Without a ChangeDetector each poll loads.
func TestWatchWithoutAChangeDetector(t *testing.T) {
	t.Parallel()
	fake := sqltest.New(sqltest.Catalog{})
	t.Cleanup(func() { fake.DB().Close() })
	m, err := massive.Load(t.Context(), fake.DB(), unsigned{fake})
	noError(t, err)
	w := watch(t, m, time.Millisecond)
	w.none(20 * time.Millisecond)
	fake.Do(t, sqltest.Create{Sequences: []sqltest.Sequence{{Name: "no"}}})
	same(t, "event", w.next().String(), "sequence public.no added")
}

func TestFailedReloadKeepsTheOldSnapshot(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE SEQUENCE s; CREATE TYPE mood AS ENUM ('a')`, func(t *testing.T, e *env) {
		pool := e.Open(t, e.driver)
		m := load(t, pool)
		noError(t, m.AppendLocalLabels("mood", "b"))
		before := m.Registry()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := m.Reload(ctx)
		mustBe(t, err, context.Canceled, "massive: reload: ", "the previous snapshot stays in use")
		pool.Close()
		_, err = m.Reload(t.Context())
		var e2 *massive.Error
		if !errors.As(err, &e2) || e2.Op != dialect.OpReload {
			t.Errorf("a reload on a closed pool: got %v, want an *Error of OpReload", err)
		}
		same(t, "the snapshot", m.Registry(), before)
		equal(t, "its local labels", enum(t, m, "mood").Values(), []string{"a", "b"})
		same(t, "its sequences", fmt.Sprint(sequenceNames(m)), "[public.s]")
	})
}

func TestNilArgumentsAreInvalid(t *testing.T) {
	t.Parallel()
	fake := sqltest.New(sqltest.Catalog{})
	defer fake.DB().Close()
	for _, c := range []struct {
		q    massive.Querier
		d    dialect.Dialect
		says string
	}{
		{nil, fake, "the database is nil; pass"}, {(*sql.DB)(nil), fake, "the database is nil"},
		{fake.DB(), nil, "the dialect is nil"}, {fake.DB(), (*slow)(nil), "the dialect is nil; pass"},
	} {
		m, err := massive.Load(t.Context(), c.q, c.d)
		mustBe(t, err, massive.ErrInvalid, c.says)
		if m != nil {
			t.Error("got an error and a DB")
		}
	}
	m, err := massive.Load(t.Context(), fake.DB(), fake)
	noError(t, err)
	for _, q := range []massive.Querier{nil, (*sql.Tx)(nil), (*sql.Conn)(nil)} {
		mustBe(t, errOf(m.With(q).Reload(t.Context())), massive.ErrInvalid, "the database is nil")
	}
}
