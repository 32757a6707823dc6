package sqltest

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/sqltest/internal/tabulate"
)

// A matview is a view in the fake's database.
type matview struct {
	id      int64
	name    dialect.Name
	spec    Matview
	columns []dialect.Column
	index   dialect.Name     // its unique index's, if it has one
	query   [][]driver.Value // what the next refresh returns
	content *content         // what a reader sees
	reads   []source
	lock    lock
}

// content is what a refresh leaves: never changed, only replaced.
type content struct {
	populated bool
	rows      [][]driver.Value
}

func (f *Fake) addMatview(spec Matview) error {
	n, err := parseName(spec.Name)
	if err == nil {
		err = f.free(n, table)
	}
	if err != nil {
		return err
	}
	columns, values, err := tabulate.Slice(spec.Rows)
	if err != nil {
		return invalid("view %s: %v", n, err)
	}
	if spec.Columns != nil {
		if spec.Rows != nil && !tabulate.SameNames(spec.Columns, columns) {
			return invalid("view %s: its columns are %v, and its rows have %v", n, spec.Columns, columns)
		}
		columns = slices.Clone(spec.Columns)
	}
	for i, c := range columns {
		if slices.ContainsFunc(columns[:i], func(before dialect.Column) bool { return before.Name == c.Name }) {
			return invalid("view %s: it has two columns %q", n, c.Name)
		}
	}
	if err := f.fit(columns, values); err != nil {
		return invalid("view %s: %v", n, err)
	}
	v := &matview{id: f.id(), name: n, spec: spec, columns: columns, query: values}
	for _, c := range spec.Unique {
		if v.column(c) < 0 {
			return invalid("view %s: its unique index is on column %q, which it doesn't have", n, c)
		}
	}
	v.content = &content{}
	if !spec.Unpopulated {
		if err := v.unique(v.query); err != nil {
			return invalid("view %s: its rows break its unique index", n)
		}
		v.content = &content{true, v.query}
	}
	f.views[n] = v
	if len(spec.Unique) > 0 {
		v.index = f.indexName(v)
		f.indexes[v.index] = v
	}
	return nil
}

// indexName is the name that Postgres chooses for a view's index: that of the view and the columns, cut to fit, and
// a number where others have it.
func (f *Fake) indexName(v *matview) dialect.Name {
	for i := 0; ; i++ {
		label := "_idx"
		if i > 0 {
			label += fmt.Sprint(i)
		}
		view, columns := v.name.Name, strings.Join(v.spec.Unique, "_")
		for len(view)+len("_")+len(columns)+len(label) > maxNameBytes {
			if len(view) > len(columns) {
				view = view[:len(view)-1]
			} else {
				columns = columns[:len(columns)-1]
			}
		}
		n := dialect.Name{Schema: v.name.Schema, Name: whole(view) + "_" + whole(columns) + label}
		if f.what(n, true) == "" {
			return n
		}
	}
}

// whole is s without the beginning of a character at its end.
func whole(s string) string {
	for s != "" {
		if r, n := utf8.DecodeLastRuneInString(s); r != utf8.RuneError || n > 1 {
			break
		}
		s = s[:len(s)-1]
	}
	return s
}

func (v *matview) column(name string) int {
	return slices.IndexFunc(v.columns, func(c dialect.Column) bool { return c.Name == name })
}

func (f *Fake) matviewDef(s *session, v *matview) dialect.MatviewDef {
	d := dialect.MatviewDef{
		Object:     f.object(v.id, v.name, v.spec.Comment, v.owner(), true),
		Columns:    slices.Clone(v.columns),
		Populated:  s.content(v).populated,
		MayRefresh: !v.spec.NotOwned,
		Reachable:  true,
		SuperOwner: v.spec.NotOwned,
		Reads:      ids(v.reads),
	}
	if len(v.spec.Unique) > 0 {
		d.Indexes = []dialect.Index{{
			Name: v.index.Name, Columns: slices.Clone(v.spec.Unique), Unique: true,
		}}
	}
	return d
}

func (v *matview) owner() string {
	if v.spec.NotOwned {
		return them
	}
	return us
}

// content is what the session sees of the view.
func (s *session) content(v *matview) *content {
	if c := s.contents[v]; c != nil {
		return c
	}
	return v.content
}

