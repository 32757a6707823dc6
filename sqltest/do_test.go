package sqltest_test

// Changes by Fake.Do, alone and during transactions.

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

// A change waits for its locks, and fails the test if a transaction of the test holds
// one.
func TestChangesTakeLocks(t *testing.T) {
	t.Parallel()
	catalog := sqltest.Catalog{
		Enums: []sqltest.Enum{{Name: "mood", Labels: []string{"sad"}}},
		Matviews: []sqltest.Matview{
			{Name: "v", Rows: []pair{{1, "x"}}}, {Name: "reader", Rows: []pair{{1, "x"}}, Reads: []string{"p"}},
		},
		Views:     []sqltest.View{{Name: "p", Reads: []string{"v"}}},
		Sequences: []sqltest.Sequence{{Name: "s", OwnedBy: "t.id"}},
	}
	add := enumOp("mood", add("added"))
	for name, c := range map[string]struct {
		op     func(context.Context, *massive.DB) error
		change sqltest.Change
		locked string
	}{
		"a label during AddValue":                    {add, sqltest.AddLabel{Enum: "mood", Label: "more"}, "public.mood"},
		"a drop during AddValue":                     {add, sqltest.Drop{Name: "mood"}, "public.mood"},
		"a drop while the view is read":              {selected("v"), sqltest.Drop{Name: "v"}, "public.v"},
		"a drop while a dependent view is read":      {selected("reader"), sqltest.Drop{Name: "v"}, "public.reader"},
		"a rename while the view is read":            {selected("v"), sqltest.Rename{Name: "v", To: "w"}, "public.v"},
		"a drop after NextValue":                     {sequenceOp("s", next), sqltest.Drop{Name: "s"}, "public.s"},
		"a drop of the owning table after NextValue": {sequenceOp("s", next), sqltest.Drop{Name: "t"}, "public.s"},
		"a rename during AddValue":                   {add, sqltest.Rename{Name: "mood", To: "temper"}, ""},
		"SetRows while the view is read":             {selected("v"), sqltest.SetRows{Matview: "v"}, ""},
		"Insert after NextValue":                     {sequenceOp("s", next), sqltest.Insert{Column: "t.id", Value: 7}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := sqltest.New(catalog)
			m := load(t, f)
			for _, open := range []bool{true, false} { // whether the transaction stays open
				tx, err := f.DB().BeginTx(t.Context(), nil)
				noError(t, err)
				defer tx.Rollback()
				noError(t, c.op(t.Context(), m.With(tx)))
				if !open {
					time.AfterFunc(20*time.Millisecond, func() { _ = tx.Rollback() })
				}
				said := failureOf(func(t testing.TB) { f.Do(t, c.change) })
				if c.locked == "" {
					if said != "" {
						t.Errorf("got failure %q, want none", said)
					}
					return
				}
				if open != strings.Contains(said, c.locked+" is locked by an open transaction") {
					t.Errorf("with a transaction that stays open (%v): got failure %q", open, said)
				}
				_ = tx.Rollback()
			}
		})
	}
}

// Labels of a transaction are kept if Do adds another label meanwhile.
func TestNoLabelIsLost(t *testing.T) {
	t.Parallel()
	onEach(t, sqltest.Catalog{Enums: []sqltest.Enum{{Name: "mood", Labels: []string{"sad"}}}}, func(t *testing.T, p place) {
		tx, err := p.db.BeginTx(t.Context(), nil)
		noError(t, err)
		defer tx.Rollback()
		noError(t, enumOp("mood", add("x"))(t.Context(), p.m.With(tx)))
		time.AfterFunc(50*time.Millisecond, func() { _ = tx.Commit() })
		p.do(t, sqltest.AddLabel{Enum: "mood", Label: "y"})
		if _, err := p.m.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		if e, err := p.m.Enum("mood"); err != nil || fmt.Sprint(e.Values()) != "[sad x y]" {
			t.Errorf("got %v, %v", e, err)
		}
	})
}

func TestRenamedTable(t *testing.T) {
	t.Parallel()
	onEach(t, sqltest.Catalog{
		Tables:    []string{"plain"},
		Enums:     []sqltest.Enum{{Name: "mood", Labels: []string{"sad"}, UsedBy: []sqltest.EnumColumn{{Column: "a.mood"}, {Column: "b.mood"}}}},
		Sequences: []sqltest.Sequence{{Name: "s", KeyOf: "a.id", Holds: []int64{3}}, {Name: "q", OwnedBy: "a.no", Feeds: []string{"a.other"}}},
	}, func(t *testing.T, p place) {
		p.do(t, sqltest.Rename{Name: "plain", To: "bare"}, sqltest.Rename{Name: "a", To: "z"}, sqltest.Insert{Column: "z.id", Value: 8})
		if _, err := p.m.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		e := found(t, p.m.Enum, "mood")
		if used, err := e.UsedBy(t.Context()); err != nil || fmt.Sprint(used) != "[table public.b.mood of type mood table public.z.mood of type mood]" {
			t.Errorf("UsedBy: got %v, %v", used, err)
		}
		s := found(t, p.m.Sequence, "s")
		if lag, err := s.Lag(t.Context()); err != nil || !strings.Contains(fmt.Sprint(lag), "public.z.id is at 8") {
			t.Errorf("Lag: got %v, %v", lag, err)
		}
	})
}

