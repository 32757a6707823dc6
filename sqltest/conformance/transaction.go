package conformance

import (
	"context"
	"database/sql"
	"errors"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

// everything is a catalog with a structure of each kind.
var everything = sqltest.Catalog{
	Matviews:  []sqltest.Matview{{Name: "v", Rows: []number{{1}}, Unique: []string{"n"}}},
	Enums:     []sqltest.Enum{{Name: "mood", Labels: []string{"sad"}}},
	Sequences: []sqltest.Sequence{{Name: "s"}},
}

func transactionRules() []rule {
	return []rule{
		transactionSnapshot(),
		transactionReadOnly(),
		transactionFailed(),
		transactionOpen(),
		transactionEnded(),
		transactionDeadlock(),
		cancelBefore(),
		cancelWaiting(),
	}
}

func transactionSnapshot() rule {
	return rule{
		name: "transaction/snapshot",
		says: "A DB that With returned has its own snapshot. Reload and " +
			"AppendLocalLabels on it do not affect other DBs, and vice versa",
		catalog: sqltest.Catalog{Enums: everything.Enums},
		check: func(c *check) {
			_, inside := c.other(nil)
			c.ok(inside.AppendLocalLabels("mood", "inside"))
			c.db.Do(c, sqltest.AddLabel{Enum: "mood", Label: "ok"})
			c.want("the labels outside the transaction", enumLabels(c, c.m), []string{"sad"})
			c.want("the labels inside the transaction", enumLabels(c, inside), []string{"sad", "inside"})
			_, err := inside.Reload(c.Context())
			c.ok(err)
			c.want("the labels inside after a reload", enumLabels(c, inside), []string{"sad", "ok"})
			c.want("the labels outside after a reload inside", enumLabels(c, c.m), []string{"sad"})
			_, err = c.m.Reload(c.Context())
			c.ok(err)
			c.ok(c.m.AppendLocalLabels("mood", "outside"))
			c.want("the labels inside after a reload outside", enumLabels(c, inside), []string{"sad", "ok"})
		},
	}
}

func transactionReadOnly() rule {
	return rule{
		name: "transaction/read-only",
		says: "In a read-only transaction an operation that writes returns ErrReadOnly. " +
			"After that, operations return ErrTxAborted, or work if " +
			"Harness.StatementsFailAlone is set",
		needs: []Operation{SelectMatview, RefreshMatview, EnumColumns, AddEnumLabel, RenameEnumLabel, SequenceState, NextSequenceValue, RestartSequence}, adapts: true, catalog: everything,
		check: func(c *check) {
			for what, op := range c.operations(c.Context()) {
				tx, inside := c.other(&sql.TxOptions{ReadOnly: true})
				c.ok(c.reads(inside))
				err := op(c, inside)
				if what == "select" || what == "last value" || what == "reload" || what == "used by" {
					c.ok(err)
				} else {
					c.fails(err, massive.ErrReadOnly)
					c.afterFailure(c.reads(inside))
				}
				c.ok(tx.Rollback())
			}
		},
	}
}

func transactionFailed() rule {
	return rule{
		name: "transaction/failed",
		says: "After a failure in a transaction, all operations in it return " +
			"ErrTxAborted, and Commit fails. If Harness.StatementsFailAlone is set, the " +
			"transaction continues and commits its other changes",
		needs: []Operation{SelectMatview, RefreshMatview, EnumColumns, AddEnumLabel, RenameEnumLabel, SequenceState, NextSequenceValue, RestartSequence}, adapts: true, catalog: everything,
		check: func(c *check) {
			for kind, one := range map[dialect.Kind]struct {
				does, fails func(m *massive.DB) error
				with        error
				then        func(ctx context.Context) error // another session's, which waits for the locks of does
				works       func(m *massive.DB) error       // works after the failure if statements fail alone
			}{
				dialect.KindSequence: {
					func(m *massive.DB) error { return sequenceOf(c, m, "s").ResetTo(c.Context(), 50) },
					func(m *massive.DB) error { return sequenceOf(c, m, "s").ResetTo(c.Context(), -1) }, massive.ErrOutOfRange,
					func(ctx context.Context) error { _, err := c.sequence("s").NextValue(ctx); return err },
					func(m *massive.DB) error { _, err := sequenceOf(c, m, "s").NextValue(c.Context()); return err },
				},
				dialect.KindMatview: {
					func(m *massive.DB) error {
						_, err := matviewOf(c, m, "v").Refresh(c.Context(), massive.WithNoData())
						return err
					},
					func(m *massive.DB) error { return matviewOf(c, m, "v").Select(c.Context(), &[]int64{}, "") }, massive.ErrNotPopulated,
					func(ctx context.Context) error { return c.matview("v").Select(ctx, &[]int64{}, "") },
					func(m *massive.DB) error { _, err := matviewOf(c, m, "v").Refresh(c.Context()); return err },
				},
				dialect.KindEnum: {
					func(m *massive.DB) error { return mood(c, m).AddValue(c.Context(), "ok") },
					func(m *massive.DB) error { return mood(c, m).AddValue(c.Context(), "ok") }, massive.ErrLabelExists,
					func(ctx context.Context) error { return mood(c, c.m).RenameValue(ctx, "sad", "sad, still") },
					func(m *massive.DB) error { return mood(c, m).RenameValue(c.Context(), "sad", "glum") },
				},
			} {
				if !c.has(kind) {
					continue
				}
				tx, inside := c.other(nil)
				c.ok(one.does(inside))
				c.fails(one.fails(inside), one.with)
				if c.harness.StatementsFailAlone {
					c.ok(one.works(inside))
					c.ok(c.reads(inside))
					if c.holds(kind) {
						c.blocks("an operation in another session (the transaction keeps the locks from before the failure)", one.then)
					}
					c.ok(tx.Commit())
					continue
				}
				for _, op := range c.operations(c.Context()) {
					c.fails(op(c, inside), massive.ErrTxAborted)
				}
				c.passes("an operation in another session (a failed transaction releases its locks)", one.then)
				if err := tx.Commit(); err == nil {
					c.Errorf("%s\n\tcommitting the failed transaction: got no error, want one", c.rule.says)
				}
			}
			last, labels := int64(1), []string{"sad, still"}
			if c.harness.Restarts != MovesUndone {
				last = 50
			}
			if c.harness.StatementsFailAlone {
				last, labels = 50, []string{"glum", "ok"}
				_, err := c.m.Reload(c.Context())
				c.ok(err)
			}
			switch {
			case !c.has(dialect.KindSequence):
			case c.harness.CancelsLate: // the cancelled NextValue may have taken a value
				st, err := c.sequence("s").State(c.Context())
				c.ok(err)
				c.want("the next value is beyond the last", st.Next > last, true)
			default:
				c.state(c.sequence("s"), last, true)
			}
			if c.has(dialect.KindMatview) {
				c.want("the rows", c.numbers(c.matview("v")), []int64{1})
			}
			if c.has(dialect.KindEnum) {
				c.want("the labels", enumLabels(c, c.m), labels)
			}
		},
	}
}

func transactionOpen() rule {
	return rule{
		name:  "transaction/open",
		says:  "No operation commits the caller's transaction",
		needs: []Operation{SetSavepoint}, adapts: true,
		catalog: sqltest.Catalog{
			Matviews: everything.Matviews, Enums: everything.Enums,
			Sequences: []sqltest.Sequence{{Name: "s", Feeds: []string{"t.id"}, Holds: []int64{40}}},
		},
		check: func(c *check) {
			d := c.db.Dialect()
			for what, op := range c.able() {
				tx, inside := c.other(nil)
				c.ok(d.SetSavepoint(c.Context(), tx, "before"))
				c.ok(op(c, inside))
				// A commit would have forgotten the savepoint.
				if err := d.RollbackToSavepoint(c.Context(), tx, "before"); err != nil {
					c.Errorf("%s\n\tafter %s the savepoint from before is gone, so that the transaction was ended: %v", c.rule.says, what, err)
				}
				c.ok(tx.Rollback())
			}
		},
	}
}

// able returns the operations that the dialect has.
func (c *check) able() map[string]func(c *check, m *massive.DB) error {
	ctx := c.Context()
	all := c.operations(ctx)
	if c.has(dialect.KindSequence) {
		all["next values"] = func(c *check, m *massive.DB) error { _, err := sequenceOf(c, m, "s").NextValues(ctx, 2); return err }
		all["next block"] = func(c *check, m *massive.DB) error { _, err := sequenceOf(c, m, "s").NextBlock(ctx); return err }
		all["set"] = func(c *check, m *massive.DB) error { return sequenceOf(c, m, "s").SetValue(ctx, 7, true) }
		all["lag"] = func(c *check, m *massive.DB) error { _, err := sequenceOf(c, m, "s").Lag(ctx); return err }
		all["catch up"] = func(c *check, m *massive.DB) error { _, err := sequenceOf(c, m, "s").CatchUp(ctx); return err }
		all["lag of all"] = func(_ *check, m *massive.DB) error { _, err := m.Lag(ctx); return err }
		all["catch up all"] = func(_ *check, m *massive.DB) error { _, err := m.CatchUp(ctx); return err }
		all["exhaustion"] = func(_ *check, m *massive.DB) error { _, err := m.Exhaustion(ctx); return err }
	}
	for what, needs := range map[string]Operation{
		"refresh": RefreshMatview, "concurrent": RefreshMatview, "select": SelectMatview,
		"used by": EnumColumns, "add value": AddEnumLabel, "ensure": AddEnumLabel, "rename": RenameEnumLabel,
		"last value": SequenceState, "next value": NextSequenceValue, "reset": RestartSequence, "restart": RestartSequence,
		"next values": NextSequenceValues, "next block": NextSequenceBlock, "set": SetSequenceValue,
		"lag": SequenceLags, "catch up": CatchUpSequence, "lag of all": SequenceLags, "catch up all": SequenceLags, "exhaustion": SequenceStates,
	} {
		if !c.can(needs) {
			delete(all, what)
		}
	}
	return all
}

func transactionEnded() rule {
	return rule{
		name:  "transaction/ended",
		says:  "An operation on a transaction that has ended returns sql.ErrTxDone",
		needs: []Operation{SelectMatview, RefreshMatview, EnumColumns, AddEnumLabel, RenameEnumLabel, SequenceState, NextSequenceValue, RestartSequence}, adapts: true, catalog: everything,
		check: func(c *check) {
			tx, inside := c.other(nil)
			c.ok(tx.Commit())
			for what, op := range c.operations(c.Context()) {
				if err := op(c, inside); !errors.Is(err, sql.ErrTxDone) {
					c.Errorf("%s\n\t%s: got error %v, want sql.ErrTxDone", c.rule.says, what, err)
				}
			}
		},
	}
}

func transactionDeadlock() rule {
	return rule{
		name: "transaction/deadlock",
		says: "If two transactions wait for each other, one gets ErrDeadlock and the " +
			"other continues",
		needs:   []Operation{NextSequenceValue, RestartSequence},
		unless:  nothingHolds(false),
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "a"}, {Name: "b"}}},
		check: func(c *check) {
			one, inOne := c.other(nil)
			two, inTwo := c.other(nil)
			c.ok(sequenceOf(c, inOne, "a").Reset(c.Context()))
			c.ok(sequenceOf(c, inTwo, "b").Reset(c.Context()))
			ctx := c.Context()
			type end struct {
				tx  *sql.Tx
				err error
			}
			ends := make(chan end, 2)
			for tx, wants := range map[*sql.Tx]massive.Sequence{one: sequenceOf(c, inOne, "b"), two: sequenceOf(c, inTwo, "a")} {
				go func() {
					_, err := wants.NextValue(ctx)
					ends <- end{tx, err}
				}()
			}
			first := <-ends
			if c.harness.StatementsFailAlone {
				c.ok(first.tx.Rollback()) // it may still hold the lock for which the other waits
			}
			second := <-ends
			if first.err == nil {
				first, second = second, first
			}
			c.fails(first.err, massive.ErrDeadlock)
			c.ok(second.err)
			_, _ = one.Rollback(), two.Rollback()
		},
	}
}

