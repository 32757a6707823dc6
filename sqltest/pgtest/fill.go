package pgtest

// A database that holds what a fake would: the same catalog, as data, on the real thing.

import (
	"cmp"
	"context"
	"database/sql/driver"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/sqltest"
	"github.com/massivedb/massive-go/sqltest/internal/tabulate"
)

// Fill makes the structures of a catalog in the database, as [sqltest.New] does in a fake. What it makes belongs to
// a role of the database's own, less what the catalog denies that role, and pools opened from then on act as it. A
// view's rows come from a table in the schema massive_rows; its Select function and Query, and the catalog's
// Standby, have no part in it. A catalog that can't be fails the test. It takes a superuser, which pgtest is on the
// servers that it starts.
func (d *Database) Fill(t testing.TB, c sqltest.Catalog) {
	t.Helper()
	ctx, cancel := patiently()
	defer cancel()
	if err := d.FillContext(ctx, c); err != nil {
		t.Fatal(err)
	}
}

// FillContext is [Database.Fill] without a test. After an error the database holds what it held before.
func (d *Database) FillContext(ctx context.Context, c sqltest.Catalog) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.fill(ctx, c)
}

// fill does it for one who has the lock.
func (d *Database) fill(ctx context.Context, c sqltest.Catalog) error {
	f := filling{name: d.name, contents: d.contents.clone()}
	f.catalog(c)
	return d.run(ctx, &f)
}

// run makes in the database what a filling has, and keeps what that makes of its contents.
func (d *Database) run(ctx context.Context, f *filling) error {
	err := f.err
	if err == nil {
		var done int
		if done, err = d.converse(ctx, f.text.String()); err != nil && done < len(f.about) && f.about[done] != (dialect.Name{}) {
			err = fmt.Errorf("%s: %w", f.about[done], err)
		}
	}
	if err != nil {
		return fmt.Errorf("pgtest: set up %s: %w", d.name, advised(err))
	}
	d.contents = f.contents
	return nil
}

// A filling is SQL in the making, and what the database holds once it is run.
type filling struct {
	name string // the database's
	contents
	text    strings.Builder
	subject dialect.Name   // the structure that is being made
	about   []dialect.Name // that of each statement in text
	err     error          // the first reason why it can't be
}

// add adds statements, each with a semicolon of the format's but for the last.
func (f *filling) add(format string, args ...any) {
	fmt.Fprintf(&f.text, format+";\n", args...)
	for range strings.Count(format, ";") + 1 {
		f.about = append(f.about, f.subject)
	}
}

func (f *filling) fail(format string, args ...any) {
	if f.err == nil {
		f.err = fmt.Errorf(format, args...)
	}
}

func (f *filling) catalog(c sqltest.Catalog) {
	if f.role == "" {
		f.role = f.name
		f.add("CREATE ROLE %s", f.role)
	}
	if f.kinds == nil { // nothing is there yet, or any more
		f.kinds, f.rows = map[dialect.Name]string{}, map[dialect.Name]rows{}
		f.add("CREATE SCHEMA massive_rows; GRANT USAGE ON SCHEMA massive_rows, public TO %s", f.role)
	}
	if c.SearchPath != nil {
		path := make([]string, len(c.SearchPath))
		for i, s := range c.SearchPath {
			f.schema(s)
			path[i] = ident(s)
		}
		if len(path) == 0 {
			path = []string{"''"}
		}
		f.set("search_path", strings.Join(path, ", "))
	}
	for name, limit := range map[string]time.Duration{"lock_timeout": c.LockTimeout, "statement_timeout": c.StatementTimeout} {
		if limit != 0 {
			f.set(name, strconv.FormatInt(limit.Milliseconds(), 10))
		}
	}
	for _, name := range c.Tables {
		n := f.structure(name, "TABLE")
		f.add("CREATE TABLE %s ()", n.Quoted())
		f.own("TABLE", n)
	}
	for _, e := range c.Enums { // before the views, which may have columns of them
		n := f.structure(e.Name, "TYPE")
		labels := make([]string, len(e.Labels))
		for i, l := range e.Labels {
			labels[i] = literal(l)
		}
		f.add("CREATE TYPE %s AS ENUM (%s)", n.Quoted(), strings.Join(labels, ", "))
		f.comment("TYPE", n, e.Comment)
		if !e.NotOwned {
			f.own("TYPE", n)
		}
		for _, c := range e.UsedBy {
			f.enumColumn(n, c)
		}
	}
	f.views(c)
	for _, s := range c.Sequences {
		f.sequence(s)
	}
}