// Create creates all structures or none, and rejects settings of the server.
func TestCreateIsAtomic(t *testing.T) {
	t.Parallel()
	onEach(t, sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "s", KeyOf: "t.id"}}}, func(t *testing.T, p place) {
		for _, c := range []sqltest.Create{
			{SearchPath: []string{"app"}}, {Standby: true}, {LockTimeout: time.Second}, {StatementTimeout: time.Second},
		} {
			if said := failureOf(func(t testing.TB) { p.do(t, c) }); !strings.Contains(said, "Create only creates structures; pass SearchPath, Standby, LockTimeout and StatementTimeout to") {
				t.Errorf("%+v: %q", c, said)
			}
		}
		if said := failureOf(func(t testing.TB) {
			p.do(t, sqltest.Create{
				Matviews: []sqltest.Matview{{Name: "v", Rows: []pair{}, Unique: []string{"n"}}}, Tables: []string{"u"},
				Enums:     []sqltest.Enum{{Name: "e", UsedBy: []sqltest.EnumColumn{{Column: "t.e"}}}},
				Sequences: []sqltest.Sequence{{Name: "fine", Feeds: []string{"t.no"}, Holds: []int64{5}}, {Name: "s"}},
			})
		}); said == "" {
			t.Error("creating an existing sequence: got no failure, want one")
		}
		changes, err := p.m.Reload(t.Context())
		if err != nil || len(changes) > 0 {
			t.Errorf("after a failed Create: got changes %v, %v, want none", changes, err)
		}
		p.do(t, sqltest.Create{
			Tables: []string{"u"}, Matviews: []sqltest.Matview{{Name: "v", Rows: []pair{}}, {Name: "v_n_idx", Rows: []pair{}}},
		})
	})
}

// A planned ErrBusy makes a refresh with SkipIfBusy skip.
func TestPlannedBusy(t *testing.T) {
	t.Parallel()
	f := sqltest.New(viewAndSequence)
	m := load(t, f)
	tx, err := f.DB().BeginTx(t.Context(), nil)
	noError(t, err)
	defer tx.Rollback()
	v := found(t, m.With(tx).Matview, "v")
	f.Next(t, dialect.OpRefresh, "v", sqltest.Fail(massive.ErrBusy), sqltest.Fail(massive.ErrBusy))
	if r, err := v.Refresh(t.Context(), massive.SkipIfBusy()); !errors.Is(err, massive.ErrBusy) || r.Outcome != massive.OutcomeSkippedBusy {
		t.Errorf("got %v, %v", r, err)
	}
	if r, err := v.Refresh(t.Context()); !errors.Is(err, massive.ErrBusy) || r != (massive.RefreshResult{}) {
		t.Errorf("without SkipIfBusy: got %v, %v", r, err)
	}
	if _, err := v.Count(t.Context(), ""); !errors.Is(err, massive.ErrTxAborted) {
		t.Errorf("after the plan: got error %v, want none", err)
	}
}

// Each operation has the detail that Call.Detail documents.
func TestDetailsOfCalls(t *testing.T) {
	t.Parallel()
	f := sqltest.New(sqltest.Catalog{
		Enums: []sqltest.Enum{{Name: "mood", Labels: []string{"sad"}}}, Sequences: []sqltest.Sequence{{Name: "s", OwnedBy: "t.id"}},
		Matviews: []sqltest.Matview{{Name: "v", Rows: []pair{}, Select: func(string, []any) (any, error) { return []pair{}, nil }}},
	})
	m := load(t, f)
	ctx := t.Context()
	v := found(t, m.Matview, "v")
	s := found(t, m.Sequence, "s")
	e, err := massive.BindEnum[string](m, "mood")
	noError(t, err)
	_, _ = v.Count(ctx, "LIMIT 1")
	_, _ = v.Refresh(ctx, massive.WithNoData(), massive.SkipIfBusy(), massive.LockTimeout(time.Second))
	_, _ = v.Refresh(ctx, massive.Concurrently(), massive.Analyze(), massive.SkipIfBusy())
	_, _ = s.NextValues(ctx, 3)
	_, _ = s.NextBlock(ctx)
	_ = s.ResetTo(ctx, 5)
	_ = s.SetValue(ctx, 5, true)
	_ = s.SetValue(ctx, 5, false)
	_, _ = m.Exhaustion(ctx)
	_ = e.AddValue(ctx, "ok", massive.Before("sad"))
	_ = e.RenameValue(ctx, "ok", "well")
	tx, err := f.DB().BeginTx(ctx, nil)
	noError(t, err)
	defer tx.Rollback()
	_ = f.SetSavepoint(ctx, tx, "p")
	f.WantCalls(t,
		"count the rows of public.v LIMIT 1", "refresh public.v with no data, unless busy, waiting 1s",
		"refresh concurrently public.v analyzing, unless busy", "next values of public.s 3", "next block of public.s",
		"restart public.s at 5", "set the value of public.s to 5", "set the value of public.s to 5, not called", "look for exhaustion in columns",
		"look for exhaustion in 1 sequences", `add a label to public.mood "ok" before "sad"`, `rename a label of public.mood "ok" to "well"`,
		"set savepoint p")
}