func cancelBefore() rule {
	return rule{
		name: "cancel/before",
		says: "If its context has already ended, an operation returns the context's " +
			"error and has no effect",
		needs: []Operation{SelectMatview, RefreshMatview, EnumColumns, SequenceState, NextSequenceValue, RestartSequence}, adapts: true, catalog: everything,
		check: func(c *check) {
			ended, cancel := context.WithCancel(c.Context())
			cancel()
			for _, op := range c.operations(ended) {
				c.fails(op(c, c.m), context.Canceled)
			}
			if c.has(dialect.KindSequence) {
				c.state(c.sequence("s"), 1, false)
			}
			if c.has(dialect.KindEnum) {
				c.want("the labels", enumLabels(c, c.load()), []string{"sad"})
			}
		},
	}
}

func cancelWaiting() rule {
	return rule{
		name: "cancel/waiting",
		says: "When its context ends, an operation that waits for a lock returns the " +
			"context's error. It does not block later operations",
		needs: []Operation{SelectMatview, RefreshMatview, AddEnumLabel, NextSequenceValue, RestartSequence}, adapts: true, catalog: everything,
		session: "PgBouncer drops the cancel request of a client that has no server session yet, and lib/pq then waits forever",
		check: func(c *check) {
			for kind, one := range map[dialect.Kind]struct {
				holds func(m *massive.DB) error
				waits func(ctx context.Context) error
			}{
				dialect.KindSequence: {
					func(m *massive.DB) error { return sequenceOf(c, m, "s").Reset(c.Context()) },
					func(ctx context.Context) error { _, err := c.sequence("s").NextValue(ctx); return err },
				},
				dialect.KindMatview: {
					func(m *massive.DB) error { _, err := matviewOf(c, m, "v").Refresh(c.Context()); return err },
					func(ctx context.Context) error { return c.matview("v").Select(ctx, &[]int64{}, "") },
				},
				dialect.KindEnum: {
					func(m *massive.DB) error { return mood(c, m).AddValue(c.Context(), "held") },
					func(ctx context.Context) error { _, err := mood(c, c.m).EnsureValue(ctx, "another"); return err },
				},
			} {
				if !c.holds(kind) {
					continue
				}
				tx, inside := c.other(nil)
				c.ok(one.holds(inside))
				ctx, cancel := context.WithCancelCause(c.Context())
				waiting := make(chan error, 1)
				go func() { waiting <- one.waits(ctx) }()
				c.blocks("a second operation of the same kind", one.waits)
				cancel(errors.New("enough"))
				c.fails(<-waiting, context.Canceled)
				c.ok(tx.Rollback())
				// The cancelled operation may have taken effect before the cancel
				// arrived.
				c.passes("the same operation after the rollback", one.waits)
			}
		},
	}
}

