package replace_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/internal/testrun"
	"github.com/massivedb/massive-go/replace"
)

// A table is a relation in FROM, with a column of integers and a column of texts.
type table struct{ alias, int, text string }

// A writer writes random queries in which aliases, columns and strings look like names of
// relations. Its aliases are unique, except in subqueries.
type writer struct {
	*rand.Rand
	depth int
}

var (
	aliases = []string{"app", "base", "dep", `"FROM"`, `"app.base"`, `"Join"`, `"x "" y"`, "mid", `"SELECT"`, "t", "last", `","`}
	columns = []string{"id", "a", "base", "dep", `"FROM"`, `"app.base"`, "t", `"WHERE ("`}
)

func (w *writer) pick(all ...string) string { return all[w.IntN(len(all))] }

// names returns n different names.
func (w *writer) names(all []string, n int) (names []string) {
	for _, i := range w.Perm(len(all))[:n] {
		names = append(names, all[i])
	}
	return names
}

func (w *writer) deeper(n int) bool { return w.depth < 3 && w.IntN(n) == 0 }

func (w *writer) number(from []table) string {
	t := from[w.IntN(len(from))]
	column := t.alias + "." + t.int
	switch w.IntN(9) {
	case 0:
		return "CASE WHEN " + w.condition(from) + " THEN " + column + " ELSE 7 END"
	case 1:
		return "EXTRACT(day FROM make_interval(days => " + column + "))::int"
	case 2:
		return "length(" + w.words(from) + ")"
	case 3:
		if w.deeper(2) {
			q, names := w.query(from)
			return "(SELECT max(s." + names.int + ") FROM (" + q + ") s)"
		}
	case 4:
		return "(ARRAY[" + column + ", 5])[1]"
	}
	return column
}

func (w *writer) words(from []table) string {
	t := from[w.IntN(len(from))]
	column := t.alias + "." + t.text
	switch w.IntN(9) {
	case 0:
		return w.pick(`' FROM app.base, app.dep '`, `E'\\''FROM app.base'`, "$$ FROM app.base $$", `'"'`, "'/* -- '")
	case 1:
		return "substring(" + column + " FROM " + t.alias + "." + t.int + " FOR 2)"
	case 2:
		return "trim(BOTH 'a' FROM " + column + ")"
	case 3:
		return "overlay(" + column + " PLACING 'x' FROM 1 + " + t.alias + "." + t.int + ")"
	case 4:
		return "(" + column + " || " + w.pick("'x'", column) + ")"
	case 5:
		return "(max(" + column + ") OVER (PARTITION BY " + t.alias + "." + t.int + ", " + column + " ORDER BY " + column + "))"
	}
	return column
}

func (w *writer) condition(from []table) string {
	t := from[w.IntN(len(from))]
	number, text := t.alias+"."+t.int, t.alias+"."+t.text
	switch w.IntN(7) {
	case 0:
		return number + " IS DISTINCT FROM " + number
	case 1:
		if w.deeper(2) {
			q, names := w.query(from)
			return w.pick("", "NOT ") + "EXISTS (SELECT FROM (" + q + ") e WHERE e." + names.int + " = " + number + ")"
		}
	case 2:
		if w.deeper(2) {
			q, _ := w.query(from)
			return "(" + number + ", " + text + ") IN (" + q + ")"
		}
	case 3:
		return text + " IN ('a1', 'FROM app.base', 'a2')"
	case 4:
		return "(" + w.condition(from) + " OR " + w.condition(from) + ")"
	}
	return number + " > 1"
}

// relation returns an item of FROM. A lateral one may refer to the outer tables.
func (w *writer) relation(alias string, outer []table) (string, table) {
	names := w.names(columns, 2)
	t := table{alias, names[0], names[1]}
	as := " AS " + alias + " (" + names[0] + ", " + names[1] + ")"
	switch w.IntN(10) {
	case 0:
		return "generate_series(1, 2) WITH ORDINALITY AS " + alias + " (" + names[0] + ", n)", table{alias, names[0], names[0] + "::text"}
	case 1:
		return "(VALUES (1, 'FROM app.base'), (2, 'x'))" + as, t
	case 2:
		return "ROWS FROM (generate_series(1, 2), unnest(ARRAY['a', 'b']))" + as, t
	case 3:
		if w.deeper(2) {
			q, _ := w.query(outer)
			return "LATERAL (" + q + ")" + as, t
		}
	case 4:
		if w.deeper(2) {
			q, _ := w.query(nil)
			return "(" + q + ")" + as, t
		}
	case 5:
		return "app.base" + as + " TABLESAMPLE bernoulli (100) REPEATABLE (1)", t
	case 6:
		return "ONLY app.base" + as, t
	case 7:
		return w.pick("app.base", "app.dep", "app.mid") + " " + alias, table{alias, "id", "a"}
	}
	return w.pick("app.base", "app.dep", "app.mid", "app.t") + as, t
}

