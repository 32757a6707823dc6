package sqltest

import (
	"context"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
)

func timeoutRules() []rule {
	const lock, statement = 100 * time.Millisecond, 1500 * time.Millisecond // the second leaves a slow machine's load time
	held := Catalog{
		Matviews:  []Matview{{Name: "v", Rows: []number{{1}}, Unique: []string{"n"}}},
		Sequences: []Sequence{{Name: "s"}},
	}
	locks, statements := held, held
	locks.LockTimeout, statements.StatementTimeout = lock, statement

	// waiting are operations that wait for a transaction which has reset the sequence and refreshed the view.
	waiting := map[dialect.Kind]map[string]func(ctx context.Context, c *check) error{
		dialect.KindSequence: {
			"next value": func(ctx context.Context, c *check) error { _, err := c.sequence("s").NextValue(ctx); return err },
			"restart":    func(ctx context.Context, c *check) error { return c.sequence("s").Restart(ctx) },
		},
		dialect.KindMatview: {
			"select":  func(ctx context.Context, c *check) error { return c.matview("v").Select(ctx, &[]int64{}, "") },
			"refresh": func(ctx context.Context, c *check) error { _, err := c.matview("v").Refresh(ctx); return err },
			"concurrent": func(ctx context.Context, c *check) error {
				_, err := c.matview("v").Refresh(ctx, concurrently...)
				return err
			},
		},
	}
	hold := func(c *check) (release func()) {
		tx, inside := c.other(nil)
		if c.has(dialect.KindSequence) {
			c.ok(sequenceOf(c, inside, "s").ResetTo(c.Context(), 40))
		}
		if c.has(dialect.KindMatview) {
			_, err := matviewOf(c, inside, "v").Refresh(c.Context())
			c.ok(err)
		}
		return func() {
			c.Helper()
			c.ok(tx.Commit())
			c.afresh()
			if c.has(dialect.KindSequence) {
				c.next(c.sequence("s"), 40)
			}
			if c.has(dialect.KindMatview) {
				c.want("the rows", c.numbers(c.matview("v")), []int64{1})
			}
		}
	}
	return []rule{{
		name: "timeout/lock", says: "what waits longer for a lock than the server's lock timeout is ErrBusy, and the holder goes on",
		needs: []Operation{SelectMatview, RefreshMatview, NextSequenceValue, RestartSequence}, adapts: true, each: true, catalog: locks,
		check: func(c *check) {
			release := hold(c)
			for kind, ops := range waiting {
				if !c.has(kind) {
					continue
				}
				for _, op := range ops {
					c.afresh()
					c.fails(op(c.Context(), c), massive.ErrBusy)
				}
			}
			release()
		},
	}, {
		name: "timeout/statement", says: "what takes longer than the server's statement timeout is ErrServerTimeout, and not the context's end; the holder goes on",
		needs: []Operation{SelectMatview, RefreshMatview, NextSequenceValue, RestartSequence}, adapts: true, catalog: statements, // not over Conn and Tx, for each takes its time
		check: func(c *check) {
			release := hold(c)
			for kind, name := range map[dialect.Kind]string{dialect.KindSequence: "next value", dialect.KindMatview: "select"} {
				if !c.has(kind) {
					continue
				}
				// A context of its own: the suite's patience may be less than the timeout.
				ctx, cancel := context.WithTimeout(c.T.Context(), statement+c.patience)
				err := waiting[kind][name](ctx, c)
				cancel()
				c.fails(err, massive.ErrServerTimeout)
			}
			release()
		},
	}}
}
