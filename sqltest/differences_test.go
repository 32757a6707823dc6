package sqltest_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

// A played step has an expected outcome. For a look, which returns everything, want is a
// part of it.
type played struct {
	step
	want string
}

// differences has former differences between the fake and Postgres, each reduced to its
// essential steps.
var differences = []struct {
	rule    string
	catalog sqltest.Catalog
	opts    []massive.LoadOption
	steps   []played
	before  int // the major version in which Postgres changed; 0 for none
}{
	{
		rule:    "a schema is in the search path only once",
		catalog: sqltest.Catalog{SearchPath: []string{"public", "app", "public"}},
		steps:   []played{{step{do: look}, "search path [public app]"}},
	},
	{
		rule: "the right to set a sequence includes the right to take a value",
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{
			{Name: "a", Rights: &dialect.SequenceRights{Set: true}},
		}},
		steps: []played{
			{step{do: look}, `"Rights":{"Read":false,"Next":true,"Set":true,"Restart":false}`},
			{step{do: nextValue, name: "a"}, "1"},
		},
	},
	{
		rule: "a table that a sequence's column needs also hides names",
		catalog: sqltest.Catalog{
			SearchPath: []string{"app", "public"},
			Matviews:   []sqltest.Matview{{Name: "a", Rows: []pair{}}},
			Sequences:  []sqltest.Sequence{{Name: "app.b", OwnedBy: "app.a.id"}},
		},
		steps: []played{{step{do: look}, "public.a is hidden by table app.a"}},
	},
	{
		rule: "dropping a table drops the sequences that it owns, and removes its key from other sequences",
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{
			{Name: "a", OwnedBy: "t.id"}, {Name: "b", KeyOf: "t.id"},
		}},
		opts: []massive.LoadOption{massive.WithKeySequences()},
		steps: []played{
			{step{do: change, change: sqltest.Drop{Name: "t"}}, "done"},
			{step{do: reload}, "sequence public.a removed\nsequence public.b changed: key of public.t.id → none"},
			{step{do: nextValue, name: "b"}, "1"},
		},
	},
	{
		rule: "an index keeps its name when its view is renamed, and the name stays taken",
		catalog: sqltest.Catalog{
			Matviews: []sqltest.Matview{{Name: "a", Rows: []pair{}, Unique: []string{"n", "s"}}},
		},
		steps: []played{
			{step{do: change, change: sqltest.Rename{Name: "a", To: "b"}}, "done"},
			{step{do: look}, "public.b [{n bigint} {s text}] [{a_n_s_idx "},
			{step{do: change, change: sqltest.Create{
				Matviews: []sqltest.Matview{{Name: "a", Rows: []pair{}, Unique: []string{"n", "s"}}},
			}}, "done"},
			{step{do: look}, "public.a [{n bigint} {s text}] [{a_n_s_idx1 "},
			{step{do: change, change: sqltest.Drop{Name: "b"}}, "done"},
			{step{do: change, change: sqltest.Create{
				Matviews: []sqltest.Matview{{Name: "a_n_s_idx", Rows: []pair{}}},
			}}, "done"},
			{step{do: look}, "public.a_n_s_idx "},
		},
	},
	{
		rule: "a long index name is cut between characters",
		catalog: sqltest.Catalog{
			Matviews: []sqltest.Matview{
				{Name: strings.Repeat("é", 31), Rows: []pair{}, Unique: []string{"n", "s"}},
				{Name: "b", Columns: []dialect.Column{{Name: strings.Repeat("ü", 31), Type: "text"}}, Unique: []string{strings.Repeat("ü", 31)}},
			},
		},
		steps: []played{
			{step{do: look}, "{" + strings.Repeat("é", 27) + "_n_s_idx "},
			{step{do: look}, "{b_" + strings.Repeat("ü", 28) + "_idx "},
		},
	},
	{
		rule:    "a restart discards the values that its connection has reserved, even if it is rolled back",
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "a", Cache: 5}}},
		steps: []played{
			{step{do: nextValue, name: "a"}, "1"},
			{step{do: begin}, "begun"},
			{step{do: restart, name: "a"}, "done"},
			{step{do: rollback}, "ended"},
			{step{do: nextValue, name: "a"}, "6"},
			{step{do: resetTo, name: "a", value: -1}, "reset to a value public.a: out of range"},
			{step{do: nextValue, name: "a"}, "7"},
		},
	},
	{
		rule: "a concurrent refresh keeps only one of two equal rows with a NULL outside the index",
		catalog: sqltest.Catalog{Matviews: []sqltest.Matview{
			{Name: "a", Rows: []nullable{{N: to(1)}, {N: nil}}, Unique: []string{"n"}},
		}},
		steps: []played{
			{step{do: change, change: sqltest.SetRows{Matview: "a", Rows: []nullable{{N: to(1)}, {N: to(1)}, {}, {}}}}, "done"},
			{step{do: refreshConcurrently, name: "a"}, "refreshed in 0s (concurrent, requested)"},
			{step{do: selectRows, name: "a"}, `[{"N":1,"S":null} {"N":null,"S":null} {"N":null,"S":null}]`},
			{step{do: refresh, name: "a"}, "refresh public.a: duplicate rows"},
			{step{do: change, change: sqltest.SetRows{Matview: "a", Rows: []nullable{{N: to(2)}, {N: to(2)}}}}, "done"},
			{step{do: refreshConcurrently, name: "a"}, "refresh concurrently public.a: duplicate rows"},
		},
	},
	{
		rule: "0 and -0 are the same key, and so is a time in two zones",
		catalog: sqltest.Catalog{Matviews: []sqltest.Matview{
			{Name: "a", Rows: []wide{}, Unique: []string{"f"}}, {Name: "b", Rows: []wide{}, Unique: []string{"t"}},
		}},
		steps: []played{
			{step{do: change, change: sqltest.SetRows{Matview: "a", Rows: []wide{{F: 0}, {F: math.Copysign(0, -1)}}}}, "done"},
			{step{do: refresh, name: "a"}, "refresh public.a: duplicate rows"},
			{step{do: refreshConcurrently, name: "a"}, "refresh concurrently public.a: duplicate rows"},
			{step{do: change, change: sqltest.SetRows{Matview: "b", Rows: []wide{
				{T: time.Unix(0, 1600).UTC()}, {T: time.Unix(0, 2000).In(time.FixedZone("", 3600)), B: true},
			}}}, "done"},
			{step{do: refresh, name: "b"}, "refresh public.b: duplicate rows"},
		},
	},
	{
		rule: "an operation on a name that another kind of structure has returns the error of Postgres",
		catalog: sqltest.Catalog{
			Matviews:  []sqltest.Matview{{Name: "a", Rows: []pair{}}},
			Sequences: []sqltest.Sequence{{Name: "b"}},
		},
		steps: []played{
			{step{do: change, change: sqltest.Drop{Name: "a"}}, "done"},
			{step{do: change, change: sqltest.Drop{Name: "b"}}, "done"},
			{step{do: change, change: sqltest.Create{
				Matviews:  []sqltest.Matview{{Name: "b", Rows: []pair{}, NotOwned: true}},
				Sequences: []sqltest.Sequence{{Name: "a"}},
			}}, "done"},
			{step{do: selectRows, name: "a"}, "select from public.a: not found"},
			{step{do: restart, name: "b"}, "restart public.b: permission denied"},
			{step{do: nextValue, name: "b"}, "next value of public.b: not found"},
			{step{do: lastValue, name: "b"}, "last value of public.b: not found"},
		},
	},
	{
		rule:    "rolling back to a savepoint does not release the lock with which a sequence is opened",
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "a"}, {Name: "b"}}},
		steps: []played{
			{step{do: begin}, "begun"},
			{step{do: setSavepoint, name: "p"}, "set"},
			{step{do: nextValue, name: "a"}, "1"},
			{step{do: resetTo, name: "b", value: 5}, "done"},
			{step{do: nextValue, name: "b", session: 1}, "blocked"},
			{step{do: rollbackSavepoint, name: "p"}, "rolled back"},
			{step{do: nextValue, name: "b", session: 1}, "1"},
			{step{do: restart, name: "a", session: 1}, "blocked"},
			{step{do: restart, name: "b", session: 1}, "blocked"},
			{step{do: resetTo, name: "b", value: -1}, "reset to a value public.b: out of range"},
			{step{do: restart, name: "a", session: 1}, "done"},
			{step{do: restart, name: "b", session: 1}, "done"},
		},
	},
	{
		rule: "a refresh that reads the catalog first returns not found before read-only",
		catalog: sqltest.Catalog{
			Matviews: []sqltest.Matview{{Name: "a", Rows: []pair{}}, {Name: "b", Rows: []pair{}}},
		},
		steps: []played{
			{step{do: change, change: sqltest.Drop{Name: "a"}}, "done"},
			{step{do: beginReadOnly}, "begun"},
			{step{do: refreshIfPossible, name: "a"}, "refresh concurrently if possible public.a: not found"},
			{step{do: rollback}, "ended"},
			{step{do: beginReadOnly}, "begun"},
			{step{do: refresh, name: "a", unlessBusy: true}, "refresh public.a: not found"},
			{step{do: rollback}, "ended"},
			{step{do: beginReadOnly}, "begun"},
			{step{do: refresh, name: "a"}, "refresh public.a: read-only"},
			{step{do: rollback}, "ended"},
			{step{do: beginReadOnly}, "begun"},
			{step{do: refreshIfPossible, name: "b"}, "refresh concurrently if possible public.b: read-only"},
		},
	},
	{
		rule: "reading a view's definition locks the views that it reads directly until the transaction ends",
		catalog: sqltest.Catalog{
			Matviews: []sqltest.Matview{
				{Name: "a", Rows: []pair{}}, {Name: "b", Rows: []pair{}, Reads: []string{"v"}},
				{Name: "c", Rows: []pair{}, Reads: []string{"b"}},
			},
			Views: []sqltest.View{{Name: "v", Reads: []string{"a"}}},
		},
		steps: []played{
			{step{do: begin}, "begun"},
			{step{do: definition, name: "c"}, "defined"},
			{step{do: refreshNoData, name: "c", session: 1}, "blocked"},
			{step{do: refreshNoData, name: "b", session: 1}, "blocked"},
			{step{do: refresh, name: "a", session: 1}, "refreshed in 0s (blocking, the default)"},
		},
		before: 16, // since then the lock ends with the statement
	},
	{
		rule: "a view whose schema is not in the search path is not hidden",
		catalog: sqltest.Catalog{
			SearchPath: []string{"app"},
			Matviews:   []sqltest.Matview{{Name: "public.a", Rows: []pair{}}},
		},
		steps: []played{
			{step{do: change, change: sqltest.Create{Tables: []string{"app.a"}}}, "done"},
			{step{do: watch}, "nothing new"},
			{step{do: reload}, ""},
		},
	},
	{
		rule:    "reading the definition of a view that became a table does not fail the transaction",
		catalog: sqltest.Catalog{Matviews: []sqltest.Matview{{Name: "a", Rows: []pair{}}, {Name: "b", Rows: []pair{}}}},
		steps: []played{
			{step{do: change, change: sqltest.Drop{Name: "a"}}, "done"},
			{step{do: change, change: sqltest.Create{Tables: []string{"a"}}}, "done"},
			{step{do: begin}, "begun"},
			{step{do: definition, name: "a"}, "read the definition of public.a: not found sql: no rows in result set"},
			{step{do: selectRows, name: "b"}, "[]"},
			{step{do: commit}, "ended"},
			{step{do: change, change: sqltest.Drop{Name: "a"}}, "done"},
			{step{do: begin}, "begun"},
			{step{do: definition, name: "a"}, "read the definition of public.a: not found"},
			{step{do: selectRows, name: "b"}, "select from public.b: transaction already failed"},
		},
	},
}

