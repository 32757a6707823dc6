package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/massivedb/massive-go/internal/testrun"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

func TestBadInput(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"-run", "NextVaule"}, `-run: no line's name matches "NextVaule"; there are Itself, Load, `},
		{[]string{"-run", "("}, "-run: error parsing regexp: missing closing )"},
		{[]string{"Load"}, `unexpected argument "Load"`},
		{[]string{"-short", "-write", "."}, "-write is for a full run"},
		{[]string{"-run", "Load", "-write", "."}, "-write is for a full run"},
		{[]string{"-loud"}, "flag provided but not defined: -loud"},
	} {
		var out, progress bytes.Buffer
		err := run(t.Context(), &out, &progress, c.args)
		if err == nil || !strings.Contains(err.Error(), c.says) || out.Len() > 0 {
			t.Errorf("%q: printed %q, error %v; want nothing and %q", c.args, &out, err, c.says)
		}
	}
}

func TestUnknownNameIsToldAllNames(t *testing.T) {
	t.Parallel()
	_, err := choose("none of these")
	for _, l := range lines {
		if err == nil || !strings.Contains(err.Error(), l.name) {
			t.Errorf("error %v; want it to name %s", err, l.name)
		}
	}
	for _, name := range []string{growthName, peersName} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v; want it to name %s", err, name)
		}
	}
}

func TestNoPostgres(t *testing.T) {
	t.Setenv("MASSIVE_POSTGRES_RUNG", "url")
	t.Setenv("MASSIVE_POSTGRES_URL", "")
	var out bytes.Buffer
	err := run(t.Context(), &out, &out, nil)
	if err == nil || !strings.Contains(err.Error(), "MASSIVE_POSTGRES_URL") || out.Len() > 0 {
		t.Errorf("printed %q, error %v; want nothing, and how to name a server", &out, err)
	}
}

// A race goes on while its ratio is too near the bar to tell, if there is time.
func TestDoubts(t *testing.T) {
	t.Parallel()
	e := effort{doubt: time.Second}
	for _, c := range []struct {
		name    string
		rounds  []float64 // ours, beside ones
		against bar
		took    time.Duration
		want    bool
	}{
		{"far below the bar", []float64{0.9, 0.91, 0.92, 0.93, 0.94}, bar{ratio: 1.05}, 0, false},
		{"far above it", []float64{1.2, 1.21, 1.22, 1.23, 1.24}, bar{ratio: 1.05}, 0, false},
		{"just below it", []float64{1, 1.02, 1.04, 1.06, 1.08}, bar{ratio: 1.05}, 0, true},
		{"just above it", []float64{1, 1.03, 1.06, 1.09, 1.12}, bar{ratio: 1.05}, 0, true},
		{"no time left", []float64{1, 1.03, 1.06, 1.09, 1.12}, bar{ratio: 1.05}, time.Second, false},
		{"another kind of bar", []float64{1, 1.03, 1.06, 1.09, 1.12}, bar{faster: 60}, 0, false},
	} {
		all := []*runner{{rounds: c.rounds}, {rounds: []float64{1, 1, 1, 1, 1}}}
		if got := e.doubts(all, c.against, c.took); got != c.want {
			t.Errorf("%s: got %t, want %t", c.name, got, c.want)
		}
	}
}