// set is a setting of the database's, for the sessions that begin from now on.
func (f *filling) set(name, value string) {
	f.add("ALTER DATABASE %s SET %s = %s", f.name, name, value)
	f.settings = append(f.settings, name+" = "+value)
}

func (f *filling) schema(s string) {
	f.add("CREATE SCHEMA IF NOT EXISTS %s; GRANT USAGE ON SCHEMA %[1]s TO %s", ident(s), f.role)
}

// structure notes of which kind the structure is that gets the name.
func (f *filling) structure(text, kind string) dialect.Name {
	n := f.parse(text)
	f.subject = n
	if n.Schema != "public" {
		f.schema(n.Schema)
	}
	f.kinds[n] = kind
	return n
}

func (f *filling) own(kind string, n dialect.Name) {
	f.add("ALTER %s %s OWNER TO %s", kind, n.Quoted(), f.role)
}

func (f *filling) comment(kind string, n dialect.Name, comment string) {
	if comment != "" {
		f.add("COMMENT ON %s %s IS %s", kind, n.Quoted(), literal(comment))
	}
}

// views makes the catalog's views, each behind those of them that it reads.
func (f *filling) views(c sqltest.Catalog) {
	type recipe struct {
		reads []string
		make  func()
		made  bool
	}
	recipes := map[dialect.Name]*recipe{}
	var order []dialect.Name
	add := func(name string, reads []string, make func()) {
		n := f.parse(name)
		recipes[n] = &recipe{reads, make, false}
		order = append(order, n)
	}
	for _, v := range c.Matviews {
		add(v.Name, v.Reads, func() { f.matview(v) })
	}
	for _, v := range c.Views {
		add(v.Name, v.Reads, func() { f.view(v) })
	}
	var visit func(n dialect.Name)
	visit = func(n dialect.Name) {
		r := recipes[n]
		if r == nil || r.made { // one that isn't in the catalog has been made before, or is the server's to miss
			return
		}
		r.made = true
		for _, name := range r.reads {
			visit(f.parse(name))
		}
		r.make()
	}
	for _, n := range order {
		visit(n)
	}
}

// reads is a WHERE that reads views and takes every row. A count keeps the planner from leaving them out.
func (f *filling) reads(names []string) string {
	var all []string
	for _, name := range names {
		all = append(all, fmt.Sprintf("(SELECT count(*) FROM %s) >= 0", f.parse(name).Quoted()))
	}
	if len(all) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(all, " AND ")
}

func (f *filling) view(v sqltest.View) {
	n := f.structure(v.Name, "VIEW")
	f.add("CREATE VIEW %s AS SELECT 1 AS one%s", n.Quoted(), f.reads(v.Reads))
	f.own("VIEW", n)
}

func (f *filling) matview(v sqltest.Matview) {
	n := f.structure(v.Name, "MATERIALIZED VIEW")
	columns, values, err := tabulate.Slice(v.Rows)
	if err != nil {
		f.fail("view %s: %w", n, err)
		return
	}
	if v.Columns != nil {
		if v.Rows != nil && !tabulate.SameNames(v.Columns, columns) {
			f.fail("view %s: its columns are %v, and its rows have %v", n, v.Columns, columns)
			return
		}
		columns = v.Columns
	}
	f.filled++
	source := fmt.Sprintf("massive_rows.rows_%d", f.filled)
	f.rows[n] = rows{source, columns}
	types, names := make([]string, len(columns)), make([]string, len(columns))
	for i, c := range columns {
		names[i] = ident(c.Name)
		types[i] = names[i] + " " + c.Type
	}
	f.add("CREATE TABLE %s (%s)", source, strings.Join(types, ", "))
	f.add("GRANT SELECT ON %s TO %s", source, f.role)
	f.insert(f.rows[n], values)
	data := "WITH DATA"
	if v.Unpopulated {
		data = "WITH NO DATA"
	}
	f.add("CREATE MATERIALIZED VIEW %s AS SELECT %s FROM %s%s %s", n.Quoted(), strings.Join(names, ", "), source, f.reads(v.Reads), data)
	if len(v.Unique) > 0 {
		key := make([]string, len(v.Unique))
		for i, c := range v.Unique {
			key[i] = ident(c)
		}
		f.add("CREATE UNIQUE INDEX ON %s (%s)", n.Quoted(), strings.Join(key, ", "))
	}
	f.comment("MATERIALIZED VIEW", n, v.Comment)
	if v.NotOwned {
		f.add("GRANT SELECT ON %s TO %s", n.Quoted(), f.role)
	} else {
		f.own("MATERIALIZED VIEW", n)
	}
}

