package pgtest

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
	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/sqltest"
	"github.com/massivedb/massive-go/sqltest/internal/tabulate"
)

// Fill creates the structures of a catalog in the database, as [sqltest.New] does in a
// fake. It also creates a role, which owns the structures and has the rights that the
// catalog gives it. Pools that are opened after Fill use that role. A view's rows are in
// a table in the schema massive_rows. Fill ignores a view's Select function and Query,
// and the catalog's Standby.
//
// An invalid catalog fails the test. Fill needs a superuser. pgtest is one on the servers
// that it starts.
func (d *Database) Fill(t testing.TB, c sqltest.Catalog) {
	t.Helper()
	ctx, cancel := withTimeout()
	defer cancel()
	if err := d.FillContext(ctx, c); err != nil {
		t.Fatal(err)
	}
}

// FillContext does the same as [Database.Fill] without a test. After an error the
// database is unchanged.
func (d *Database) FillContext(ctx context.Context, c sqltest.Catalog) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.fill(ctx, c)
}

// fill implements FillContext. The caller holds d.mu.
func (d *Database) fill(ctx context.Context, c sqltest.Catalog) error {
	f := filling{name: d.name, contents: d.contents.clone()}
	f.catalog(c)
	return d.run(ctx, &f)
}

// run runs a filling's SQL, and stores the new contents.
func (d *Database) run(ctx context.Context, f *filling) error {
	err := f.err
	if err == nil {
		var done int
		if done, err = d.runOnFiller(ctx, f.text.String()); err != nil && done < len(f.about) && f.about[done] != (dialect.Name{}) {
			err = fmt.Errorf("%s: %w", f.about[done], err)
		}
	}
	if err != nil {
		return fmt.Errorf("pgtest: set up %s: %w", d.name, advised(err))
	}
	d.contents = f.contents
	return nil
}

// A filling collects SQL, and the contents of the database after it is run.
type filling struct {
	name string // the database's
	contents
	text    strings.Builder
	subject dialect.Name   // the structure that is being created
	about   []dialect.Name // the structure of each statement in text
	err     error          // the first error
}

// add adds statements. The format separates them by semicolons.
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
	if f.kinds == nil { // the database is new or cleared
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
	for _, l := range c.Ledgers {
		f.ledger(l)
	}
	for _, e := range c.Enums { // before the views, whose columns may have these types
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

// ledger creates a ledger.
func (f *filling) ledger(l sqltest.Ledger) {
	def := dialect.LedgerDefinition{Ledger: dialect.Ledger{Schema: l.Schema}}
	schema := dialect.Name{Name: l.Schema}.Quoted()
	owned := !l.NotOwned && !l.NoteOthers
	if l.NoteOthers && !l.NotOwned {
		def.Writers = []string{f.role}
	}
	def.NoteOthers = l.NoteOthers
	if owned {
		def.Owners = []string{f.role}
		f.add("CREATE SCHEMA IF NOT EXISTS %s; ALTER SCHEMA %[1]s OWNER TO %s", schema, f.role)
	}
	ddl, err := postgres.New().LedgerDDL(def)
	if err != nil {
		f.fail("the ledger in schema %q: %w", l.Schema, err)
		return
	}
	f.add("DO LANGUAGE plpgsql %s", literal("BEGIN EXECUTE "+literal(ddl)+"; END"))
	for _, table := range []string{"freshness", "history"} {
		n := dialect.Name{Schema: l.Schema, Name: table}
		f.kinds[n] = "TABLE"
		if owned {
			f.own("TABLE", n)
		}
	}
}

// set changes a setting of the database, for new sessions.
func (f *filling) set(name, value string) {
	f.add("ALTER DATABASE %s SET %s = %s", f.name, name, value)
	f.settings = append(f.settings, name+" = "+value)
}

func (f *filling) schema(s string) {
	f.add("CREATE SCHEMA IF NOT EXISTS %s; GRANT USAGE ON SCHEMA %[1]s TO %s", ident(s), f.role)
}

// structure records the kind of a structure that is created with that name.
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

// views creates the catalog's views, each after the views that it reads.
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
		if r == nil || r.made { // not in the catalog: it was created before, or the server reports that it is missing
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

// reads returns a WHERE clause that reads views and is always true. With a count, the
// planner can't remove them.
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

// enumColumn creates a column of an enum.
func (f *filling) enumColumn(enum dialect.Name, c sqltest.EnumColumn) {
	dot := strings.LastIndex(c.Column, ".")
	if dot < 0 {
		f.fail("%q is not a column: write table.column", c.Column)
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
		f.fail("sequence %s: it is owned by %s, so its role may restart it: set Rights with Restart, or KeyOf or Feeds instead of OwnedBy", n, s.OwnedBy)
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

// column creates a table's column unless it exists. The database's role owns the table.
func (f *filling) column(text, kind string) (dialect.Name, string) {
	dot := strings.LastIndex(text, ".")
	if dot < 0 {
		f.fail("%q is not a column: write table.column", text)
		return dialect.Name{}, ""
	}
	table, column := f.structure(text[:dot], "TABLE"), ident(text[dot+1:])
	f.add("CREATE TABLE IF NOT EXISTS %s (); ALTER TABLE %[1]s ADD COLUMN IF NOT EXISTS %s %s", table.Quoted(), column,
		cmp.Or(kind, "bigint"))
	f.own("TABLE", table)
	return table, column
}

// row inserts a row with a value, written as SQL, in a column.
func (f *filling) row(column, value string) {
	dot := strings.LastIndex(column, ".")
	if dot < 0 {
		f.fail("%q is not a column: write table.column", column)
		return
	}
	f.add("INSERT INTO %s (%s) VALUES (%s)", f.parse(column[:dot]).Quoted(), ident(column[dot+1:]), value)
}

// Do applies changes to a filled database, as [sqltest.Fake.Do] does to a fake. Each
// change is a transaction. An invalid change fails the test.
func (d *Database) Do(t testing.TB, changes ...sqltest.Change) {
	t.Helper()
	ctx, cancel := withTimeout()
	defer cancel()
	if err := d.DoContext(ctx, changes...); err != nil {
		t.Fatal(err)
	}
}

// DoContext does the same as [Database.Do] without a test. After an error, the earlier
// changes stay.
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
			f.fail("rows of the view %s can't be set: Fill did not create it", n)
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

// made returns the name of a structure that Fill created, and the SQL keyword for its
// kind.
func (f *filling) made(text string) (dialect.Name, string) {
	n := f.parse(text)
	kind := f.kinds[n]
	if kind == "" {
		f.fail("%s can't be changed: Fill did not create it, or it was dropped", n)
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

// constant returns a value as an SQL constant, for a column of that type.
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