// from returns a list of relations, some joined.
func (w *writer) from(outer []table) (string, []table) {
	var text strings.Builder
	var tables []table
	names := w.names(aliases, 1+w.IntN(3))
	outer = visible(outer, names)
	for i, alias := range names {
		r, t := w.relation(alias, append(tables[:len(tables):len(tables)], outer...))
		if i == 0 {
			text.WriteString(r)
			tables = append(tables, t)
			continue
		}
		on := " ON " + tables[i-1].alias + "." + tables[i-1].int + " = " + t.alias + "." + t.int
		switch {
		case strings.HasPrefix(r, "LATERAL"):
			text.WriteString(w.pick(" CROSS JOIN ", ", ") + r)
		case w.IntN(2) == 0 && !strings.Contains(text.String(), ", "):
			text.WriteString(w.pick(" JOIN ", " LEFT JOIN ", " FULL JOIN ") + r + on)
		default:
			text.WriteString(w.pick(", ", " CROSS JOIN ") + r)
		}
		tables = append(tables, t)
	}
	return text.String(), tables
}

// visible returns the outer tables that no name hides.
func visible(outer []table, names []string) (tables []table) {
	for _, t := range outer {
		if !slices.Contains(names, t.alias) {
			tables = append(tables, t)
		}
	}
	return tables
}

// query returns a query, and the names of its columns.
func (w *writer) query(outer []table) (string, table) {
	w.depth++
	defer func() { w.depth-- }()
	names := w.names(columns, 2)
	t := table{"", names[0], names[1]}
	from, tables := w.from(outer)
	number, words := w.number(tables), w.words(tables)
	q := "SELECT " + number + " AS " + t.int + ", " + words + " AS " + t.text + " FROM " + from
	if w.IntN(2) == 0 {
		var names []string
		for _, t := range tables {
			names = append(names, t.alias)
		}
		q += " WHERE " + w.condition(append(tables, visible(outer, names)...))
	}
	switch w.IntN(6) {
	case 0:
		q = "SELECT DISTINCT ON (d." + t.int + ", d." + t.text + ") d." + t.int + ", d." + t.text + " FROM (" + q + ") d ORDER BY 1, 2 LIMIT 9"
	case 1:
		q = "SELECT count(*)::int AS " + t.int + ", g." + t.text + " FROM (" + q + ") g GROUP BY g." + t.text + ", g." + t.int + " HAVING count(*) > 0"
	case 2:
		if w.deeper(1) {
			other, _ := w.query(outer)
			q = "(" + q + ") " + w.pick("UNION", "UNION ALL", "INTERSECT", "EXCEPT") + " (" + other + ")"
		}
	case 3:
		name := w.pick(aliases...)
		q = "WITH " + w.pick("", "RECURSIVE ") + name + " AS " + w.pick("", "MATERIALIZED ") + "(" + q + ") SELECT " + name + "." + t.int + ", " + name + "." + t.text + " FROM " + name
	}
	return q, t
}

// Views with random queries are rewritten: they have the same rows afterwards, and the
// server prints the same queries.
func TestRandomQueriesAreRewritten(t *testing.T) {
	t.Parallel()
	rounds := 1
	if testrun.All() {
		rounds = 12
	}
	for range rounds {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			e := newSmall(t, "pgx")
			e.exec("DELETE FROM app.t WHERE id > 2; REFRESH MATERIALIZED VIEW app.base; REFRESH MATERIALIZED VIEW app.dep")
			w := &writer{Rand: rand.New(rand.NewPCG(seed, 0))}
			queries := map[string]string{}
			for i := range 25 {
				q, _ := w.query(nil)
				name := fmt.Sprintf("random%d", i)
				_, err := e.pool.Exec("CREATE MATERIALIZED VIEW app." + name + " (id, a) AS " + q)
				if err != nil {
					t.Errorf("%v: %s", err, q)
					continue
				}
				queries[name] = q
			}
			rows := func() map[string]bool {
				all := map[string]bool{}
				for name := range queries {
					var sum string
					if err := e.pool.QueryRow("SELECT '" + name + " ' || count(*) || coalesce(md5(string_agg(r::text, ',' ORDER BY r::text)), '') FROM app." + name + " r").Scan(&sum); err != nil {
						t.Fatal(err)
					}
					all[sum] = true
				}
				return all
			}
			before, data := e.catalog(), rows()
			r, err := replace.Plan(t.Context(), e.load(), "app.base", smallQuery)
			var refused *replace.RefusedError
			if errors.As(err, &refused) {
				for _, reason := range refused.Reasons {
					name, _, _ := strings.Cut(strings.TrimPrefix(reason, "app."), " ")
					t.Errorf("%s\n%s", reason, queries[strings.TrimSuffix(name, ":")])
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			e.same(before)
			for _, l := range minus(data, rows()) {
				name, _, _ := strings.Cut(l, " ")
				t.Errorf("%s has other rows: %s", name, queries[name])
			}
		})
	}
}