// enumColumn makes a column of an enum.
func (f *filling) enumColumn(enum dialect.Name, c sqltest.EnumColumn) {
	dot := strings.LastIndex(c.Column, ".")
	if dot < 0 {
		f.fail("%q is no column of a table", c.Column)
		return
	}
	of := enum.Quoted()
	if c.Array {
		of += "[]"
	}
	if c.Domain != "" {
		domain := f.parse(c.Domain)
		if f.kinds[domain] == "" {
			f.add("CREATE DOMAIN %s AS %s", f.structure(c.Domain, "DOMAIN").Quoted(), of)
			f.own("DOMAIN", domain)
		}
		of = domain.Quoted()
	}
	table := f.structure(c.Column[:dot], "TABLE")
	f.add("CREATE TABLE IF NOT EXISTS %s (); ALTER TABLE %[1]s ADD COLUMN %s %s", table.Quoted(), ident(c.Column[dot+1:]), of)
	f.own("TABLE", table)
}

func (f *filling) insert(into rows, values [][]driver.Value) {
	for _, row := range values {
		constants := make([]string, len(row))
		for i, v := range row {
			constants[i] = constant(v, into.columns[i].Type)
		}
		f.add("INSERT INTO %s VALUES (%s)", into.table, strings.Join(constants, ", "))
	}
}

func (f *filling) sequence(s sqltest.Sequence) {
	n := f.structure(s.Name, "SEQUENCE")
	if s.OwnedBy != "" && s.Rights != nil && !s.Rights.Restart {
		f.fail("sequence %s: owned by %s, and so by our role, which may restart it: give Rights with Restart, or KeyOf or Feeds", n, s.OwnedBy)
	}
	text := "CREATE SEQUENCE " + n.Quoted()
	if s.Type != "" {
		text += " AS " + s.Type
	}
	for _, p := range []struct {
		word  string
		value int64
	}{{"INCREMENT", s.Increment}, {"MINVALUE", s.Min}, {"MAXVALUE", s.Max}, {"START", s.Start}, {"CACHE", s.Cache}} {
		if p.value != 0 {
			text += fmt.Sprintf(" %s %d", p.word, p.value)
		}
	}
	if s.Exactly != nil {
		text += fmt.Sprintf(" MINVALUE %d MAXVALUE %d START %d", s.Exactly.Min, s.Exactly.Max, s.Exactly.Start)
	}
	if s.Cycle {
		text += " CYCLE"
	}
	f.add("%s", text)
	if s.OwnedBy != "" || s.Rights == nil || s.Rights.Restart {
		f.own("SEQUENCE", n)
	}
	if s.OwnedBy != "" {
		table, column := f.column(s.OwnedBy, s.ColumnType)
		f.add("ALTER SEQUENCE %s OWNED BY %s.%s", n.Quoted(), table.Quoted(), column)
	}
	if s.KeyOf != "" {
		table, column := f.column(s.KeyOf, s.ColumnType)
		f.add("ALTER TABLE %s ALTER %s SET DEFAULT nextval(%s), ADD PRIMARY KEY (%[2]s)", table.Quoted(), column, literal(n.Quoted()))
	}
	for _, feeds := range s.Feeds {
		table, column := f.column(feeds, s.ColumnType)
		f.add("ALTER TABLE %s ALTER %s SET DEFAULT nextval(%s)", table.Quoted(), column, literal(n.Quoted()))
	}
	holds := cmp.Or(s.KeyOf, s.OwnedBy)
	if holds == "" && len(s.Feeds) > 0 {
		holds = s.Feeds[0]
	}
	for _, v := range s.Holds {
		f.row(holds, strconv.FormatInt(v, 10))
	}
	f.comment("SEQUENCE", n, s.Comment)
	if r := s.Rights; r != nil {
		f.add("REVOKE ALL ON SEQUENCE %s FROM %s", n.Quoted(), f.role)
		for right, has := range map[string]bool{"SELECT": r.Read, "USAGE": r.Next, "UPDATE": r.Set} {
			if has {
				f.add("GRANT %s ON SEQUENCE %s TO %s", right, n.Quoted(), f.role)
			}
		}
	}
}

// column makes sure of a table's column, and that our role owns both.
func (f *filling) column(text, kind string) (dialect.Name, string) {
	dot := strings.LastIndex(text, ".")
	if dot < 0 {
		f.fail("%q is no column of a table", text)
		return dialect.Name{}, ""
	}
	table, column := f.structure(text[:dot], "TABLE"), ident(text[dot+1:])
	f.add("CREATE TABLE IF NOT EXISTS %s (); ALTER TABLE %[1]s ADD COLUMN IF NOT EXISTS %s %s", table.Quoted(), column,
		cmp.Or(kind, "bigint"))
	f.own("TABLE", table)
	return table, column
}

