package postgres

import (
	"context"
	"strings"

	"github.com/massivedb/massive-go/dialect"
)

// MatviewDefinition waits for whoever holds an ACCESS EXCLUSIVE lock on the view or on what it reads: the
// database locks those to print the query.
func (postgres) MatviewDefinition(ctx context.Context, q dialect.Querier, view dialect.Name) (string, error) {
	var query string
	err := q.QueryRowContext(ctx, `SELECT pg_catalog.pg_get_viewdef(c.oid)::pg_catalog.text
FROM pg_catalog.pg_class c WHERE c.relkind OPERATOR(pg_catalog.=) 'm' AND c.oid OPERATOR(pg_catalog.=) `+relid(view)).Scan(&query)
	return query, err
}

// SelectMatview names the columns, so that a view made anew with others gives an error instead of other rows.
func (postgres) SelectMatview(view *dialect.MatviewDef, tail string, args []any) (string, []any) {
	return selectText(view, tail), args
}

// CountMatview counts what SelectMatview selects, so that a tail may be any that Select takes.
func (postgres) CountMatview(view *dialect.MatviewDef, tail string, args []any) (string, []any) {
	return "SELECT pg_catalog.count(*)::bigint FROM (" + selectText(view, tail) + "\n) AS counted", args
}

func selectText(view *dialect.MatviewDef, tail string) string {
	var b strings.Builder
	b.WriteString("SELECT ")
	for i, c := range view.Columns {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(dialect.Name{Name: c.Name}.Quoted())
	}
	b.WriteString(" FROM ")
	b.WriteString(view.Name.Quoted())
	if tail != "" {
		b.WriteString("\n")
		b.WriteString(tail)
	}
	return b.String()
}
