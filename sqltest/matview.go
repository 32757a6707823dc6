package sqltest

import (
	"context"
	"database/sql/driver"
	"fmt"
	"slices"
	"strings"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/sqltest/internal/tabulate"
)

// A matview is a view in the fake's database.
type matview struct {
	id      int64
	name    dialect.Name
	spec    Matview
	columns []dialect.Column
	query   [][]driver.Value // what the next refresh returns
	content *content         // what a reader sees
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
		if spec.Rows != nil && !slices.EqualFunc(spec.Columns, columns, func(a, b dialect.Column) bool { return a.Name == b.Name }) {
			return invalid("view %s: its columns are %v, and its rows have %v", n, spec.Columns, columns)
		}
		columns = slices.Clone(spec.Columns)
	}
	v := &matview{id: f.id(), name: n, spec: spec, columns: columns, query: values}
	for _, c := range spec.Unique {
		if v.column(c) < 0 {
			return invalid("view %s: its unique index is on column %q, which it doesn't have", n, c)
		}
	}
	v.content = &content{}
	if !spec.Unpopulated {
		if err := v.duplicates(v.query, false); err != nil {
			return invalid("view %s: its rows break its unique index", n)
		}
		v.content = &content{true, v.query}
	}
	f.views[n] = v
	return nil
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
	}
	if len(v.spec.Unique) > 0 {
		d.Indexes = []dialect.Index{{
			Name: v.name.Name + "_" + strings.Join(v.spec.Unique, "_") + "_idx", Columns: slices.Clone(v.spec.Unique), Unique: true,
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
		if v == nil {
			return nil, missing(view)
		}
		if err := v.lock.acquire(ctx, s, accessShare); err != nil {
			return nil, err
		}
		return []driver.Value{v.spec.Query}, nil
	}, &query)
	return query, err
}