// row puts a value, given as SQL, into a table's column.
func (f *filling) row(column, value string) {
	dot := strings.LastIndex(column, ".")
	if dot < 0 {
		f.fail("%q is no column of a table", column)
		return
	}
	f.add("INSERT INTO %s (%s) VALUES (%s)", f.parse(column[:dot]).Quoted(), ident(column[dot+1:]), value)
}

// Do makes changes in a database that was filled, each in a transaction of its own, as [sqltest.Fake.Do] does in a
// fake. A change that can't be made fails the test.
func (d *Database) Do(t testing.TB, changes ...sqltest.Change) {
	t.Helper()
	ctx, cancel := patiently()
	defer cancel()
	if err := d.DoContext(ctx, changes...); err != nil {
		t.Fatal(err)
	}
}

// DoContext is [Database.Do] without a test. After an error the changes before that one are made.
func (d *Database) DoContext(ctx context.Context, changes ...sqltest.Change) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, change := range changes {
		if c, ok := change.(sqltest.Create); ok {
			if c.SearchPath != nil || c.Standby || c.LockTimeout != 0 || c.StatementTimeout != 0 {
				return fmt.Errorf("pgtest: set up %s: Create only creates structures; pass SearchPath, Standby, LockTimeout and StatementTimeout to Fill", d.name)
			}
			if err := d.fill(ctx, sqltest.Catalog(c)); err != nil {
				return err
			}
			continue
		}
		f := filling{name: d.name, contents: d.contents.clone()}
		f.change(change)
		if err := d.run(ctx, &f); err != nil {
			return err
		}
	}
	return nil
}

func (f *filling) change(change sqltest.Change) {
	switch c := change.(type) {
	case sqltest.AddLabel:
		before := ""
		if c.Before != "" {
			before = " BEFORE " + literal(c.Before)
		}
		f.add("ALTER TYPE %s ADD VALUE %s%s", f.parse(c.Enum).Quoted(), literal(c.Label), before)
	case sqltest.SetRows:
		n := f.parse(c.Matview)
		f.subject = n
		source := f.rows[n]
		columns, values, err := tabulate.Slice(c.Rows)
		switch {
		case err != nil:
			f.fail("view %s: %w", n, err)
			return
		case source.table == "":
			f.fail("rows of the view %s can't be set: Fill has not made it", n)
			return
		case c.Rows != nil && !tabulate.SameNames(columns, source.columns):
			f.fail("view %s has columns %v, and the rows %v", n, source.columns, columns)
			return
		}
		f.add("DELETE FROM %s", source.table)
		f.insert(source, values)
	case sqltest.Insert:
		f.row(c.Column, strconv.FormatInt(c.Value, 10))
	case sqltest.InsertLabel:
		f.row(c.Column, literal(c.Label))
	case sqltest.Drop:
		n, kind := f.made(c.Name)
		f.add("DROP %s %s CASCADE", kind, n.Quoted())
		delete(f.kinds, n)
	case sqltest.Rename:
		n, kind := f.made(c.Name)
		f.add("ALTER %s %s RENAME TO %s", kind, n.Quoted(), ident(c.To))
		to := dialect.Name{Schema: n.Schema, Name: c.To}
		if f.err == nil {
			f.kinds[to], f.rows[to] = kind, f.rows[n]
			delete(f.kinds, n)
		}
	default:
		f.fail("unknown change %T", change)
	}
}

// made returns a structure that was made by Fill, and the word for its kind.
func (f *filling) made(text string) (dialect.Name, string) {
	n := f.parse(text)
	kind := f.kinds[n]
	if kind == "" {
		f.fail("%s can't be changed: Fill has not made it, or it was dropped", n)
	}
	return n, kind
}

func (f *filling) parse(text string) dialect.Name {
	n, err := dialect.ParseName(text)
	if err != nil {
		f.fail("%w", err)
	}
	if n.Schema == "" {
		n.Schema = "public"
	}
	return n
}

func ident(s string) string { return dialect.Name{Name: s}.Quoted() }

func literal(s string) string {
	return " E'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(s) + "'"
}

// constant is a value in SQL, for a column of that type.
func constant(v driver.Value, of string) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case []byte:
		if of != "bytea" {
			return literal(string(v))
		}
		return literal(`\x` + hex.EncodeToString(v))
	case string:
		return literal(v)
	case time.Time:
		return literal(v.Format(time.RFC3339Nano))
	default:
		return literal(fmt.Sprint(v))
	}
}
