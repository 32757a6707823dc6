package sqltest

import (
	"context"
	"database/sql/driver"
	"slices"
	"strconv"

	"github.com/massivedb/massive-go/dialect"
)

// Unchanged reports whether nothing was committed since the load that has the sign. It is false if
// [Fake.Next] has planned something for a load, so that the load comes.
func (f *Fake) Unchanged(ctx context.Context, q dialect.Querier, since dialect.Sign) (unchanged bool, err error) {
	err = f.ask(ctx, q, Call{Op: dialect.OpWatch}, func(_ context.Context, s *session) ([]driver.Value, error) {
		planned := slices.ContainsFunc(f.plans, func(p *plan) bool { return p.op == dialect.OpLoad })
		unchanged = !planned && since == f.sign(s)
		return nil, nil
	})
	return unchanged, err
}

// sign counts commits. As in Postgres, a standby has none, nor has a transaction that has written.
func (f *Fake) sign(s *session) dialect.Sign {
	if f.stand || !s.empty() {
		return ""
	}
	return dialect.Sign(strconv.Itoa(f.commits))
}