// MatviewDefinition returns the Query that the view was given.
func (f *Fake) MatviewDefinition(ctx context.Context, q dialect.Querier, view dialect.Name) (query string, err error) {
	err = f.ask(ctx, q, Call{Op: dialect.OpDefinition, Name: view}, func(ctx context.Context, s *session) ([]driver.Value, error) {
		v := f.views[view]
		if v == nil && f.what(view, true) != "" {
			return nil, nil // which is no error to the server, and so none to the transaction
		}
		if err := s.open(ctx, view, accessShare); err != nil {
			return nil, err
		}
		for _, read := range v.reads { // the server locks them, too, to tell whether they have lost columns
			if read.matview == nil {
				continue
			}
			if err := read.matview.lock.acquire(ctx, s, accessShare); err != nil {
				return nil, err
			}
		}
		return []driver.Value{v.spec.Query}, nil
	}, &query)
	return query, err
}

// SelectMatview returns the view's rows or, with a tail, what its Select function returns.
func (f *Fake) SelectMatview(view *dialect.MatviewDef, tail string, args []any) (string, []any, error) {
	c := Call{Op: dialect.OpSelect, Name: view.Name, Detail: tail}
	return c.text(), []any{f.operation(c, func(ctx context.Context, s *session) (*result, error) {
		return f.selected(ctx, s, view, tail, args)
	})}, nil
}

// CountMatview returns how many rows SelectMatview does.
func (f *Fake) CountMatview(view *dialect.MatviewDef, tail string, args []any) (string, []any, error) {
	c := Call{Op: dialect.OpCount, Name: view.Name, Detail: tail}
	return c.text(), []any{f.operation(c, func(ctx context.Context, s *session) (*result, error) {
		r, err := f.selected(ctx, s, view, tail, args)
		if err != nil {
			return nil, err
		}
		return &result{columns: []string{"count"}, rows: [][]driver.Value{{int64(len(r.rows))}}}, nil
	})}, nil
}

// selected is the view's rows as the session sees them.
func (f *Fake) selected(ctx context.Context, s *session, view *dialect.MatviewDef, tail string, args []any) (*result, error) {
	if err := s.open(ctx, view.Name, accessShare); err != nil {
		return nil, err
	}
	if err := s.pause(ctx); err != nil {
		return nil, err
	}
	v := f.views[view.Name]
	r := &result{}
	places := make([]int, len(view.Columns))
	for i, c := range view.Columns {
		if v == nil || v.column(c.Name) < 0 {
			return nil, &Error{Code: "42703", Message: fmt.Sprintf(`column "%s" does not exist`, c.Name)}
		}
		places[i] = v.column(c.Name)
		r.columns = append(r.columns, c.Name)
	}
	if !s.content(v).populated {
		return nil, &Error{
			Code: "55000", Message: fmt.Sprintf(`materialized view "%s" has not been populated`, v.name.Name),
			Routine: "ExecOpenScanRelation",
		}
	}
	rows := s.content(v).rows
	if tail != "" {
		var err error
		if rows, err = f.answer(v, tail, args); err != nil {
			return nil, err
		}
	}
	for _, row := range rows {
		picked := make([]driver.Value, len(places))
		for i, p := range places {
			picked[i] = row[p]
		}
		r.rows = append(r.rows, picked)
	}
	return r, nil
}

// answer asks the view's Select function, which may itself ask the fake: f.mu, which the caller holds, is let go meanwhile.
func (f *Fake) answer(v *matview, tail string, args []any) ([][]driver.Value, error) {
	if v.spec.Select == nil {
		return nil, fmt.Errorf("sqltest: rows of %s are asked for with the tail %q, and the fake reads no SQL: "+
			"give the view a Select function that answers it", v.name, tail)
	}
	f.mu.Unlock()
	columns, rows, err := asked(v.spec.Select, tail, args)
	f.mu.Lock()
	if err != nil {
		return nil, fmt.Errorf("sqltest: the Select function of %s: %w", v.name, err)
	}
	if len(rows) > 0 && !tabulate.SameNames(columns, v.columns) {
		return nil, fmt.Errorf("sqltest: the Select function of %s returned columns %v, and the view has %v", v.name, columns, v.columns)
	}
	return rows, nil
}

