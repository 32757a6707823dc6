package replace

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
)

// A Phase is a part of a run.
type Phase string

// The phases of a run, in order.
const (
	PhaseBuild Phase = "build" // the views are built a second time, without data
	PhaseFill  Phase = "fill"  // the new views are filled; again if others refresh the old ones
	PhaseWait  Phase = "wait"  // Run waits for older transactions that use the views
	PhaseSwap  Phase = "swap"  // the new views take the place of the old ones
)

// A Progress says which phase begins.
type Progress struct {
	Phase Phase
	Count int // how many times the phase has begun
}

// A Report says what Run did.
type Report struct {
	Filled time.Time     // the data is as of this time of the database's clock, or later
	Locked time.Duration // readers waited at most this long, for the last try; in a caller's transaction, without its commit
	Tries  int           // how often the swap was tried
	Fills  int           // how often the views were filled
}

// Run replaces the query. If the plan's querier is a pool or a connection, Run uses a
// transaction of its own. If it is a transaction, Run works in it, after a savepoint, and
// the locks last until the transaction ends; its isolation level must be READ COMMITTED.
//
// If others refresh one of the old views meanwhile, Run fills the new views again. So
// readers never read older data than before. While transactions that began earlier use the
// views, Run waits for them. It waits without a lock, so that readers don't queue.
//
// With [massive.WithLedger], the new views are recorded as refreshed as of their fill.
//
// Errors: [ErrChanged]; [massive.ErrBusy] after [GiveUpAfter]; those of Refresh with a
// ledger; the driver's error. After an error, nothing has changed.
func (r *Replacement) Run(ctx context.Context) (Report, error) {
	var report Report
	var locked time.Time
	err := inTransaction(ctx, r.db.Querier(), true, func(q massive.Querier) (err error) {
		run := &run{Replacement: r, q: q, report: &report, began: map[Phase]int{}}
		locked, err = run.all(ctx)
		return err
	})
	if !locked.IsZero() {
		report.Locked = time.Since(locked)
	}
	if err == nil {
		return report, nil
	}
	if sqlState(err) == "55000" && strings.Contains(err.Error(), "since the plan") {
		err = fmt.Errorf("%w: %w", ErrChanged, err)
	}
	return report, r.explain(ctx, opRun, err)
}

type run struct {
	*Replacement
	q      massive.Querier
	report *Report
	began  map[Phase]int
}

func (r *run) begin(p Phase) {
	r.began[p]++
	if r.progress != nil {
		r.progress(Progress{p, r.began[p]})
	}
}

func (r *run) exec(ctx context.Context, text string) error {
	_, err := r.q.ExecContext(ctx, text)
	return err
}

// all runs all phases. It returns when the swap began.
func (r *run) all(ctx context.Context) (time.Time, error) {
	var isolation string
	if err := r.q.QueryRowContext(ctx, "SELECT pg_catalog.current_setting('transaction_isolation')").Scan(&isolation); err != nil {
		return time.Time{}, err
	}
	if isolation != "read committed" {
		return time.Time{}, fmt.Errorf("%w: the transaction's isolation level is %s, and must be READ COMMITTED", massive.ErrInvalid, isolation)
	}
	s := &r.script
	r.begin(PhaseBuild)
	if err := r.exec(ctx, strings.Join(s.build, ";\n")); err != nil {
		return time.Time{}, err
	}
	r.begin(PhaseFill)
	if err := r.fill(ctx, s.fill); err != nil {
		return time.Time{}, err
	}
	if err := r.exec(ctx, strings.Join(s.index, ";\n")); err != nil {
		return time.Time{}, err
	}
	r.report.Fills = 1
	since := time.Now()
	for {
		if err := r.wait(ctx, since); err != nil {
			return time.Time{}, err
		}
		locked, again, err := r.swap(ctx)
		if err != nil || !again {
			return locked, err
		}
		if r.giveUp > 0 && time.Since(since) > r.giveUp {
			return locked, fmt.Errorf("%w: other sessions refresh or lock the views; %d tries failed", massive.ErrBusy, r.report.Tries)
		}
	}
}

