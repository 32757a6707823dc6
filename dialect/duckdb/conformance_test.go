//go:build cgo

package duckdb_test

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	duckdriver "github.com/duckdb/duckdb-go/v2"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/dialect/duckdb"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
	"github.com/massivedb/massive-go/sqltest/conformance"
)

// The dialect passes the conformance suite. The fields list what DuckDB lacks, and how it
// differs from PostgreSQL.
func TestConformance(t *testing.T) {
	t.Parallel()
	t.Logf("server (DuckDB %s)", strings.TrimPrefix(text(t, memory(t), "SELECT version()"), "v"))
	conformance.Run(t, conformance.Harness{
		Open:       func(t *testing.T, c sqltest.Catalog) conformance.Database { t.Helper(); return create(t, c) },
		LacksKinds: []dialect.Kind{dialect.KindMatview},
		Lacks: []conformance.Operation{
			conformance.EnumColumns, conformance.AddEnumLabel, conformance.RenameEnumLabel,
			conformance.RestartSequence, conformance.SetSequenceValue,
			conformance.SetSavepoint, conformance.Unchanged,
		},
		SnapshotIsolation:  true,
		NoRights:           true,
		NoLockTimeout:      true,
		NoStatementTimeout: true,
		FoldsCase:          true,
		NamesLack:          `"`,
		KindsApart:         true,
		LabelsRecreate:     true,
		LabelsStayOut:      true,
		MinValue:           -math.MaxInt64,
		MaxValue:           math.MaxInt64 - 1,
		SequenceType:       "bigint",
		NextOnly:           true,
		Caches:             conformance.NoCache,
		NoOwners:           true,
		Restarts:           conformance.MovesFree,
		CatchUps:           conformance.MovesFree,
	})
}

// A database is a file for one test.
type database struct{ db *sql.DB }

func (d database) DB() *sql.DB              { return d.db }
func (d database) Dialect() dialect.Dialect { return duckdb.New() }

// memory opens an empty database.
func memory(t testing.TB) *sql.DB {
	t.Helper()
	return open(t, "")
}

