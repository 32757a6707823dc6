package massive_test

import (
	"testing"

	"github.com/massivedb/massive-go/massive"
)

// A handle keeps the definition of its load, and its operations use the name.
func TestKeptHandlesUseTheName(t *testing.T) {
	t.Parallel()
	onDrivers(t, `
		CREATE MATERIALIZED VIEW v AS SELECT 1 AS a;
		CREATE SEQUENCE s START 10 MAXVALUE 100`, func(t *testing.T, e *env) {
		ctx, m := t.Context(), e.load(t)
		v, s := matview(t, m, "v"), sequence(t, m, "s")
		read := func(want int) {
			t.Helper()
			var got int
			noError(t, v.Get(ctx, &got, ""))
			same(t, "the view's row", got, want)
		}
		next := func(want int64) {
			t.Helper()
			got, err := s.NextValue(ctx)
			noError(t, err)
			same(t, "the next value", got, want)
		}

		t.Log("after a reload that changed it")
		exec(t, e.pool, `ALTER SEQUENCE s MAXVALUE 50; CREATE UNIQUE INDEX ON v (a)`)
		_, err := m.Reload(ctx)
		noError(t, err)
		same(t, "the handle's maximum", s.Def().Max, 100)
		same(t, "the new handle's maximum", sequence(t, m, "s").Def().Max, 50)
		same(t, "the handle's indexes", len(v.Indexes()), 0)
		same(t, "the new handle's indexes", len(matview(t, m, "v").Indexes()), 1)
		next(10)
		read(1)

		t.Log("after it was recreated")
		exec(t, e.pool, `
			DROP MATERIALIZED VIEW v; CREATE MATERIALIZED VIEW v AS SELECT 2 AS a, 3 AS b;
			DROP SEQUENCE s; CREATE SEQUENCE s START 7`)
		next(7)
		read(2)
		_, err = v.Refresh(ctx)
		noError(t, err)

		t.Log("after it was renamed, or dropped")
		for _, change := range []string{
			`ALTER MATERIALIZED VIEW v RENAME TO w; ALTER SEQUENCE s RENAME TO r`,
			`DROP MATERIALIZED VIEW w; DROP SEQUENCE r`,
		} {
			exec(t, e.pool, change)
			_, err = v.Refresh(ctx)
			mustBe(t, err, massive.ErrNotFound)
			mustBe(t, v.Get(ctx, new(int), ""), massive.ErrNotFound)
			_, err = s.NextValue(ctx)
			mustBe(t, err, massive.ErrNotFound)
			_, err = m.Reload(ctx)
			noError(t, err)
		}
		_, err = m.Matview("v")
		mustBe(t, err, massive.ErrNotFound)
		_, err = m.Sequence("s")
		mustBe(t, err, massive.ErrNotFound)
	})
}
