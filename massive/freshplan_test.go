package massive

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/stub"
	"github.com/massivedb/massive-go/registry"
)

// A refresh begins so early that it ends within the lag, but no sooner than at half the lag
// and at twice the duration of a refresh.
func TestRefreshesBeginInTime(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ lag, took, age, floor time.Duration }{
		{64, 0, 62, 32},
		{64, 8, 52, 32},
		{64, 20, 40, 40}, // at most half of the time
		{64, 24, 48, 48},
		{64, 100, 200, 200},
	} {
		age, floor := beginAt(c.lag*time.Second, c.took*time.Second)
		if age != c.age*time.Second || floor != c.floor*time.Second {
			t.Errorf("lag %ds, duration %ds: got %v and %v, want %ds and %ds", c.lag, c.took, age, floor, c.age, c.floor)
		}
	}
}

// A seen is a view as a test describes it. Times are seconds ago.
type seen struct {
	name, reads    string
	asOf, dataAsOf float64 // 0 for unknown
	took           float64
	failures       int
	failedAt       float64
	running        string // by whom
	own            bool   // by this process
	pause          float64
	lag            float64 // 0 if no policy names it
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// TestJudgements checks what is done with views: begin a refresh, wait for a time, or wait
// for something else; and why they are behind.
func TestJudgements(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule  string
		views []seen
		want  string // of each view: its name, and begin, wait and the seconds, or hold; then why it is behind
	}{
		{"a view of unknown age is refreshed", []seen{{name: "a", lag: 64}}, "a begin"},
		{"a fresh view waits", []seen{{name: "a", asOf: 10, dataAsOf: 10, lag: 64}}, "a wait 52"},
		{"a refresh begins earlier by its duration", []seen{{name: "a", asOf: 10, dataAsOf: 10, took: 8, lag: 64}}, "a wait 42"},
		{"it begins at that age", []seen{{name: "a", asOf: 52, dataAsOf: 52, took: 8, lag: 64}}, "a begin"},
		{"a view that is too old is behind", []seen{{name: "a", asOf: 65, dataAsOf: 65, took: 8, lag: 64}}, "a begin, behind: its refresh began late"},
		{"a slow view is refreshed half of the time", []seen{{name: "a", asOf: 150, dataAsOf: 150, took: 90, lag: 64}}, "a wait 30, behind: a refresh takes 1m30s"},
		{"a view that is being refreshed elsewhere is looked at again", []seen{{name: "a", asOf: 70, dataAsOf: 70, took: 8, running: "psql", lag: 64}},
			"a wait 2, behind: another session refreshes it: psql"},
		{"a view that this process refreshes is left alone", []seen{{name: "a", asOf: 59, dataAsOf: 59, running: "me", own: true, lag: 64}}, "a hold"},
		{"a failed view waits", []seen{{name: "a", failures: 4, failedAt: 3, lag: 64}}, "a wait 5, behind: 4 attempts to refresh it failed: broken"},
		{"it waits at most as long as allowed", []seen{{name: "a", failures: 40, failedAt: 3, lag: 64}}, "a wait 17, behind: 40 attempts to refresh it failed: broken"},
		{"then it is tried again", []seen{{name: "a", failures: 4, failedAt: 9, lag: 64}}, "a begin, behind: 4 attempts to refresh it failed: broken"},
		{"a view that was just tried waits", []seen{{name: "a", pause: 2, lag: 64}}, "a wait 2"},
		{"upstream comes first", []seen{{name: "a", lag: 64}, {name: "b", reads: "a", lag: 64}}, "a begin; b hold"},
		{"upstream is kept for its reader", []seen{{name: "a", asOf: 42, dataAsOf: 42, took: 8}, {name: "b", reads: "a", asOf: 34, dataAsOf: 42, took: 8, lag: 64}}, "a begin; b wait 18"},
		{"the reader follows", []seen{{name: "a", asOf: 10, dataAsOf: 10, took: 8}, {name: "b", reads: "a", asOf: 44, dataAsOf: 52, took: 8, lag: 64}}, "a wait 30; b begin"},
		{"a view waits for upstream that is being refreshed", []seen{{name: "a", asOf: 50, dataAsOf: 50, running: "psql"}, {name: "b", reads: "a", asOf: 65, dataAsOf: 65, lag: 64}},
			"a wait 10; b hold, behind: it waits for public.a, which is due or being refreshed"},
		{"a view is not refreshed if that can't improve its data", []seen{{name: "a", asOf: 70, dataAsOf: 70, failures: 9, failedAt: 1}, {name: "b", reads: "a", asOf: 5, dataAsOf: 70, lag: 64}},
			"a wait 19, behind: 9 attempts to refresh it failed: broken; b wait 57, behind: it reads public.a, whose rows are as old"},
		{"a failing upstream does not stop its reader", []seen{{name: "a", asOf: 700, dataAsOf: 700, failures: 9, failedAt: 1}, {name: "b", reads: "a", asOf: 65, dataAsOf: 700, lag: 64}},
			"a wait 19, behind: 9 attempts to refresh it failed: broken; b begin, behind: its refresh began late"},
		{"unknown upstream is a reason", []seen{{name: "a", failures: 9, failedAt: 1}, {name: "b", reads: "a", asOf: 5, lag: 64, failures: 0}},
			"a wait 19, behind: 9 attempts to refresh it failed: broken; b wait 57, behind: it reads public.a, whose rows are of unknown age"},
		{"a reader's lag is the lag of its sources", []seen{{name: "a", asOf: 65, dataAsOf: 65, lag: 640}, {name: "b", reads: "a", asOf: 5, dataAsOf: 5, lag: 64}},
			"a begin, behind: its refresh began late; b wait 57"},
		{"the strictest reader counts", []seen{{name: "a", asOf: 33, dataAsOf: 33}, {name: "b", reads: "a", asOf: 9, dataAsOf: 33, lag: 64}, {name: "c", reads: "a", asOf: 9, dataAsOf: 33, lag: 32}},
			"a begin, behind: its refresh began late; b wait 53; c wait 22, behind: it waits for public.a, which is due or being refreshed"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			if got := judged(t, c.views); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func judged(t *testing.T, views []seen) string {
	t.Helper()
	now := time.Now()
	at := func(ago float64) time.Time {
		if ago == 0 {
			return time.Time{}
		}
		return now.Add(-seconds(ago))
	}
	cat := &dialect.Catalog{SearchPath: []string{"public"}}
	ids := map[string]int64{}
	var policies []policy
	for i, v := range views {
		def := dialect.MatviewDef{Object: stub.Visible("public." + v.name), Populated: true, MayRefresh: true}
		def.ID = int64(i + 1)
		ids[v.name] = def.ID
		if v.reads != "" {
			def.Reads = []int64{ids[v.reads]}
		}
		cat.Matviews = append(cat.Matviews, def)
		if v.lag > 0 {
			p, err := newPolicy(Policy{Views: []string{v.name}, TargetLag: seconds(v.lag), MaxBackoff: 20 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			policies = append(policies, p)
		}
	}
	plan, problems := newKeepPlan(registry.New(cat, registry.Selection{}, &stub.Dialect{}, &stub.Querier{}), policies)
	if len(problems) > 0 {
		t.Fatal(problems[0].err)
	}
	plan.rows, plan.read = map[Name]dialect.Freshness{}, now
	kepts := map[Name]*kept{}
	for i, v := range views {
		row := dialect.Freshness{
			ID: int64(i + 1), Name: stub.Of("public." + v.name), Now: now, AsOf: at(v.asOf), DataAsOf: at(v.dataAsOf),
			Started: now, Finished: now.Add(seconds(v.took)), Failures: v.failures, FailedAt: at(v.failedAt), Error: "broken",
		}
		if v.running != "" {
			row.Running = &dialect.RunningRefresh{By: v.running}
		}
		plan.rows[row.Name] = row
		for _, target := range plan.targets {
			if target != nil && target.view.Name() == row.Name {
				k := &kept{target: target, running: v.own}
				k.take(row, true, now.Add(-time.Hour/2))
				k.jitter = 0
				if row.AsOf.IsZero() && v.failures == 0 {
					k.unknown = now
				}
				if v.pause > 0 {
					k.notBefore = now.Add(seconds(v.pause))
				}
				kepts[row.Name] = k
			}
		}
	}
	var all []string
	for _, d := range plan.judge(now, kepts) {
		text := d.view.row.Name.Name
		switch {
		case d.ready:
			text += " begin"
		case d.wait > 0:
			text += fmt.Sprintf(" wait %.0f", d.wait.Seconds())
		default:
			text += " hold"
		}
		if d.behind {
			text += ", behind: " + d.because.text
		}
		all = append(all, text)
	}
	return strings.Join(all, "; ")
}
