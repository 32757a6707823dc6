package replace

import (
	"context"
	"crypto/md5" //nolint:gosec // compares texts that the server hashes with md5, too
	_ "embed"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/massivedb/massive-go/massive"
)

//go:embed facts.sql
var factsText string

// A fact about a view. Kinds: schema, name, relkind, owner, populated, definition, column,
// reads, options, uses and part uses describe it; shape and index are statements, in order;
// obstacle and literal are reasons to refuse. The others help to write the script.
type fact struct {
	kind string
	n    int64
	text string
}

// A view is the view to replace, or depends on it.
type view struct {
	massive.Name
	oid   int64
	facts []fact
	mode  mode
}

// A mode is how a view gets its new query.
type mode byte

const (
	kept     mode = iota // the view reads only views that keep their identity
	replaced             // CREATE OR REPLACE VIEW
	rebuilt              // built in a shadow schema
)

func (v *view) all(kind string) (texts []string) {
	for _, f := range v.facts {
		if f.kind == kind {
			texts = append(texts, f.text)
		}
	}
	return texts
}

func (v *view) one(kind string) string {
	if all := v.all(kind); len(all) > 0 {
		return all[0]
	}
	return ""
}

func (v *view) materialized() bool { return v.one("relkind") == "m" }
func (v *view) populated() bool    { return v.one("populated") == "true" }

// word returns the kind of view in SQL.
func (v *view) word() string {
	if v.materialized() {
		return "MATERIALIZED VIEW"
	}
	return "VIEW"
}

// shadow returns the quoted name of the view in its shadow schema.
func (v *view) shadow() string {
	return massive.Name{Schema: v.one("shadow"), Name: v.Name.Name}.Quoted()
}

// read reads the facts about the view with the oid and its dependents, each view after the
// views that it reads. The search path must be that of settingsText.
func read(ctx context.Context, q massive.Querier, id string, oid int64) ([]*view, error) {
	text := strings.NewReplacer("$id", id, "$1", strconv.FormatInt(oid, 10)).Replace(factsText)
	rows, err := q.QueryContext(ctx, text)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	byOID := map[int64]*view{}
	var all []*view
	for rows.Next() {
		var v view
		var f fact
		if err := rows.Scan(&v.oid, &v.Schema, &v.Name.Name, &f.kind, &f.n, &f.text); err != nil {
			return nil, err
		}
		if byOID[v.oid] == nil {
			byOID[v.oid] = &v
			all = append(all, &v)
		}
		byOID[v.oid].facts = append(byOID[v.oid].facts, f)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for _, v := range all {
		slices.SortFunc(v.facts, func(a, b fact) int {
			if a.kind != b.kind {
				return strings.Compare(a.kind, b.kind)
			}
			if a.n != b.n {
				return int(a.n - b.n)
			}
			return strings.Compare(a.text, b.text)
		})
	}
	return ordered(all)
}

// ordered returns the views in an order in which they can be created.
func ordered(all []*view) ([]*view, error) {
	slices.SortFunc(all, func(a, b *view) int { return a.Compare(b.Name) })
	done := map[string]bool{}
	var order []*view
	for len(order) < len(all) {
		before := len(order)
		for _, v := range all {
			reads := func(name string) bool {
				return !done[name] && slices.ContainsFunc(all, func(o *view) bool { return o.Quoted() == name })
			}
			if !done[v.Quoted()] && !slices.ContainsFunc(v.all("reads"), reads) {
				done[v.Quoted()] = true
				order = append(order, v)
			}
		}
		if len(order) == before {
			var names []string
			for _, v := range all {
				if !done[v.Quoted()] {
					names = append(names, v.String())
				}
			}
			return nil, &RefusedError{Reasons: []string{"these views read each other: " + strings.Join(names, ", ")}}
		}
	}
	return order, nil
}

// unhashed are the kinds of facts that follow from others.
var unhashed = []string{"guard", "grantor", "shadow", "move", "literal"}

// hash returns the hash of all facts, as hashText does on the server.
func hash(all []*view) string {
	var lines []string
	for _, v := range all {
		for _, f := range v.facts {
			if !slices.Contains(unhashed, f.kind) {
				lines = append(lines, fmt.Sprintf("%s|%s|%s|%d|%s", v.Schema, v.Name.Name, f.kind, f.n, f.text))
			}
		}
	}
	slices.Sort(lines)
	sum := md5.Sum([]byte(strings.Join(lines, "\n"))) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:])
}

// hashText is the hash of the facts about a view, in the schema $id.
const hashText = `(SELECT pg_catalog.md5(pg_catalog.convert_to(pg_catalog.string_agg(l.line, E'\n' ORDER BY pg_catalog.convert_to(l.line, 'UTF8')), 'UTF8'))
   FROM (SELECT pg_catalog.concat(f.schema, '|', f.name, '|', f.kind, '|', f.n, '|', f.fact) AS line
         FROM $id.facts($view) f WHERE f.kind NOT IN ('guard', 'grantor', 'shadow', 'move', 'literal')) l)`
