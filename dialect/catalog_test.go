package dialect_test

import (
	"testing"

	"github.com/massivedb/massive-go/dialect"
)

func TestKindString(t *testing.T) {
	t.Parallel()
	for k, want := range map[dialect.Kind]string{
		dialect.KindMatview: "materialized view", dialect.KindEnum: "enum", dialect.KindSequence: "sequence",
		0: "unknown kind", 4: "unknown kind", -1: "unknown kind",
	} {
		if got := k.String(); got != want {
			t.Errorf("Kind(%d).String() = %q; want %q", int(k), got, want)
		}
	}
}

func TestColumnRefString(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]dialect.ColumnRef{
		`none`:                     {},
		`public.orders.id`:         {Table: dialect.Name{Schema: "public", Name: "orders"}, Column: "id"},
		`"My Shop"."a.b"."Id ""x"`: {Table: dialect.Name{Schema: "My Shop", Name: "a.b"}, Column: `Id "x`},
		`orders.id`:                {Table: dialect.Name{Name: "orders"}, Column: "id"},
	} {
		if got := c.String(); got != want {
			t.Errorf("%#v.String() = %s; want %s", c, got, want)
		}
	}
}

func TestSequenceRightsString(t *testing.T) {
	t.Parallel()
	for r, want := range map[dialect.SequenceRights]string{
		{}:                       "none",
		{Read: true}:             "read",
		{Next: true}:             "next",
		{Set: true}:              "set",
		{Restart: true}:          "restart",
		{Read: true, Next: true}: "read, next",
		{Read: true, Next: true, Set: true, Restart: true}: "read, next, set, restart",
	} {
		if got := r.String(); got != want {
			t.Errorf("%#v.String() = %q; want %q", r, got, want)
		}
	}
}