func to(n int64) *int64 { return &n }

// The fake and Postgres have the same outcomes.
func TestDifferences(t *testing.T) {
	t.Parallel()
	for _, d := range differences {
		t.Run(d.rule, func(t *testing.T) {
			t.Parallel()
			t.Run("fake", func(t *testing.T) {
				t.Parallel()
				s := fakeSide(t, d.catalog, d.opts...)
				defer s.close()
				play(t, s, d.steps)
			})
			t.Run("Postgres", func(t *testing.T) {
				t.Parallel()
				s := newServer(t).side(t, "pgx", d.catalog, d.opts...)
				defer s.close()
				if major := s.m.Server().Major; d.before != 0 && major >= d.before {
					t.Skipf("Postgres %d does otherwise", major)
				}
				play(t, s, d.steps)
			})
		})
	}
}

func play(t *testing.T, s *side, steps []played) {
	t.Helper()
	for _, p := range steps {
		got := s.take(p.step, 0)
		if p.do == look && strings.Contains(got.text, p.want) {
			continue
		}
		if got.text != p.want {
			t.Errorf("%v\ngot  %v\nwant %v", p.step, got, p.want)
		}
	}
}

// A session that holds a lock gets a stronger mode before another session that waits for
// the lock.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	catalog := sqltest.Catalog{Matviews: []sqltest.Matview{{Name: "a", Rows: []pair{}, Unique: []string{"n"}}}}
	check := func(t *testing.T, s *side) {
		t.Helper()
		defer s.close()
		play(t, s, []played{
			{step{do: begin}, "begun"},
			{step{do: refreshConcurrently, name: "a"}, "refreshed in 0s (concurrent, requested)"},
		})
		other := make(chan outcome, 1)
		go func() { other <- s.perform(t.Context(), step{do: refresh, name: "a", session: 1}) }()
		for deadline := time.Now().Add(20 * time.Second); !s.waits(s.sessions[1]); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the other session does not wait, want it to wait")
			}
		}
		for _, p := range []played{
			{step{do: refresh, name: "a"}, "refreshed in 0s (blocking, the default)"}, {step{do: commit}, "ended"},
		} {
			if got := s.perform(t.Context(), p.step); got.text != p.want {
				t.Errorf("%v\ngot  %v\nwant %v", p.step, got, p.want)
			}
		}
		if got, want := <-other, "refreshed in 0s (blocking, the default)"; got.text != want {
			t.Errorf("the other session\ngot  %v\nwant %v", got, want)
		}
	}
	t.Run("fake", func(t *testing.T) {
		t.Parallel()
		check(t, fakeSide(t, catalog))
	})
	t.Run("Postgres", func(t *testing.T) {
		t.Parallel()
		check(t, newServer(t).side(t, "pgx", catalog))
	})
}
