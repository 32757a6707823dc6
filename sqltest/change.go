package sqltest

import (
	"context"
	"database/sql/driver"
	"slices"
	"strconv"

	"github.com/massivedb/massive-go/dialect"
)

// Unchanged implements [dialect.ChangeDetector]. It reports whether nothing was committed
// since the load that returned the sign. It is false if [Fake.Next] planned the behaviour
// of a load, so that the load comes.
func (f *Fake) Unchanged(ctx context.Context, q dialect.Querier, since dialect.Sign) (unchanged bool, err error) {
	err = f.ask(ctx, q, Call{Op: dialect.OpWatch}, func(_ context.Context, s *session) ([]driver.Value, error) {
		planned := slices.ContainsFunc(f.plans, func(p *plan) bool { return p.op == dialect.OpLoad })
		unchanged = !planned && since == f.sign(s)
		return nil, nil
	})
	return unchanged, err
}

// sign returns the number of commits. As in Postgres, there is no sign on a standby, or
// in a transaction that has written.
func (f *Fake) sign(s *session) dialect.Sign {
	if f.stand || !s.empty() {
		return ""
	}
	return dialect.Sign(strconv.Itoa(f.commits))
}
