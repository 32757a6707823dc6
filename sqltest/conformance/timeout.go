package conformance

import (
	"context"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

// statementTimeout is long enough for a load on a slow machine.
const statementTimeout = 1500 * time.Millisecond

// held is a catalog with the structures that hold locks, and with these timeouts.
func held(lock, statement time.Duration) sqltest.Catalog {
	c := everything
	c.Enums = nil
	c.LockTimeout, c.StatementTimeout = lock, statement
	return c
}

// waiting has operations that wait for a transaction which reset the sequence and
// refreshed the view.
var waiting = map[dialect.Kind]map[string]func(ctx context.Context, c *check) error{
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

// hold begins a transaction that holds the locks for which waiting waits. release commits
// it and checks its changes.
func (c *check) hold() (release func()) {
	tx, inside := c.other(nil)
	if c.holds(dialect.KindSequence) {
		c.ok(sequenceOf(c, inside, "s").ResetTo(c.Context(), 40))
	}
	if c.has(dialect.KindMatview) {
		_, err := matviewOf(c, inside, "v").Refresh(c.Context())
		c.ok(err)
	}
	return func() {
		c.Helper()
		c.ok(tx.Commit())
		c.freshTx()
		if c.holds(dialect.KindSequence) {
			c.next(c.sequence("s"), 40)
		}
		if c.has(dialect.KindMatview) {
			c.want("the rows", c.numbers(c.matview("v")), []int64{1})
		}
	}
}

func timeoutRules() []rule {
	return []rule{
		timeoutLock(),
		timeoutStatement(),
	}
}

func timeoutLock() rule {
	return rule{
		name: "timeout/lock",
		says: "An operation that waits for a lock longer than the server's lock timeout " +
			"returns ErrBusy. The transaction that holds the lock continues",
		needs: []Operation{SelectMatview, RefreshMatview, NextSequenceValue, RestartSequence}, adapts: true, each: true, catalog: held(100*time.Millisecond, 0),
		unless: func(h Harness) string {
			return iff(h.NoLockTimeout, "Harness.NoLockTimeout is set") + nothingHolds(true)(h)
		},
		check: func(c *check) {
			release := c.hold()
			for kind, ops := range waiting {
				if !c.holds(kind) {
					continue
				}
				for _, op := range ops {
					c.freshTx()
					c.fails(op(c.Context(), c), massive.ErrBusy)
				}
			}
			release()
		},
	}
}

func timeoutStatement() rule {
	return rule{
		name: "timeout/statement",
		says: "An operation that takes longer than the server's statement timeout " +
			"returns ErrServerTimeout, and not the context's error. The transaction that " +
			"it waited for continues",
		needs: []Operation{SelectMatview, RefreshMatview, NextSequenceValue, RestartSequence}, adapts: true, catalog: held(0, statementTimeout), // not over Conn and Tx, to save time
		unless: func(h Harness) string {
			return iff(h.NoStatementTimeout, "Harness.NoStatementTimeout is set")
		},
		check: func(c *check) {
			release := c.hold()
			for kind, name := range map[dialect.Kind]string{dialect.KindSequence: "next value", dialect.KindMatview: "select"} {
				if !c.holds(kind) {
					continue
				}
				// Not c.Context(): the harness's Patience may be shorter than the
				// timeout.
				ctx, cancel := context.WithTimeout(c.T.Context(), statementTimeout+c.patience)
				err := waiting[kind][name](ctx, c)
				cancel()
				c.fails(err, massive.ErrServerTimeout)
			}
			release()
		},
	}
}