func TestShortRun(t *testing.T) {
	t.Parallel()
	testrun.Long(t)
	pgtest.NewDatabase(t) // skips, or fails, where there is no Postgres
	var out, progress bytes.Buffer
	err := run(t.Context(), &out, &progress, []string{"-short", "-json", "-run", "^(Itself|NextValue|Contains)$"})
	var r report
	if broken := json.Unmarshal(out.Bytes(), &r); broken != nil {
		t.Fatalf("%v\n%s\n%v", broken, &out, err)
	}
	// Tests run beside this one: what a ratio is then says nothing, and a missed bar is no failure of the harness.
	if err != nil && !strings.HasPrefix(err.Error(), "worse than 1.5 times the bar: ") {
		t.Fatal(err)
	}
	var got []string
	for _, l := range r.Lines {
		got = append(got, l.Line+" "+l.Mode)
		switch {
		case l.Line == "Contains":
			if l.Ours.Allocs != 0 || l.Ours.Nanoseconds <= 0 || l.Bare != nil {
				t.Errorf("%s: %+v", l.Line, l)
			}
			continue
		case l.Bare == nil || l.Ours.Nanoseconds < 1000 || l.Bare.Nanoseconds < 1000 || l.Rounds < leastRounds:
			t.Fatalf("%s, %s: %+v; want figures of a round trip on either side", l.Line, l.Mode, l)
		case l.Ours.Allocs < 10 || l.Bare.Allocs < 10:
			t.Errorf("%s, %s: allocations %v and %v; a round trip makes more", l.Line, l.Mode, l.Ours.Allocs, l.Bare.Allocs)
		case l.Ratio.Low > l.Ratio.Median || l.Ratio.Median > l.Ratio.High || l.Ratio.Low <= 0:
			t.Errorf("%s, %s: ratio %+v", l.Line, l.Mode, l.Ratio)
		}
		if l.Line == "NextValue" {
			if len(l.Tried) < 5 || len(l.Beside) != 1 || l.Beside[0].Form != "prepared" || l.Beside[0].Ratio == nil {
				t.Errorf("NextValue, %s: tried %v, beside %v; want all forms, and the prepared one beside", l.Mode, l.Tried, l.Beside)
			}
		}
	}
	want := "Itself lib/pq,Itself pgx,Itself pgx exec,Itself pgx simple," +
		"NextValue lib/pq,NextValue pgx,NextValue pgx exec,NextValue pgx simple,Contains pgx"
	if strings.Join(got, ",") != want {
		t.Errorf("lines %q; want %q", got, want)
	}
	if r.CutShort || !r.Short || r.Server == "" || r.Machine.Cores == 0 || r.Date == "" {
		t.Errorf("the report says of the run: %+v", r)
	}
}

// A canceller ends a context when something is said.
type canceller struct {
	cue    string
	cancel context.CancelFunc
}

func (c canceller) Write(text []byte) (int, error) {
	if strings.Contains(string(text), c.cue) {
		c.cancel()
	}
	return len(text), nil
}

func TestCutShort(t *testing.T) {
	t.Parallel()
	pgtest.NewDatabase(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out bytes.Buffer
	err := run(ctx, &out, canceller{"Itself, pgx exec", cancel}, []string{"-short", "-run", "Itself|Growth"})
	if err == nil || err.Error() != "cut short: the tables have what was measured until then" {
		t.Errorf("error %v; want it to say that the run was cut short", err)
	}
	if got := strings.Count(out.String(), "\nItself"); got != 2 || strings.Contains(out.String(), "pgx exec") ||
		strings.Contains(out.String(), "Growth") {
		t.Errorf("it printed:\n%s\nwant the two lines that were measured", &out)
	}
}

func TestSpread(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		values []float64
		want   spread
	}{
		{[]float64{7}, spread{7, 7, 7}},
		{[]float64{3, 1}, spread{2, 1.5, 2.5}},
		{[]float64{5, 1, 4, 2, 3}, spread{3, 2, 4}},
		{[]float64{1, 1, 1, 1000}, spread{1, 1, 250.75}},
	} {
		if got := spreadOf(c.values); got != c.want {
			t.Errorf("spreadOf(%v) = %v; want %v", c.values, got, c.want)
		}
	}
	if got := spreadOf(nil); !math.IsNaN(got.Median) {
		t.Errorf("spreadOf(nil) = %v; want no number", got)
	}
	// Both sides ten times slower in a round is no difference between them.
	if got := ratio([]float64{2, 20, 2}, []float64{1, 10, 1}); got != (spread{2, 2, 2}) {
		t.Errorf("ratio = %v; want 2", got)
	}
}

func TestBars(t *testing.T) {
	t.Parallel()
	figures := func(ratio, nanoseconds, allocs float64) *result {
		return &result{Ratio: spread{Median: ratio}, Ours: figure{Nanoseconds: nanoseconds, Allocs: allocs}}
	}
	for _, c := range []struct {
		bar   bar
		r     *result
		worse float64
		text  string
	}{
		{bar{ratio: 1.05}, figures(1.05, 0, 0), 1, "≤ 1.05 ×"},
		{bar{ratio: 1.05}, figures(2.1, 0, 0), 2, "≤ 1.05 ×"},
		{bar{faster: 60}, figures(0.01, 0, 0), 0.6, "≥ 60 × faster"},
		{bar{faster: 60}, figures(0.1, 0, 0), 6, "≥ 60 × faster"},
		{inMemory(0), figures(0, 25, 0), 0.5, "≤ 50ns, 0 allocs"},
		{inMemory(0), figures(0, 100, 0), 2, "≤ 50ns, 0 allocs"},
		{inMemory(1), figures(0, 25, 1), 0.5, "≤ 50ns, 1 allocs"},
		{inMemory(0), figures(0, 25, 1), 4, "≤ 50ns, 0 allocs"}, // fast, but it allocates
		{bar{}, figures(9, 9, 9), 0, "none"},
	} {
		if got := c.bar.worse(c.r); math.Abs(got-c.worse) > 1e-9 || c.bar.String() != c.text {
			t.Errorf("bar %s: %+v is %v times worse; want %v, and %s", c.bar, c.r, got, c.worse, c.text)
		}
	}
}

