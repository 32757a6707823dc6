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
			return iff(h.SavepointsReplace, "Harness.SavepointsReplace is set: there are no two savepoints of one name; the subtest savepoint/points checks that")
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

// checkSavepoints calls the savepoint methods of the dialect directly.
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
	c.ok(marks.SetSavepoint(ctx, tx, "one")) // hides the first savepoint
	_, err := other.Refresh(ctx)
	c.fails(err, massive.ErrDuplicateRows)
	if !c.harness.StatementsFailAlone {
		c.passes("reading the view whose refresh failed (the failure releases the locks taken since the last savepoint)", look("other"))
	}
	c.blocks("reading the view that was refreshed before the savepoint", look("daily"))
	_, err = raw.Refresh(ctx)
	c.afterFailure(err)
	if err := marks.SetSavepoint(ctx, tx, "two"); (err == nil) != c.harness.StatementsFailAlone {
		c.Errorf("%s\n\ta savepoint after a failure: got error %v, want an error unless Harness.StatementsFailAlone is set", c.rule.says, err)
	}
	c.ok(marks.RollbackToSavepoint(ctx, tx, "one"))
	c.want("the rows after rolling back to the second savepoint", c.numbers(daily), []int64{2})
	c.blocks("reading it after that", look("daily"))
	c.ok(marks.RollbackToSavepoint(ctx, tx, "one"))
	c.want("the rows after rolling back to the first savepoint", c.numbers(daily), []int64{1})
	c.want("the rows from before the first savepoint", c.numbers(raw), []int64{2})
	c.passes("reading the view whose refresh was rolled back", look("daily"))
	c.blocks("reading the view whose refresh was kept", look("raw"))
	c.ok(marks.SetSavepoint(ctx, tx, "one"))
	refresh(daily)
	c.ok(marks.ReleaseSavepoint(ctx, tx, "one"))
	c.ok(tx.Commit())
	c.want("the rows after the release and the commit", c.numbers(c.matview("daily")), []int64{2})
}

// checkPoints uses savepoints in transactions that do nothing else.
func checkPoints(c *check) {
	marks := c.db.Dialect()
	ctx := c.Context()
	for what, op := range map[string]func(context.Context, dialect.Querier, string) error{
		"RollbackToSavepoint": marks.RollbackToSavepoint, "ReleaseSavepoint": marks.ReleaseSavepoint,
	} {
		tx, _ := c.other(nil)
		if err := op(ctx, tx, "none"); err == nil {
			c.Errorf("%s\n\t%s of a savepoint that was never set: got no error, want one", c.rule.says, what)
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
			c.Errorf("%s\n\t%s of a savepoint that was removed: got no error, want one", c.rule.says, what)
		}
		c.ok(tx.Rollback())
	}
}
