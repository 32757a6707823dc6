package postgres

import (
	"slices"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/dialect"
)

func TestRefreshBlockers(t *testing.T) {
	t.Parallel()
	fit := dialect.MatviewDef{
		Object: dialect.Object{Name: dialect.Name{Schema: "app", Name: "v"}, Owner: "boss"}, Populated: true, MayRefresh: true, Reachable: true,
		Columns: []dialect.Column{{Name: "id", Type: "bigint"}}, Indexes: []dialect.Index{{Name: "v_idx", Unique: true}},
	}
	with := func(change func(*dialect.MatviewDef)) dialect.MatviewDef {
		v := fit
		v.Indexes = slices.Clone(fit.Indexes)
		change(&v)
		return v
	}
	many := make([]dialect.Column, 40)
	for i := range many {
		many[i] = dialect.Column{Name: "c", Type: "integer"}
	}
	for _, c := range []struct {
		name         string
		view         dialect.MatviewDef
		on           dialect.Server
		concurrently bool
		want         []string // "reason: fix"
	}{
		{"no blocker", fit, dialect.Server{Major: 17}, true, nil},
		{"on a standby", fit, dialect.Server{Major: 17, Standby: true}, false, []string{"on a standby: "}},
		{"all blockers", with(func(v *dialect.MatviewDef) { v.MayRefresh, v.Populated, v.Indexes = false, false, nil }),
			dialect.Server{Major: 17, User: "me", Standby: true}, true, []string{
				"on a standby: ",
				`not allowed: GRANT MAINTAIN ON "app"."v" TO "me"`,
				`not populated: REFRESH MATERIALIZED VIEW "app"."v"`,
				`no unique index: CREATE UNIQUE INDEX ON "app"."v" ("id")`,
			}},
		{"before MAINTAIN existed", with(func(v *dialect.MatviewDef) { v.MayRefresh = false }),
			dialect.Server{Major: 16, User: "me"}, false, []string{`not allowed: GRANT "boss" TO "me"`}},
		{"an owner that can become superuser", with(func(v *dialect.MatviewDef) { v.MayRefresh, v.SuperOwner = false, true }),
			dialect.Server{Major: 16, User: "me"}, false, []string{`not allowed: ALTER MATERIALIZED VIEW "app"."v" OWNER TO "me"`}},
		{"an owner that can become superuser, with MAINTAIN", with(func(v *dialect.MatviewDef) { v.MayRefresh, v.SuperOwner = false, true }),
			dialect.Server{Major: 17, User: "me"}, false, []string{`not allowed: GRANT MAINTAIN ON "app"."v" TO "me"`}},
		{"in a schema without USAGE", with(func(v *dialect.MatviewDef) { v.MayRefresh, v.Reachable = false, false }),
			dialect.Server{Major: 17, User: "me"}, false, []string{`not allowed: GRANT USAGE ON SCHEMA "app" TO "me"`}},
		{"an index that can't be used", with(func(v *dialect.MatviewDef) { v.Indexes[0].Unfit = "it is partial" }),
			dialect.Server{Major: 17}, true, []string{`no usable unique index: CREATE UNIQUE INDEX ON "app"."v" ("id")`}},
		{"an invalid index", with(func(v *dialect.MatviewDef) { v.Indexes[0].Unfit = invalidIndex }),
			dialect.Server{Major: 17}, true, []string{`no usable unique index: REINDEX INDEX "app"."v_idx"`}},
		{"an invalid index that is not unique", with(func(v *dialect.MatviewDef) { v.Indexes[0].Unique, v.Indexes[0].Unfit = false, invalidIndex }),
			dialect.Server{Major: 17}, true, []string{`no unique index: CREATE UNIQUE INDEX ON "app"."v" ("id")`}},
		{"columns without an order", with(func(v *dialect.MatviewDef) {
			v.Indexes, v.Columns = nil, []dialect.Column{
				{Name: "id", Type: "bigint"}, {Name: "doc", Type: "json"}, {Name: "docs", Type: "json[]"}, {Name: "p", Type: "point"},
				{Name: "b", Type: "jsonb"}, {Name: `"q`, Type: "numeric(10,2)"},
			}
		}), dialect.Server{Major: 17}, true, []string{`no unique index: CREATE UNIQUE INDEX ON "app"."v" ("id", "b", """q")`}},
		{"only columns without an order", with(func(v *dialect.MatviewDef) { v.Indexes, v.Columns = nil, []dialect.Column{{Name: "x", Type: "xml"}} }),
			dialect.Server{Major: 17}, true, []string{"no unique index: "}},
		{"more columns than an index can have", with(func(v *dialect.MatviewDef) { v.Indexes, v.Columns = nil, many }),
			dialect.Server{Major: 17}, true, []string{`no unique index: CREATE UNIQUE INDEX ON "app"."v" (` + strings.Repeat(`"c", `, 31) + `"c")`}},
	} {
		var got []string
		blockers, err := New().RefreshBlockers(&c.view, c.on, c.concurrently)
		if err != nil {
			t.Error(err)
		}
		for _, h := range blockers {
			got = append(got, h.Reason.String()+": "+h.Fix)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}
