// Package replace replaces the query of a materialized view on Postgres, together with
// everything that depends on the view, while readers go on reading.
//
//	r, err := replace.Plan(ctx, m, "daily_sales", "SELECT day, sum(total) AS total FROM orders GROUP BY day")
//	fmt.Print(r)               // the SQL script, for review
//	report, err := r.Run(ctx)  // or run it
//
// Everything happens in one transaction:
//
//  1. Build: the views are created a second time, in shadow schemas, with their indexes,
//     rights and comments.
//  2. Fill: the new views are filled and analyzed. Readers read the old views.
//  3. Guard: a lock keeps refreshes and DDL off the old views. Readers don't notice it.
//  4. Swap: one message locks the old views, checks that nothing has changed since the
//     plan, drops them, and moves the new views to their schemas. Readers wait only for it.
//
// If the transaction fails at any point, or the program is killed, nothing has changed.
package replace

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/contexts"
	"github.com/massivedb/massive-go/internal/option"
	"github.com/massivedb/massive-go/internal/querier"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/registry"
)

// ErrChanged means that the views, or what depends on them, are not as they were when the
// replacement was planned. Plan it again.
var ErrChanged = errors.New("changed since the plan")

// A RefusedError says why a view's query can't be replaced. It wraps
// [massive.ErrPermission] if a right is missing, and [massive.ErrDrift] if the new view
// would not be as [massive.Expect] says.
type RefusedError struct {
	Reasons []string // each names an object

	causes []error
}

// Error returns the first five reasons.
func (e *RefusedError) Error() string {
	return "refused: " + dialect.Few(e.Reasons, "; ", func(s string) string { return s })
}

// Unwrap returns the causes that have a sentinel.
func (e *RefusedError) Unwrap() []error { return e.causes }

// A Replacement is the plan to replace a view's query. It is safe for concurrent use if
// its querier is. The zero value is not usable; call [Plan].
type Replacement struct {
	View     massive.Name
	Rebuilt  []massive.Name // the views that are built a second time, each after the views that it reads
	Replaced []massive.Name // the plain views whose query is replaced in place
	Dropped  []string       // the statements that no longer fit and are omitted; see [DropUnfit]

	db     *massive.DB
	script script
	settings
}

// A settings combines the options.
type settings struct {
	dropUnfit   bool
	giveUp      time.Duration
	lockTimeout time.Duration
	progress    func(Progress)
}

// An Option changes a replacement. Each option may be given once. The zero value is
// invalid.
type Option struct{ set option.Option[settings] }

// DropUnfit omits indexes, statistics, comments, column rights and column settings that no
// longer fit the view's new columns. [Replacement.Dropped] lists them. By default, they are
// reasons to refuse.
func DropUnfit() Option {
	return Option{option.Set("DropUnfit", func(s *settings) { s.dropUnfit = true })}
}

// GiveUpAfter limits the time between the first fill's end and the swap. After it, Run
// returns [massive.ErrBusy] instead of waiting or trying again. By default, only the context ends Run.
func GiveUpAfter(d time.Duration) Option {
	return Option{option.New("GiveUpAfter", func(s *settings) error { s.giveUp = d; return positive(d) })}
}

// LockTimeout limits how long the swap waits for each lock, which is how long a reader may
// wait for a try that fails. The default is 200 milliseconds.
func LockTimeout(d time.Duration) Option {
	return Option{option.New("LockTimeout", func(s *settings) error { s.lockTimeout = d; return positive(d.Truncate(time.Millisecond)) })}
}

// OnProgress calls fn at the beginning of each phase. Run waits until fn returns.
func OnProgress(fn func(Progress)) Option {
	return Option{option.New("OnProgress", func(s *settings) error {
		s.progress = fn
		if fn == nil {
			return fmt.Errorf("%w: the function is nil", massive.ErrInvalid)
		}
		return nil
	})}
}

func positive(d time.Duration) error {
	if d <= 0 {
		return fmt.Errorf("%w: %v is not a positive duration", massive.ErrInvalid, d)
	}
	return nil
}

const (
	opPlan = dialect.Op("plan the replacement of")
	opRun  = dialect.Op("replace")
)

// Plan plans to replace the query of a materialized view. It rehearses the replacement on
// empty views, in a transaction that it rolls back. It holds no lock that blocks readers.
// Names in the query are resolved along the search path, as in any query; the plan has
// them qualified. The name of the view is as for [massive.DB.Matview]. If m is bound to a
// transaction, so is the plan.
//
// Errors: [*RefusedError] with all reasons; [massive.ErrPermission] if the role may not
// read what the query reads; [massive.ErrInvalid] for a query that is not
// one statement and for wrong options; [massive.ErrNotFound]; [massive.ErrUnsupported] for
// another database than Postgres; the driver's error.
func Plan(ctx context.Context, m *massive.DB, view, query string, opts ...Option) (*Replacement, error) {
	fail := func(name massive.Name, err error) (*Replacement, error) {
		return nil, &massive.Error{Op: opPlan, Name: name, Err: err}
	}
	r := &Replacement{db: m, settings: settings{lockTimeout: 200 * time.Millisecond}}
	err := cmp.Or(contexts.Check(ctx), option.Apply(&r.settings, "Option", opts, func(o Option) option.Option[settings] { return o.set }))
	if err != nil {
		return fail(massive.Name{}, err)
	}
	v, err := m.Matview(view)
	if err != nil {
		return nil, err
	}
	r.View = v.Name()
	if d := m.Dialect(); d.Name() != "postgres" {
		return fail(r.View, fmt.Errorf("%w: package replace is for Postgres, not for %s", massive.ErrUnsupported, d.Name()))
	}
	query, ok := statement(query)
	if !ok {
		return fail(r.View, fmt.Errorf("%w: the query must be one statement", massive.ErrInvalid))
	}
	err = inTransaction(ctx, m.Querier(), false, func(q massive.Querier) error { return plan(ctx, r, q, query) })
	if err != nil {
		return nil, r.explain(ctx, opPlan, err)
	}
	return r, nil
}

// explain wraps an error in an [*massive.Error], with its cause.
func (r *Replacement) explain(ctx context.Context, op dialect.Op, err error) error {
	return registry.Explain(ctx, r.db.Dialect(), r.db.Querier(), dialect.Failure{Op: op, Name: r.View, Err: err})
}

// inTransaction runs f in a transaction, or in the caller's after a savepoint. It commits
// if commit is true and f succeeds.
func inTransaction(ctx context.Context, q massive.Querier, commit bool, f func(massive.Querier) error) error {
	if querier.IsTransaction(q) {
		if _, err := q.ExecContext(ctx, "SAVEPOINT massive_replace"); err != nil {
			return err
		}
		err := f(q)
		if err == nil && commit {
			_, err = q.ExecContext(ctx, "RELEASE SAVEPOINT massive_replace")
			return err
		}
		_, back := q.ExecContext(ctx, "ROLLBACK TO SAVEPOINT massive_replace; RELEASE SAVEPOINT massive_replace")
		return cmp.Or(err, back)
	}
	pool, ok := q.(interface {
		BeginTx(ctx context.Context, opts *sql.TxOptions) (*sql.Tx, error)
	})
	if !ok || querier.IsNil(q) {
		return fmt.Errorf("%w: a %T begins no transaction; use a *sql.DB, *sql.Conn or *sql.Tx", massive.ErrUnsupported, q)
	}
	tx, err := pool.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if err := f(tx); err != nil || !commit {
		return err
	}
	return tx.Commit()
}