// open opens a database. Each of its connections runs the statements first.
func open(t testing.TB, dsn string, first ...string) *sql.DB {
	t.Helper()
	connector, err := duckdriver.NewConnector(dsn, func(e driver.ExecerContext) error {
		for _, s := range first {
			if _, err := e.ExecContext(context.Background(), s, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func run(t testing.TB, db *sql.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func text(t testing.TB, db *sql.DB, query string) (s string) {
	t.Helper()
	if err := db.QueryRow(query).Scan(&s); err != nil {
		t.Fatal(err)
	}
	return s
}

func literal(s string) string { return dialect.Quote(s, '\'') }

func create(t testing.TB, c sqltest.Catalog) database {
	t.Helper()
	path := c.SearchPath
	if path == nil {
		path = []string{"public"}
	}
	first, quoted := []string{}, []string{}
	for _, s := range path {
		first = append(first, "CREATE SCHEMA IF NOT EXISTS "+dialect.Quote(s, '"'))
		quoted = append(quoted, dialect.Quote(s, '"'))
	}
	file := filepath.Join(t.TempDir(), "test.db")
	db := open(t, file)
	run(t, db, first...)
	setPath := "SET search_path = " + literal(strings.Join(quoted, ","))
	d := database{open(t, file, setPath)}
	d.fill(t, c)
	// A file that was opened again has lost some data of its catalog.
	if err := errors.Join(db.Close(), d.db.Close()); err != nil {
		t.Fatal(err)
	}
	return database{open(t, file, setPath)}
}

func parse(t testing.TB, text string) dialect.Name {
	t.Helper()
	n, err := dialect.ParseName(text)
	if err != nil {
		t.Fatal(err)
	}
	n.Schema = cmp.Or(n.Schema, "public")
	return n
}

func columnOf(t testing.TB, text string) dialect.ColumnRef {
	t.Helper()
	at := strings.LastIndex(text, ".")
	return dialect.ColumnRef{Table: parse(t, text[:at]), Column: text[at+1:]}
}

// Do makes the changes of the suite. DuckDB can't rename a sequence or an enum, nor add a
// label, so Do recreates them.
func (d database) Do(t testing.TB, changes ...sqltest.Change) {
	t.Helper()
	for _, change := range changes {
		switch c := change.(type) {
		case sqltest.Create:
			d.fill(t, sqltest.Catalog(c))
		case sqltest.Insert:
			ref := columnOf(t, c.Column)
			run(t, d.db, fmt.Sprintf("INSERT INTO %s (%s) VALUES (%d)", ref.Table.Quoted(), dialect.Quote(ref.Column, '"'), c.Value))
		case sqltest.AddLabel:
			labels := d.labels(t, parse(t, c.Enum))
			at := len(labels)
			if c.Before != "" {
				at = slices.Index(labels, c.Before)
			}
			d.enum(t, "CREATE OR REPLACE", parse(t, c.Enum), slices.Insert(labels, at, c.Label))
		case sqltest.Drop:
			n := parse(t, c.Name)
			run(t, d.db, "DROP "+d.kind(t, n)+" "+n.Quoted()+" CASCADE")
		case sqltest.Rename:
			n := parse(t, c.Name)
			to := dialect.Name{Schema: n.Schema, Name: c.To}
			if kind := d.kind(t, n); kind == "TYPE" {
				d.enum(t, "CREATE", to, d.labels(t, n))
				run(t, d.db, "DROP TYPE "+n.Quoted())
			} else {
				run(t, d.db, "CREATE "+kind+" "+to.Quoted(), "DROP "+kind+" "+n.Quoted())
			}
		default:
			t.Fatalf("DuckDB has no %T", c)
		}
	}
}

// kind returns the keyword for the structure of that name.
func (d database) kind(t testing.TB, n dialect.Name) string {
	t.Helper()
	named := func(schema, name string) string {
		return schema + " = " + literal(n.Schema) + " AND " + name + " = " + literal(n.Name)
	}
	return text(t, d.db, "SELECT 'SEQUENCE' FROM duckdb_sequences() WHERE "+named("schema_name", "sequence_name")+
		" UNION ALL SELECT 'TYPE' FROM duckdb_types() WHERE "+named("schema_name", "type_name")+
		" UNION ALL SELECT 'TABLE' FROM duckdb_tables() WHERE "+named("schema_name", "table_name"))
}

func (d database) labels(t testing.TB, n dialect.Name) []string {
	t.Helper()
	m, err := massive.Load(context.Background(), d.db, duckdb.New())
	if err != nil {
		t.Fatal(err)
	}
	e, err := m.Enum(n.Quoted())
	if err != nil {
		t.Fatal(err)
	}
	return slices.Clone(e.Values())
}

func (d database) enum(t testing.TB, create string, n dialect.Name, labels []string) {
	t.Helper()
	quoted := make([]string, len(labels))
	for i, l := range labels {
		quoted[i] = literal(l)
	}
	run(t, d.db, create+" TYPE "+n.Quoted()+" AS ENUM ("+strings.Join(quoted, ", ")+")")
}

// fill creates the structures of a catalog. The fake computes the defaults of sequences.
func (d database) fill(t testing.TB, c sqltest.Catalog) {
	t.Helper()
	schema := func(n dialect.Name) { run(t, d.db, "CREATE SCHEMA IF NOT EXISTS "+dialect.Quote(n.Schema, '"')) }
	tables := map[dialect.Name][]string{}
	for _, name := range c.Tables {
		tables[parse(t, name)] = []string{"n INTEGER"}
	}
	for _, e := range c.Enums {
		n := parse(t, e.Name)
		schema(n)
		d.enum(t, "CREATE", n, e.Labels)
		run(t, d.db, "COMMENT ON TYPE "+n.Quoted()+" IS "+literal(e.Comment))
		for _, u := range e.UsedBy {
			ref := columnOf(t, u.Column)
			tables[ref.Table] = append(tables[ref.Table], dialect.Quote(ref.Column, '"')+" "+n.Quoted())
		}
	}
	specs := map[dialect.Name]sqltest.Sequence{}
	for _, s := range c.Sequences {
		specs[parse(t, s.Name)] = s
	}
	fake := sqltest.New(sqltest.Catalog{Sequences: c.Sequences})
	m, err := massive.Load(context.Background(), fake.DB(), fake, massive.WithKeySequences())
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	for _, s := range m.Sequences() {
		def, spec := s.Def(), specs[s.Name()]
		schema(def.Name)
		statement := fmt.Sprintf("CREATE SEQUENCE %s INCREMENT BY %d MINVALUE %d MAXVALUE %d START %d", // INCREMENT has to be first
			def.Name.Quoted(), def.Increment, def.Min, def.Max, def.Start)
		if def.Cycle {
			statement += " CYCLE"
		}
		run(t, d.db, statement, "COMMENT ON SEQUENCE "+def.Name.Quoted()+" IS "+literal(def.Comment))
		var refs []dialect.ColumnRef
		if def.KeyOf != nil {
			refs = append(refs, *def.KeyOf)
		}
		for _, f := range spec.Feeds {
			refs = append(refs, columnOf(t, f))
		}
		for i, ref := range refs {
			column := dialect.Quote(ref.Column, '"') + " " + cmp.Or(spec.ColumnType, "bigint") + " DEFAULT nextval(" + literal(def.Name.Quoted()) + ")"
			if i == 0 && def.KeyOf != nil {
				column += " PRIMARY KEY"
			}
			tables[ref.Table] = append(tables[ref.Table], column)
		}
		for _, v := range spec.Holds {
			values = append(values, fmt.Sprintf("INSERT INTO %s (%s) VALUES (%d)", refs[0].Table.Quoted(), dialect.Quote(refs[0].Column, '"'), v))
		}
	}
	for n, columns := range tables {
		schema(n)
		run(t, d.db, "CREATE TABLE "+n.Quoted()+" ("+strings.Join(columns, ", ")+")")
	}
	run(t, d.db, values...)
}
