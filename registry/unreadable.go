package registry

import (
	"fmt"
	"unicode/utf8"

	"github.com/massivedb/massive-go/dialect"
)

// A database with the encoding SQL_ASCII may have names that are not UTF-8. Not every
// driver can send a statement with such a name. So the registry excludes the structure,
// with the reason.

// unreadable returns why a structure's name excludes it, or an empty text.
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

// unreadableView returns why a materialized view's name or a column excludes it, or an
// empty text.
func unreadableView(def *dialect.MatviewDef) string {
	for _, c := range def.Columns {
		if !utf8.ValidString(c.Name) {
			return fmt.Sprintf("its column %q is not UTF-8", c.Name)
		}
	}
	return unreadable(def.Name)
}

// unreadableEnum returns why an enum's name or a label excludes it, or an empty text.
func unreadableEnum(def *dialect.EnumDef) string {
	for _, l := range def.Labels {
		if !utf8.ValidString(l) {
			return fmt.Sprintf("its label %q is not UTF-8", l)
		}
	}
	return unreadable(def.Name)
}
