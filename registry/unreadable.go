package registry

import (
	"fmt"
	"unicode/utf8"

	"github.com/massivedb/massive-go/dialect"
)

// A database whose encoding checks nothing may hold names that are not UTF-8. No
// statement can name such a structure under every driver, so it is left out, and the
// omission says why.

// unreadable says why a structure is left out for its own name; empty if it is not.
func unreadable(n dialect.Name) string {
	switch {
	case !utf8.ValidString(n.Name):
		return fmt.Sprintf("its name %q is not UTF-8", n.Name)
	case !utf8.ValidString(n.Schema):
		return fmt.Sprintf("the name of its schema, %q, is not UTF-8", n.Schema)
	default:
		return ""
	}
}

// unreadableView says why a materialized view is left out for its name or a column's.
func unreadableView(def *dialect.MatviewDef) string {
	for _, c := range def.Columns {
		if !utf8.ValidString(c.Name) {
			return fmt.Sprintf("its column %q is not UTF-8", c.Name)
		}
	}
	return unreadable(def.Name)
}

// unreadableEnum says why an enum is left out for its name or a label.
func unreadableEnum(def *dialect.EnumDef) string {
	for _, l := range def.Labels {
		if !utf8.ValidString(l) {
			return fmt.Sprintf("its label %q is not UTF-8", l)
		}
	}
	return unreadable(def.Name)
}
