package postgres

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/massivedb/massive-go/dialect"
)

// MatviewDefinition locks the view and the relations that it reads, because the server
// does so to print the query. It waits while another session holds an ACCESS EXCLUSIVE
// lock on one of these.
func (postgres) MatviewDefinition(ctx context.Context, q dialect.Querier, view dialect.Name) (string, error) {
	var query sql.NullString
	err := q.QueryRowContext(ctx, strings.ReplaceAll(printedView, "$view", relid(view))).Scan(&query)
	if err == nil && !query.Valid {
		err = sql.ErrNoRows
	}
	return query.String, err
}

// printedView prints a view's query. The server prints it by running a query, whose
// operators it resolves along the search path. So if another schema comes before
// pg_catalog, the statement puts pg_catalog first meanwhile. Each step reads the step
// before it. The last one restores the path, even if the view no longer exists. An error
// rolls the setting back.
const printedView = `SELECT printed.query
  FROM (SELECT pg_catalog.current_setting('search_path') AS path,
               pg_catalog.array_position(pg_catalog.current_schemas(false), 'pg_catalog') OPERATOR(pg_catalog.>) 1
               AS unsafe OFFSET 0) was
 CROSS JOIN LATERAL (
   SELECT CASE WHEN was.unsafe
               THEN pg_catalog.set_config('search_path', 'pg_catalog, ' OPERATOR(pg_catalog.||) was.path, true)
               ELSE '' END AS path OFFSET 0) safe
 CROSS JOIN LATERAL (
   SELECT (SELECT pg_catalog.pg_get_viewdef(c.oid)::pg_catalog.text FROM pg_catalog.pg_class c
            WHERE c.relkind OPERATOR(pg_catalog.=) 'm' AND c.oid OPERATOR(pg_catalog.=) $view
              AND safe.path IS NOT NULL) AS query OFFSET 0) printed
 CROSS JOIN LATERAL (
   SELECT CASE WHEN was.unsafe AND printed.query IS NULL THEN pg_catalog.set_config('search_path', was.path, true)
               WHEN was.unsafe THEN pg_catalog.set_config('search_path', was.path, true)
               ELSE '' END AS path OFFSET 0) again
 WHERE again.path IS NOT NULL`

// MatviewSize includes the indexes and TOAST. The server locks the view as a reader does.
// The name is resolved while the statement runs, because drivers cache prepared
// statements.
func (postgres) MatviewSize(ctx context.Context, q dialect.Querier, view dialect.Name) (int64, error) {
	var size sql.NullInt64
	err := q.QueryRowContext(ctx, strings.ReplaceAll(sizeText, "$view", literal(view.Quoted()))).Scan(&size)
	if errors.Is(err, sql.ErrNoRows) || err == nil && !size.Valid { // null: it was dropped meanwhile
		err = errGone()
	}
	return size.Int64, err
}

const sizeText = `SELECT pg_catalog.pg_total_relation_size(c.oid)::bigint
  FROM pg_catalog.pg_class c
 WHERE c.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass($view) AND c.relkind OPERATOR(pg_catalog.=) 'm'`

// SelectMatview names the columns. If the view is recreated with other columns, the
// statement fails instead of returning other rows.
func (postgres) SelectMatview(view *dialect.MatviewDef, tail string, args []any) (string, []any, error) {
	return selectText(view, tail), args, nil
}

// CountMatview counts the rows of SelectMatview's statement, so it accepts every tail
// that Select accepts.
func (postgres) CountMatview(view *dialect.MatviewDef, tail string, args []any) (string, []any, error) {
	return counting + selectText(view, tail) + "\n) AS counted", args, nil
}

const counting = "SELECT pg_catalog.count(*)::bigint FROM ("

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