// fixed is a report with one line met, one missed, and a growth whose memory is missed.
func fixed() *report {
	return &report{
		Date: "2026-03-01", Server: "15.18", Machine: machine{"some CPU", 2, "some Linux", "go1.26"},
		Lines: []*result{
			{
				Line: "Met", Mode: "pgx", Bar: "≤ 1.05 ×", Worse: 0.98, Rounds: 20, Ratio: spread{1.0312, 1.01, 1.05},
				Ours: figure{"Op", 51_300, 28, 900, nil}, Bare: &figure{"by hand", 50_100, 24, 800, nil},
				Beside: []figure{{"prepared", 40_000, 22, 700, &spread{0.8, 0.7, 0.9}}},
			},
			{Line: "Missed", Mode: "lib/pq", Bar: "≤ 50ns, 0 allocs", Worse: 1.2, Ours: figure{"Find", 60, 0, 0, nil}},
		},
		Peers:  []*peer{{"load 100 of each kind", massiveJS, 5e6, 50e6, spread{0.1, 0.09, 0.12}, 20}},
		Growth: []*growth{{999, "pgx", 20e6, spread{2.01, 1.99, 2.1}, 0.84, 3e6, 2e5, 700}},
	}
}

func TestPrint(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := fixed().print(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"PostgreSQL 15.18; 2 cores of some CPU, some Linux, go1.26\n",
		"Met     pgx     51.3 µs  50.1 µs  by hand           1.031  1.010 – 1.050  20      28      24      ≤ 1.05 ×          met\n",
		"                         40.0 µs  beside: prepared  0.800  0.700 – 0.900                  22",
		"Missed  lib/pq  60.0 ns",
		"≤ 50ns, 0 allocs  not met\n",
		"999         pgx     20.0 ms  20.0 µs  2.010                1.990 – 2.100  ≤ 2.40 ×  met  3.00 MB  200 kB       700 B           ≤ 600 B  not met\n",
		"load 100 of each kind  5.00 ms       MassiveJS 6.11.3  50.0 ms   0.100  0.090 – 0.120  20\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it printed:\n%s\nwant a line %q", &out, want)
		}
	}
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	want := "not met: Missed on lib/pq is 1.20 times its bar; the memory of 999 structures is 700 bytes each"
	if err := fixed().verdict(full.tolerance); err == nil || err.Error() != want {
		t.Errorf("error %v; want %s", err, want)
	}
	if err := fixed().verdict(short.tolerance); err != nil {
		t.Errorf("error %v; nothing is worse than its bar by half", err)
	}
	r := fixed()
	r.Growth[0].Worse = 1.6
	if err := r.verdict(short.tolerance); err == nil || err.Error() != "worse than 1.5 times the bar: loading 999 structures on pgx is 1.60 times its bar" {
		t.Errorf("error %v", err)
	}
}

func TestWrite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := fixed().write(dir); err == nil {
		t.Error("a directory that isn't the project's was written to")
	}
	if err := os.Mkdir(filepath.Join(dir, "bench"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := fixed().write(dir); err != nil {
		t.Fatal(err)
	}
	document, err := os.ReadFile(filepath.Join(dir, "BENCHMARKS.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1 March 2026", "2 cores of some CPU", "| Met | pgx | 51.3 µs |", "| not met |", "- **NextValue**: ",
		"- **MassiveJS** (`db.reload()`)", "| load 100 of each kind | 5.00 ms | MassiveJS 6.11.3 | 50.0 ms | 0.100 |"} {
		if !strings.Contains(string(document), want) {
			t.Errorf("BENCHMARKS.md is\n%s\nwant %q", document, want)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "bench", "results.json"))
	var again report
	if err = errors.Join(err, json.Unmarshal(text, &again)); err != nil || len(again.Lines) != 2 {
		t.Errorf("results.json is %s (%v)", text, err)
	}
}
