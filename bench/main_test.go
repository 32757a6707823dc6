package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/massivedb/massive-go/internal/testrun"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

func TestBadInput(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"-run", "NextVaule"}, `-run: no line's name matches "NextVaule"; there are MassiveJS/1000, `},
		{[]string{"-run", "("}, "-run: error parsing regexp: missing closing )"},
		{[]string{"Load"}, `unexpected argument "Load"`},
		{[]string{"-short", "-write", "."}, "-write is for a full run"},
		{[]string{"-loud"}, "flag provided but not defined: -loud"},
	} {
		var out, progress bytes.Buffer
		err := run(t.Context(), &out, &progress, c.args)
		if err == nil || !strings.Contains(err.Error(), c.says) || out.Len() > 0 {
			t.Errorf("%q: printed %q, error %v; want nothing and %q", c.args, &out, err, c.says)
		}
	}
}

func TestCountsOnServer(t *testing.T) { // not parallel: other tests allocate
	testrun.Long(t)
	pgtest.NewDatabase(t) // skips or fails without a Postgres
	w, err := newWorkbench(t.Context(), short, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	measure := func(l line, m mode) *result {
		r, err := w.measureLine(t.Context(), l, m)
		if err != nil {
			t.Fatalf("%s on %s: %v", l.name, m.name, err)
		}
		return r
	}
	// lib/pq takes two round trips for an unprepared statement with arguments.
	r := measure(line{bar: bar{ratio: 100}, setup: func(ctx context.Context, s *stage) (*contest, error) {
		db, err := s.open(ctx, "")
		return &contest{ours: each("with an argument", func(ctx context.Context) error {
			var v int64
			return db.QueryRowContext(ctx, "SELECT $1::bigint", 1).Scan(&v)
		}), bare: []side{number(db, "SELECT 1")}}, err
	}}, libpq)
	if want := []string{"2.0 round trips, at most 1.0"}; !slices.Equal(r.MissedCounts, want) {
		t.Errorf("missed %q, want %q: %+v", r.MissedCounts, want, r)
	}
	r = measure(loading(100, bar{ratio: growth}), pgxDefault)
	if c := r.Ours.counts; c.Statements != 1 || c.Trips != 1 || c.Blocks < 100 || c.Blocks < r.Bare.Blocks || c.Allocs < 50 {
		t.Errorf("a load has %+v; want one statement in one round trip, that reads blocks", c)
	}
}

func TestShortRun(t *testing.T) { // not parallel, either
	testrun.Long(t)
	pgtest.NewDatabase(t)
	var out bytes.Buffer
	if err := run(t.Context(), &out, io.Discard, []string{"-short", "-v", "-run", "^(NextValue|Contains|Select/CPU)$"}); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	if got := strings.Count(out.String(), "\nNextValue"); got != 4 {
		t.Errorf("NextValue was measured on %d drivers and modes, want 4:\n%s", got, &out)
	}
}

// A reader is blocked for 50 ms, and all readers read once more afterwards.
func TestLongestWaitIsOfBlockedReader(t *testing.T) {
	t.Parallel()
	testrun.Long(t)
	pgtest.NewDatabase(t)
	w, err := newWorkbench(t.Context(), short, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	for _, m := range defaultModes {
		s := &stage{workbench: w, mode: m}
		defer s.close()
		var pools []*sql.DB
		made := "CREATE TABLE orders AS SELECT 7 AS id, 7 AS customer, 77 AS amount; " + fmt.Sprintf(salesViews, "TABLE orders") + " -- " + m.name
		for range 1 + len(salesReaders) {
			db, err := s.open(t.Context(), made)
			if err != nil {
				t.Fatal(err)
			}
			pools = append(pools, db)
		}
		const held = 50 * time.Millisecond
		longest, err := longestWait(t.Context(), pools[1:], func(ctx context.Context) error { return blockReader(ctx, pools[0], held) })
		if err != nil || longest < held {
			t.Errorf("%s: the longest wait is %v, error %v; want at least %v", m.name, longest, err, held)
		}
		_, err = longestWait(t.Context(), pools[1:], func(ctx context.Context) error {
			_, err := pools[0].ExecContext(ctx, "DROP MATERIALIZED VIEW customers CASCADE")
			return err
		})
		if err == nil || !strings.Contains(err.Error(), `relation "customers" does not exist`) {
			t.Errorf("%s: error %v; want that of the reader whose view was dropped", m.name, err)
		}
	}
}

// blockReader blocks at least one reader of sales for d, and then waits until all sessions
// run another query.
func blockReader(ctx context.Context, db *sql.DB, d time.Duration) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	until := func(q massive.Querier, condition string) {
		for reached := false; err == nil && !reached; {
			err = q.QueryRowContext(ctx, "SELECT "+condition).Scan(&reached)
		}
	}
	_, err = tx.ExecContext(ctx, "REFRESH MATERIALIZED VIEW sales")
	until(tx, "EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
	time.Sleep(d)
	var now string
	if err = errors.Join(err, tx.Rollback()); err == nil {
		err = db.QueryRowContext(ctx, "SELECT clock_timestamp()::text").Scan(&now)
	}
	until(db, "min(query_start) > '"+now+"' FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
	return err
}

func TestMedianOfRuns(t *testing.T) {
	t.Parallel()
	ratios := []time.Duration{30, 10, 20}
	var done [2]int
	var now time.Duration
	l := line{name: "X", bar: bar{ratio: 20, worst: 25}, runs: 3, once: true, setup: func(context.Context, *stage) (*contest, error) {
		takes := func(i int, d time.Duration) side {
			return each("", func(context.Context) error {
				done[i]++
				now += d
				return nil
			})
		}
		return &contest{
			clock: func() (time.Duration, error) { return now, nil },
			ours:  takes(0, ratios[done[0]]),
			bare:  []side{takes(1, 1)},
		}, nil
	}}
	r, err := (&workbench{effort: full}).measureLine(t.Context(), l, pgxDefault)
	if err != nil {
		t.Fatal(err)
	}
	if r.Ratio != (spread{20, 10, 30}) || r.Worst != 30 || r.Ours.Nanoseconds != 20 || done != [2]int{3, 3} {
		t.Errorf("%+v after %d operations; want the run with the median ratio, after three of each side", r, done)
	}
	if want := "ratio 30.000 in one run, bar 25.00"; r.MissedRatio != want {
		t.Errorf("missed %q, want %q", r.MissedRatio, want)
	}
}

func TestSpread(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		values []float64
		want   spread
	}{
		{[]float64{7}, spread{7, 7, 7}},
		{[]float64{5, 1, 4, 2, 3}, spread{3, 2, 4}},
	} {
		if got := spreadOf(c.values); got != c.want {
			t.Errorf("spreadOf(%v) = %v; want %v", c.values, got, c.want)
		}
	}
	// A round that is ten times slower for both sides does not change the ratio.
	if got := ratio([]float64{2, 20, 2}, []float64{1, 10, 1}); got != (spread{2, 2, 2}) {
		t.Errorf("ratio = %v; want 2", got)
	}
}

func TestBars(t *testing.T) {
	t.Parallel()
	b := counts{Statements: 1, Trips: 1, Blocks: 10, Allocs: 20}
	for _, c := range []struct {
		bar   bar
		ours  counts
		ratio float64
		want  string
	}{
		{bar{ratio: 1.05}, b, 1.05, ""},
		{bar{ratio: 1.05}, b, 1.06, "ratio 1.060, bar 1.05"},
		{bar{ratio: 2, worst: 1}, b, 1.5, "ratio 1.500 in one run, bar 1.00"},
		{bar{ratio: 4}, counts{2, 1, 10, 20}, 1, "2.0 statements, at most 1.0"},
		{bar{ratio: 4}, counts{1, 2, 10, 20}, 1, "2.0 round trips, at most 1.0"},
		{bar{ratio: 2}, counts{1, 1, 26, 40}, 1, "26.0 blocks, at most 25.0"},
		{bar{ratio: 2, more: 1}, counts{1, 1, 20, 42}, 1, "42.0 allocations, at most 41.0"},
		{bar{ratio: 2, most: 30}, counts{1, 1, 20, 31}, 1, "31.0 allocations, at most 30.0"},
		{bar{ratio: 0.5}, b, 0.5, ""}, // faster, but not with fewer allocations
	} {
		r := &result{Ratio: spread{Median: c.ratio}, Worst: c.ratio, Ours: figure{counts: c.ours}, Bare: figure{counts: b}}
		ratio, counts := line{bar: c.bar}.missed(r)
		if got := ratio + strings.Join(counts, "; "); got != c.want {
			t.Errorf("%+v, %+v: missed %q, want %q", c.bar, c.ours, got, c.want)
		}
	}
}

// widest returns a report with all lines, and with the widest figures.
func widest() *report {
	r := &report{Date: "2026-03-01", Server: "15.18", Machine: machine{"some CPU", 2, "go1.26"}}
	for _, l := range lines {
		for _, m := range everyMode {
			x := &result{Line: l.name, Mode: m.name, Ours: figure{Nanoseconds: 51_300}, Bare: figure{Nanoseconds: 50_100}, Ratio: spread{1.03, 0.95, 1.1}, Bar: l.bar.ratio}
			if m.name == pgxSimple.name {
				x.Ratio.Median, x.MissedRatio = 1.25, "ratio 1.25, bar 1.05"
			}
			if l.name == "NextValues" {
				x.Others = []figure{{Form: "one value", Nanoseconds: 51_300, Ratio: 4.9}}
			}
			r.Lines = append(r.Lines, x)
		}
	}
	return r
}

func TestTableHasWorstDriverAndIsNarrow(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := widest().print(&out, false); err != nil {
		t.Fatal(err)
	}
	for row := range strings.Lines(out.String()) {
		if n := utf8.RuneCountInString(strings.TrimRight(row, " \n")); n >= 80 {
			t.Errorf("a row has %d columns, want fewer than 80: %s", n, row)
		}
	}
	want := "NextValue        pgx simple  51.3 µs  50.1 µs  1.25   0.95–1.10  ≤ 1.05  missed\n"
	if !strings.Contains(out.String(), want) || strings.Count(out.String(), "NextValue ") != 1 {
		t.Errorf("printed:\n%s\nwant one line of NextValue, %q", &out, want)
	}
}

func TestVerdictNamesEachMiss(t *testing.T) {
	t.Parallel()
	r := &report{Lines: []*result{
		{Line: "A", Mode: "pgx"},
		{Line: "B", Mode: "lib/pq", MissedRatio: "ratio 1.25, bar 1.05", MissedCounts: []string{"2.0 statements, at most 1.0"}},
	}}
	want := "missed: B on lib/pq: ratio 1.25, bar 1.05\nmissed: B on lib/pq: 2.0 statements, at most 1.0"
	if err := r.verdict(); err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	if err := (&report{Lines: r.Lines[:1]}).verdict(); err != nil {
		t.Errorf("error %v, want none", err)
	}
}

func TestWrite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := widest().write(dir); err == nil {
		t.Error("a directory that isn't the project's was written to")
	}
	if err := os.Mkdir(filepath.Join(dir, "bench"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := widest().write(dir); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "BENCHMARKS.md"))
	if err != nil {
		t.Fatal(err)
	}
	document := string(text)
	peers, rest := strings.Index(document, "| MassiveJS/1000 | "), strings.Index(document, "| Lookup | ")
	if peers < 0 || rest < peers || strings.Count(document, "\n") > 100 {
		t.Errorf("BENCHMARKS.md is\n%s\nwant MassiveJS first, on one page", document)
	}
}
