package sqltest

import (
	"context"
	"database/sql"
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

// A matview is the state of a materialized view.
type matview struct {
	id      int64
	name    dialect.Name
	spec    Matview
	columns []dialect.Column
	index   dialect.Name     // the name of its unique index, if it has one
	query   [][]driver.Value // the rows after the next refresh
	content *content         // the committed rows
	reads   []source
	lock    lock

	turn    lock               // a refresh with IfOlder or SkipIfBusy holds it
	row     lock               // of the view's records
	records map[string]*record // the committed ones, by the ledger's schema
}

// content is the result of a refresh. It is replaced, never modified.
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
			return invalid("view %s: two columns are named %q", n, c.Name)
		}
	}
	if err := f.fit(columns, values); err != nil {
		return invalid("view %s: %v", n, err)
	}
	v := &matview{id: f.id(), name: n, spec: spec, columns: columns, query: values, records: map[string]*record{}}
	for _, c := range spec.Unique {
		if v.column(c) < 0 {
			return invalid("view %s: Unique names the column %q, which the view does not have", n, c)
		}
	}
	v.content = &content{}
	if !spec.Unpopulated {
		if err := v.unique(v.query); err != nil {
			return invalid("view %s: its rows violate its unique index", n)
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

// indexName returns the name that Postgres chooses for a view's index: the names of the
// view and the columns, cut to fit, with a number if the name is taken.
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

// whole removes an incomplete character at the end of s.
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

// content returns the view's content that the session sees.
func (s *session) content(v *matview) *content {
	if c := s.contents[v]; c != nil {
		return c
	}
	return v.content
}

// MatviewDefinition implements [dialect.MatviewDialect]. It returns the view's Query.
func (f *Fake) MatviewDefinition(ctx context.Context, q dialect.Querier, view dialect.Name) (query string, err error) {
	err = f.ask(ctx, q, Call{Op: dialect.OpDefinition, Name: view}, func(ctx context.Context, s *session) ([]driver.Value, error) {
		v := f.views[view]
		if v == nil && f.what(view, true) != "" {
			return nil, nil // no row: the statement succeeds on a server
		}
		if err := s.open(ctx, view, accessShare); err != nil {
			return nil, err
		}
		for _, read := range v.reads { // the server locks them, too
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

// MatviewSize implements [dialect.MatviewDialect]. It returns 8 KiB for each 100 rows that
// are begun, and 0 for a view without data.
func (f *Fake) MatviewSize(ctx context.Context, q dialect.Querier, view dialect.Name) (size int64, err error) {
	err = f.ask(ctx, q, Call{Op: dialect.OpSize, Name: view}, func(ctx context.Context, s *session) ([]driver.Value, error) {
		v := f.views[view]
		if v == nil {
			return nil, nil // no row: the statement succeeds on a server
		}
		if err := s.open(ctx, view, accessShare); err != nil {
			return nil, err
		}
		return []driver.Value{int64((len(s.content(v).rows) + 99) / 100 * 8192)}, nil
	}, &size)
	if errors.Is(err, sql.ErrNoRows) {
		err = errGone
	}
	return size, err
}

// SelectMatview implements [dialect.MatviewDialect]. It reads the view's rows or, with a
// tail, calls the view's Select function.
func (f *Fake) SelectMatview(view *dialect.MatviewDef, tail string, args []any) (string, []any, error) {
	c := Call{Op: dialect.OpSelect, Name: view.Name, Detail: tail}
	return c.text(), []any{f.operation(c, func(ctx context.Context, s *session) (*result, error) {
		return f.selected(ctx, s, view, tail, args)
	})}, nil
}

// CountMatview implements [dialect.MatviewDialect]. It counts the rows that SelectMatview
// reads.
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

// selected returns the rows of the view that the session sees.
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

// answer calls the view's Select function. The caller holds f.mu, which is released
// meanwhile, since the function may use the fake.
func (f *Fake) answer(v *matview, tail string, args []any) ([][]driver.Value, error) {
	if v.spec.Select == nil {
		return nil, fmt.Errorf("sqltest: reading %s with the tail %q: the fake does not interpret SQL; "+
			"set Matview.Select to a function that returns the rows", v.name, tail)
	}
	f.mu.Unlock()
	columns, rows, err := callSelect(v.spec.Select, tail, args)
	f.mu.Lock()
	if err != nil {
		return nil, fmt.Errorf("sqltest: the Select function of %s: %w", v.name, err)
	}
	if len(rows) > 0 && !tabulate.SameNames(columns, v.columns) {
		return nil, fmt.Errorf("sqltest: the Select function of %s returned the columns %v, want %v", v.name, columns, v.columns)
	}
	return rows, nil
}

// callSelect calls a Select function in its own goroutine. If it panicked or ended the
// goroutine of database/sql, the connection would stay in use, and its transaction could
// not be rolled back.
func callSelect(do func(string, []any) (any, error), tail string, args []any) (columns []dialect.Column, rows [][]driver.Value, err error) {
	err = errors.New("it ended its goroutine, as t.Fatal does; return an error instead")
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

// notA returns the error of a refresh if the name is no longer that of a materialized
// view.
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

// merge returns the rows after a concurrent refresh, which changes only the rows that
// differ. As in Postgres, a row with a NULL outside the index's columns that the query
// returns twice is kept once. A row without a NULL that comes twice is an error.
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

// unique returns an error if the rows violate the view's unique index.
func (v *matview) unique(rows [][]driver.Value) error {
	if v.twice(rows) {
		return &Error{Code: "23505", Message: fmt.Sprintf(`could not create unique index "%s"`, v.index.Name)}
	}
	return nil
}

// twice reports whether two rows have the same key in the view's unique index.
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

// key returns a row's key in the view's unique index. It is empty if the key contains a
// NULL, or if there is no index: such a row equals no other.
func (v *matview) key(row []driver.Value) string {
	key := make([]driver.Value, len(v.spec.Unique))
	for i, c := range v.spec.Unique {
		key[i] = row[v.column(c)]
		if key[i] == nil {
			return ""
		}
		if key[i] == 0.0 {
			key[i] = 0.0 // -0 equals 0
		}
	}
	if len(key) == 0 {
		return ""
	}
	return image(key)
}

// image returns the values as a text that is equal for equal values.
func image(values []driver.Value) string {
	var text strings.Builder
	for _, v := range values {
		fmt.Fprintf(&text, "%T:%q,", v, fmt.Sprint(v))
	}
	return text.String()
}
