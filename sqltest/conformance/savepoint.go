package conformance

import (
	"context"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

func savepointRules() []rule {
	return []rule{
		savepoint(),
		savepointPoints(),
	}
}

func savepoint() rule {
	return rule{
		name: "savepoint",
		says: "RollbackToSavepoint undoes all changes since the savepoint and releases " +
			"their locks. ReleaseSavepoint keeps the changes. Both remove the savepoint",
		unless: func(h Harness) string {
			return iff(h.SavepointsReplace, "Harness.SavepointsReplace says that there are no two of one name; the subtest savepoint/points sees to it")
		},
		needs: []Operation{SelectMatview, RefreshMatview, SetSavepoint}, catalog: warehouse(),
		check: checkSavepoints,
	}
}

func savepointPoints() rule {
	return rule{
		name: "savepoint/points",
		says: "A savepoint exists until it is released or rolled back to. Using a " +
			"savepoint that does not exist returns an error",
		needs: []Operation{SetSavepoint}, adapts: true, catalog: sqltest.Catalog{
			Matviews: []sqltest.Matview{{Name: "v", Rows: []number{{1}}}}, Enums: []sqltest.Enum{{Name: "mood"}}, Sequences: []sqltest.Sequence{{Name: "s"}},
		},
		check: checkPoints,
	}
}

// checkSavepoints goes over the savepoints of a dialect by themselves.
func checkSavepoints(c *check) {
	marks := c.db.Dialect()
	ctx := c.Context()
	c.db.Do(c, sqltest.SetRows{Matview: "raw", Rows: []number{{2}}}, sqltest.SetRows{Matview: "daily", Rows: []number{{2}}}, sqltest.SetRows{Matview: "other", Rows: []number{{2}, {2}}})
	tx, inside := c.other(nil)
	raw, daily, other := matviewOf(c, inside, "raw"), matviewOf(c, inside, "daily"), matviewOf(c, inside, "other")
	refresh := func(v massive.Matview) {
		c.Helper()
		_, err := v.Refresh(ctx)
		c.ok(err)
	}
	look := func(view string) func(context.Context) error {
		return func(ctx context.Context) error { return c.matview(view).Select(ctx, &[]int64{}, "") }
	}
	refresh(raw)
	c.ok(marks.SetSavepoint(ctx, tx, "one"))
	refresh(daily)
	c.ok(marks.SetSavepoint(ctx, tx, "one")) // hides the first
	_, err := other.Refresh(ctx)
	c.fails(err, massive.ErrDuplicateRows)
	if !c.harness.StatementsFailAlone {
		c.passes("a look at what failed: a failure lets go of the locks since the last savepoint", look("other"))
	}
	c.blocks("a look at what was refreshed before it", look("daily"))
	_, err = raw.Refresh(ctx)
	c.afterFailure(err)
	if err := marks.SetSavepoint(ctx, tx, "two"); (err == nil) != c.harness.StatementsFailAlone {
		c.Errorf("%s\n\ta savepoint behind a failure gives %v", c.rule.says, err)
	}
	c.ok(marks.RollbackToSavepoint(ctx, tx, "one"))
	c.want("the rows since the first savepoint", c.numbers(daily), []int64{2})
	c.blocks("a look at it", look("daily"))
	c.ok(marks.RollbackToSavepoint(ctx, tx, "one"))
	c.want("the rows, taken back to the first", c.numbers(daily), []int64{1})
	c.want("the rows before it", c.numbers(raw), []int64{2})
	c.passes("a look at what was taken back", look("daily"))
	c.blocks("a look at what was not", look("raw"))
	c.ok(marks.SetSavepoint(ctx, tx, "one"))
	refresh(daily)
	c.ok(marks.ReleaseSavepoint(ctx, tx, "one"))
	c.ok(tx.Commit())
	c.want("the rows that were kept", c.numbers(c.matview("daily")), []int64{2})
}

// checkPoints goes over savepoints in transactions that do nothing else.
func checkPoints(c *check) {
	marks := c.db.Dialect()
	ctx := c.Context()
	for what, op := range map[string]func(context.Context, dialect.Querier, string) error{
		"RollbackToSavepoint": marks.RollbackToSavepoint, "ReleaseSavepoint": marks.ReleaseSavepoint,
	} {
		tx, _ := c.other(nil)
		if err := op(ctx, tx, "none"); err == nil {
			c.Errorf("%s\n\t%s of a savepoint that isn't there gives no error", c.rule.says, what)
		}
		c.ok(tx.Rollback())
		tx, _ = c.other(nil)
		c.ok(marks.SetSavepoint(ctx, tx, "one"))
		c.ok(marks.SetSavepoint(ctx, tx, "one"))
		c.ok(marks.SetSavepoint(ctx, tx, "two"))
		points := 2
		if c.harness.SavepointsReplace {
			points = 1
		}
		for range points {
			c.ok(op(ctx, tx, "one"))
		}
		if err := op(ctx, tx, "one"); err == nil {
			c.Errorf("%s\n\t%s of a savepoint that is gone gives no error", c.rule.says, what)
		}
		c.ok(tx.Rollback())
	}
}
