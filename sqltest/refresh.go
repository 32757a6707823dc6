package sqltest

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/dialect/postgres"
)

// RefreshBlockers implements [dialect.MatviewDialect]. It returns the blockers of the
// Postgres dialect.
func (f *Fake) RefreshBlockers(view *dialect.MatviewDef, on dialect.Server, concurrently bool) ([]dialect.Blocker, error) {
	return postgres.New().RefreshBlockers(view, on, concurrently)
}

// RefreshMatview implements [dialect.MatviewDialect].
func (f *Fake) RefreshMatview(
	ctx context.Context, q dialect.Querier, view dialect.Name, how dialect.Refresh,
) (done dialect.Refreshed, err error) {
	call := Call{Op: dialect.OpRefresh, Name: view, Detail: refreshDetail(how)}
	switch {
	case how.IfOlder:
		call.Op = dialect.OpRefreshIfOlder
	case how.Concurrently:
		call.Op = dialect.OpRefreshConcurrently
	case how.IfPossible:
		call.Op = dialect.OpRefreshIfPossible
	}
	err = f.ask(ctx, q, call, func(ctx context.Context, s *session) ([]driver.Value, error) {
		if p := s.plan; p != nil && p.err != nil {
			if how.SkipIfBusy && errors.Is(p.err, dialect.ErrBusy) {
				done = dialect.Refreshed{Busy: true}
				return nil, nil
			}
			return nil, p.err
		}
		if how.LockTimeout > 0 {
			defer func(before time.Duration) { s.patience = before }(s.patience)
			s.patience = how.LockTimeout
		}
		locks := s.modes()
		done, err = f.refreshRecorded(ctx, s, view, how)
		if how.SkipIfBusy && errors.Is(err, errLockTimeout) {
			s.releaseTo(locks) // as the rollback of a subtransaction does
			done, err = dialect.Refreshed{Busy: true, Waited: true}, nil
		}
		return nil, err
	})
	return done, err
}

// refreshDetail returns the options of a refresh that Call.Op does not show.
func refreshDetail(how dialect.Refresh) string {
	var details []string
	switch {
	case how.IfOlder && how.Concurrently:
		details = append(details, "concurrently")
	case how.IfOlder && how.IfPossible:
		details = append(details, "concurrently if possible")
	}
	if how.NoData {
		details = append(details, "with no data")
	}
	if how.Analyze {
		details = append(details, "analyzing")
	}
	if how.SkipIfBusy {
		details = append(details, "unless busy")
	}
	if how.LockTimeout > 0 {
		details = append(details, "waiting "+how.LockTimeout.String())
	}
	return strings.Join(details, ", ")
}

func (f *Fake) refresh(ctx context.Context, s *session, view dialect.Name, how dialect.Refresh) (dialect.Refreshed, error) {
	v := f.views[view]
	checksFirst := how.Analyze || how.IfPossible || how.SkipIfBusy || how.LockTimeout > 0 || how.Record != nil // it reads the catalog before it writes
	if checksFirst && f.what(view, true) == "" {
		return dialect.Refreshed{}, missing(view)
	}
	if how.SkipIfBusy && v != nil && !v.spec.NotOwned && (v.lock.refreshing(s) || !v.turn.try(s, exclusive)) {
		return dialect.Refreshed{Busy: true}, nil
	}
	if err := s.writable("REFRESH MATERIALIZED VIEW"); err != nil {
		return dialect.Refreshed{}, err
	}
	switch {
	case v == nil:
		return dialect.Refreshed{}, f.notA(view)
	case v.spec.NotOwned:
		return dialect.Refreshed{}, f.notOwner(view)
	}
	done := dialect.Refreshed{Concurrently: how.Concurrently || how.IfPossible}
	if how.IfPossible {
		switch {
		case !s.content(v).populated:
			done = dialect.Refreshed{Prevented: dialect.BlockerNotPopulated}
		case len(v.spec.Unique) == 0:
			done = dialect.Refreshed{Prevented: dialect.BlockerNoUniqueIndex}
		}
	}
	need := accessExclusive
	if done.Concurrently {
		need = exclusive
	}
	if err := s.open(ctx, view, need); err != nil {
		return dialect.Refreshed{}, err
	}
	next := &content{}
	switch {
	case done.Concurrently:
		rows, err := v.merge(ctx, s)
		if err != nil {
			return dialect.Refreshed{}, err
		}
		next = &content{true, rows}
	case !how.NoData:
		if err := s.scan(ctx, v); err != nil {
			return dialect.Refreshed{}, err
		}
		if err := v.unique(v.query); err != nil {
			return dialect.Refreshed{}, err
		}
		next = &content{true, v.query}
	default:
		if err := s.pause(ctx); err != nil {
			return dialect.Refreshed{}, err
		}
	}
	s.contents[v] = next
	return done, nil
}