// swap tries the swap once. It returns true if it must be tried again.
func (r *run) swap(ctx context.Context) (locked time.Time, again bool, err error) {
	r.begin(PhaseSwap)
	r.report.Tries++
	if err := r.readFilled(ctx); err != nil {
		return locked, false, err
	}
	if err := r.exec(ctx, "SAVEPOINT massive_swap"); err != nil {
		return locked, false, err
	}
	if err = r.exec(ctx, strings.Join(r.script.guard, ";\n")); err == nil {
		locked = time.Now()
		err = r.exec(ctx, strings.Join(append(r.script.swap[:len(r.script.swap):len(r.script.swap)], r.moveRecords()+"RELEASE SAVEPOINT massive_swap"), ";\n"))
	}
	if err == nil {
		return locked, false, nil
	}
	refreshed := sqlState(err) == "55000" && strings.Contains(err.Error(), "during the build")
	granted := sqlState(err) == "XX000" && strings.Contains(err.Error(), "concurrently") // a GRANT takes no lock
	if s := sqlState(err); !refreshed && !granted && s != "55P03" && s != "40P01" {
		return locked, false, err
	}
	if err := r.exec(ctx, "ROLLBACK TO SAVEPOINT massive_swap; RELEASE SAVEPOINT massive_swap"); err != nil {
		return locked, false, err
	}
	if refreshed {
		r.begin(PhaseFill)
		r.report.Fills++
		return locked, true, r.fill(ctx, r.script.refill)
	}
	return locked, true, nil
}

// A mover moves the records of views to another schema.
type mover interface {
	MoveRecords(l dialect.Ledger, schemas []string) string
}

// fill runs statements. With a ledger, refreshes are recorded.
func (r *run) fill(ctx context.Context, texts []string) error {
	for _, text := range texts {
		name, refreshes := r.script.refreshes[text]
		l, recorded := r.db.Ledger()
		var err error
		if refreshes && recorded {
			_, err = r.db.Dialect().RefreshMatview(ctx, r.q, name, dialect.Refresh{Record: &l})
		} else {
			err = r.exec(ctx, text)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// moveRecords returns the statement that gives the views' records their new names.
func (r *run) moveRecords() string {
	l, recorded := r.db.Ledger()
	if m, ok := r.db.Dialect().(mover); ok && recorded {
		return m.MoveRecords(l, r.script.schemas) + ";\n"
	}
	return ""
}

func (r *run) readFilled(ctx context.Context) error {
	var micros int64
	err := r.q.QueryRowContext(ctx, "SELECT (EXTRACT(epoch FROM f.at) * 1000000)::bigint FROM "+r.script.id+".filled f").Scan(&micros)
	r.report.Filled = time.UnixMicro(micros)
	return err
}

// wait waits for the transactions that hold a lock on the views now. It does not wait for
// transactions that begin later: there may always be some.
func (r *run) wait(ctx context.Context, since time.Time) error {
	r.begin(PhaseWait)
	var old []string
	for first := true; ; first = false {
		var text string
		if err := r.q.QueryRowContext(ctx, r.script.look).Scan(&text); err != nil {
			return err
		}
		now := strings.FieldsFunc(text, func(c rune) bool { return c == ',' })
		if first {
			old = slices.Clone(now)
		}
		old = slices.DeleteFunc(old, func(transaction string) bool { return !slices.Contains(now, transaction) })
		if len(old) == 0 {
			return nil
		}
		if r.giveUp > 0 && time.Since(since) > r.giveUp {
			return fmt.Errorf("%w: these virtual transactions use the views: %s", massive.ErrBusy,
				dialect.Few(old, ", ", func(s string) string { return s }))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}