// SelectMatview returns the view's rows or, with a tail, what its Select function returns.
func (f *Fake) SelectMatview(view *dialect.MatviewDef, tail string, args []any) (string, []any) {
	c := Call{Op: dialect.OpSelect, Name: view.Name, Detail: tail}
	return c.text(), []any{f.operation(c, func(ctx context.Context, s *session) (*result, error) {
		v := f.views[view.Name]
		if v == nil {
			return nil, missing(view.Name)
		}
		if err := v.lock.acquire(ctx, s, accessShare); err != nil {
			return nil, err
		}
		r := &result{}
		places := make([]int, len(view.Columns))
		for i, c := range view.Columns {
			if places[i] = v.column(c.Name); places[i] < 0 {
				return nil, &Error{Code: "42703", Message: fmt.Sprintf("column %q does not exist", c.Name)}
			}
			r.columns = append(r.columns, c.Name)
		}
		if !s.content(v).populated {
			return nil, &Error{
				Code: "55000", Message: fmt.Sprintf("materialized view %q has not been populated", v.name.Name),
				Routine: "ExecOpenScanRelation",
			}
		}
		rows := s.content(v).rows
		if tail != "" {
			var err error
			if rows, err = v.answer(tail, args); err != nil {
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
	})}
}

// answer asks the view's Select function.
func (v *matview) answer(tail string, args []any) ([][]driver.Value, error) {
	if v.spec.Select == nil {
		return nil, fmt.Errorf("sqltest: rows of %s are asked for with the tail %q, and the fake reads no SQL: "+
			"give the view a Select function that answers it", v.name, tail)
	}
	given, err := v.spec.Select(tail, args)
	if err != nil {
		return nil, err
	}
	columns, rows, err := tabulate.Slice(given)
	if err != nil {
		return nil, fmt.Errorf("sqltest: what the Select function of %s returned: %w", v.name, err)
	}
	if len(rows) > 0 && !slices.EqualFunc(columns, v.columns, func(a, b dialect.Column) bool { return a.Name == b.Name }) {
		return nil, fmt.Errorf("sqltest: the Select function of %s returned columns %v, and the view has %v", v.name, columns, v.columns)
	}
	return rows, nil
}

// RefreshMatview makes what the view's query returns now its rows.
func (f *Fake) RefreshMatview(ctx context.Context, q dialect.Querier, view dialect.Name, how dialect.Refresh) error {
	call := Call{Op: dialect.OpRefresh, Name: view}
	if how.Concurrently {
		call.Op = dialect.OpRefreshConcurrently
	}
	if how.NoData {
		call.Detail = "with no data"
	}
	return f.ask(ctx, q, call, func(ctx context.Context, s *session) ([]driver.Value, error) {
		if err := s.writable("REFRESH MATERIALIZED VIEW"); err != nil {
			return nil, err
		}
		v := f.views[view]
		switch {
		case v == nil:
			return nil, f.notA(view)
		case v.spec.NotOwned:
			return nil, denied("materialized view", view)
		}
		need := accessExclusive
		if how.Concurrently {
			need = exclusive
		}
		if err := v.lock.acquire(ctx, s, need); err != nil {
			return nil, err
		}
		if how.Concurrently {
			if err := v.concurrently(s); err != nil {
				return nil, err
			}
		}
		next := &content{}
		if !how.NoData {
			if err := v.duplicates(v.query, how.Concurrently); err != nil {
				return nil, err
			}
			next = &content{true, v.query}
		}
		s.contents[v] = next
		return nil, nil
	})
}

// notA is the error for a name that is no materialized view's any more.
func (f *Fake) notA(view dialect.Name) error {
	switch f.what(view, true) {
	case "":
		return missing(view)
	case "table":
		return &Error{Code: "0A000", Message: fmt.Sprintf("%q is not a materialized view", view.Name), Routine: "RefreshMatViewByOid"}
	default:
		return &Error{Code: "42809", Message: fmt.Sprintf("%q is not a table or materialized view", view.Name)}
	}
}

// concurrently is what a concurrent refresh asks for.
func (v *matview) concurrently(s *session) error {
	if !s.content(v).populated {
		return &Error{
			Code: "0A000", Message: "CONCURRENTLY cannot be used when the materialized view is not populated",
			Routine: "RefreshMatViewByOid",
		}
	}
	if len(v.spec.Unique) == 0 {
		return &Error{
			Code: "55000", Message: fmt.Sprintf("cannot refresh materialized view %q concurrently", v.name),
			Routine: "RefreshMatViewByOid",
		}
	}
	return nil
}

// duplicates is the error of rows that break the view's unique index. As in Postgres a concurrent refresh finds
// whole rows without a NULL that are alike first, and NULLs are never alike.
func (v *matview) duplicates(rows [][]driver.Value, concurrently bool) error {
	if len(v.spec.Unique) == 0 {
		return nil
	}
	all := make([]int, len(v.columns))
	for i := range all {
		all[i] = i
	}
	if concurrently && alike(rows, all) {
		return &Error{
			Code: "21000", Message: fmt.Sprintf("new data for materialized view %q contains duplicate rows without any null columns", v.name.Name),
			Routine: "refresh_by_match_merge",
		}
	}
	key := make([]int, len(v.spec.Unique))
	for i, c := range v.spec.Unique {
		key[i] = v.column(c)
	}
	if alike(rows, key) {
		return &Error{Code: "23505", Message: fmt.Sprintf("could not create unique index of %q", v.name.Name)}
	}
	return nil
}

// alike tells whether two rows have the same values, none of them NULL, in the columns.
func alike(rows [][]driver.Value, columns []int) bool {
	seen := map[string]bool{}
	for _, row := range rows {
		var key strings.Builder
		null := false
		for _, c := range columns {
			null = null || row[c] == nil
			fmt.Fprintf(&key, "%T:%q,", row[c], fmt.Sprint(row[c]))
		}
		if !null && seen[key.String()] {
			return true
		}
		seen[key.String()] = true
	}
	return false
}
