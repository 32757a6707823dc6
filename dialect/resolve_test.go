package dialect_test

import (
	"testing"

	"github.com/massivedb/massive-go/dialect"
)

func TestResolve(t *testing.T) {
	t.Parallel()
	path := []string{"first", "second"}
	kinds := map[dialect.Name]string{
		{Schema: "first", Name: "hides"}: "table", {Schema: "second", Name: "hides"}: "sequence",
		{Schema: "second", Name: "seen"}: "sequence", {Schema: "off", Name: "seen"}: "sequence", {Schema: "off", Name: "away"}: "sequence",
	}
	for _, c := range []struct {
		name     dialect.Name
		visible  bool
		hiddenBy string
	}{
		{dialect.Name{Schema: "first", Name: "hides"}, true, ""},
		{dialect.Name{Schema: "second", Name: "hides"}, false, "table first.hides"},
		{dialect.Name{Schema: "second", Name: "seen"}, true, ""},
		{dialect.Name{Schema: "off", Name: "seen"}, false, ""},
		{dialect.Name{Schema: "off", Name: "away"}, false, ""},
		{dialect.Name{Schema: "second", Name: "gone"}, false, ""},
	} {
		visible, hiddenBy := dialect.Resolve(path, c.name, func(n dialect.Name) string { return kinds[n] })
		if visible != c.visible || hiddenBy != c.hiddenBy {
			t.Errorf("%s: visible %t, hidden by %q; want %t, %q", c.name, visible, hiddenBy, c.visible, c.hiddenBy)
		}
	}
}

func TestQuote(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text  string
		quote byte
		want  string
	}{{"a", '"', `"a"`}, {`a"b`, '"', `"a""b"`}, {"a`b", '`', "`a``b`"}, {"it's", '\'', "'it''s'"}, {"", '`', "``"}} {
		if got := dialect.Quote(c.text, c.quote); got != c.want {
			t.Errorf("Quote(%q, %q) = %s; want %s", c.text, c.quote, got, c.want)
		}
	}
}