// reads runs an operation through m that changes nothing.
func (c *check) reads(m *massive.DB) error {
	c.Helper()
	switch {
	case c.has(dialect.KindSequence):
		_, err := sequenceOf(c, m, "s").State(c.Context())
		return err
	case c.has(dialect.KindMatview):
		return matviewOf(c, m, "v").Select(c.Context(), &[]int64{}, "")
	default:
		_, err := enumOf(c, m, "mood").UsedBy(c.Context())
		return err
	}
}

// operations returns the operations on each kind that the database has.
func (c *check) operations(ctx context.Context) map[string]func(c *check, m *massive.DB) error {
	all := map[string]func(c *check, m *massive.DB) error{
		"refresh": func(c *check, m *massive.DB) error { _, err := matviewOf(c, m, "v").Refresh(ctx); return err },
		"concurrent": func(c *check, m *massive.DB) error {
			_, err := matviewOf(c, m, "v").Refresh(ctx, concurrently...)
			return err
		},
		"select":     func(c *check, m *massive.DB) error { return matviewOf(c, m, "v").Select(ctx, &[]int64{}, "") },
		"last value": func(c *check, m *massive.DB) error { _, err := sequenceOf(c, m, "s").State(ctx); return err },
		"next value": func(c *check, m *massive.DB) error { _, err := sequenceOf(c, m, "s").NextValue(ctx); return err },
		"reset":      func(c *check, m *massive.DB) error { return sequenceOf(c, m, "s").Reset(ctx) },
		"restart":    func(c *check, m *massive.DB) error { return sequenceOf(c, m, "s").Restart(ctx) },
		"used by":    func(c *check, m *massive.DB) error { _, err := enumOf(c, m, "mood").UsedBy(ctx); return err },
		"add value":  func(c *check, m *massive.DB) error { return mood(c, m).AddValue(ctx, "another") },
		"ensure":     func(c *check, m *massive.DB) error { _, err := mood(c, m).EnsureValue(ctx, "sad"); return err },
		"rename":     func(c *check, m *massive.DB) error { return mood(c, m).RenameValue(ctx, "sad", "renamed") },
		"reload":     func(_ *check, m *massive.DB) error { _, err := m.Reload(ctx); return err },
	}
	for kind, whats := range map[dialect.Kind][]string{
		dialect.KindMatview: {"refresh", "concurrent", "select"}, dialect.KindEnum: {"used by", "add value", "ensure", "rename"},
		dialect.KindSequence: {"last value", "next value", "reset", "restart"},
	} {
		for _, what := range whats {
			if !c.has(kind) {
				delete(all, what)
			}
		}
	}
	return all
}