// asked is what a Select function answers. It runs on a goroutine of its own, since database/sql keeps the connection of
// one that panics or ends, and a transaction that such a connection is in can't even be rolled back.
func asked(do func(string, []any) (any, error), tail string, args []any) (columns []dialect.Column, rows [][]driver.Value, err error) {
	err = errors.New("it ended its goroutine, as t.Fatal does: return an error instead")
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("it panicked: %v\n%s", p, debug.Stack())
			}
		}()
		given, failure := do(tail, args)
		if failure == nil {
			columns, rows, failure = tabulate.Slice(given)
		}
		err = failure
	}()
	<-done
	return columns, rows, err
}

// notA is the error for a name that is no materialized view's any more.
func (f *Fake) notA(view dialect.Name) error {
	switch f.what(view, true) {
	case "":
		return missing(view)
	case "table":
		return &Error{Code: "0A000", Message: fmt.Sprintf(`"%s" is not a materialized view`, view.Name), Routine: "RefreshMatViewByOid"}
	default:
		return &Error{Code: "42809", Message: fmt.Sprintf(`"%s" is not a table or materialized view`, view.Name)}
	}
}

// merge is a concurrent refresh, which changes only those rows that differ. A row that the view has and its query
// returns stays, once, however often the query returns it: a row without a NULL must come only once, but one with a
// NULL beside the index's columns may come again, and is lost.
func (v *matview) merge(ctx context.Context, s *session) ([][]driver.Value, error) {
	old := s.content(v)
	switch {
	case !old.populated:
		return nil, &Error{
			Code: "0A000", Message: "CONCURRENTLY cannot be used when the materialized view is not populated",
			Routine: "RefreshMatViewByOid",
		}
	case len(v.spec.Unique) == 0:
		return nil, &Error{
			Code: "55000", Message: fmt.Sprintf(`cannot refresh materialized view "%s" concurrently`, printed(v.name)),
			Routine: "RefreshMatViewByOid",
		}
	}
	if err := s.scan(ctx, v); err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, row := range v.query {
		if !slices.Contains(row, nil) && seen[image(row)] {
			return nil, &Error{
				Code: "21000", Message: fmt.Sprintf(`new data for materialized view "%s" contains duplicate rows without any null columns`, v.name.Name),
				Routine: "refresh_by_match_merge",
			}
		}
		seen[image(row)] = true
	}
	kept := map[string]bool{}
	var rows [][]driver.Value
	for _, row := range old.rows {
		if v.key(row) != "" && seen[image(row)] {
			kept[image(row)] = true
			rows = append(rows, row)
		}
	}
	for _, row := range v.query {
		if !kept[image(row)] {
			rows = append(rows, row)
		}
	}
	if v.twice(rows) {
		return nil, &Error{Code: "23505", Message: fmt.Sprintf(`duplicate key value violates unique constraint "%s"`, v.index.Name)}
	}
	return rows, nil
}

// unique is the error of rows that break the view's unique index.
func (v *matview) unique(rows [][]driver.Value) error {
	if v.twice(rows) {
		return &Error{Code: "23505", Message: fmt.Sprintf(`could not create unique index "%s"`, v.index.Name)}
	}
	return nil
}

// twice tells whether a key of the view's unique index comes twice.
func (v *matview) twice(rows [][]driver.Value) bool {
	seen := map[string]bool{}
	for _, row := range rows {
		key := v.key(row)
		if key != "" && seen[key] {
			return true
		}
		seen[key] = true
	}
	return false
}

// key is what the view's unique index has of a row: equal for equal rows, and empty for one that equals none, since
// there is a NULL in it or no index.
func (v *matview) key(row []driver.Value) string {
	key := make([]driver.Value, len(v.spec.Unique))
	for i, c := range v.spec.Unique {
		key[i] = row[v.column(c)]
		if key[i] == nil {
			return ""
		}
		if key[i] == 0.0 {
			key[i] = 0.0 // and not -0, which equals it
		}
	}
	if len(key) == 0 {
		return ""
	}
	return image(key)
}

// image is the values as text, the same for the same ones.
func image(values []driver.Value) string {
	var text strings.Builder
	for _, v := range values {
		fmt.Fprintf(&text, "%T:%q,", v, fmt.Sprint(v))
	}
	return text.String()
}
