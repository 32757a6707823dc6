package sqlite_test

import (
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/dialect/postgres"
	sqlite "github.com/massivedb/massive-go/examples/dialect"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
	"github.com/massivedb/massive-go/sqltest/conformance"
)

// The dialect passes the conformance suite. Lacks lists the operations that it does not
// have.
func TestConformance(t *testing.T) {
	t.Parallel()
	conformance.Run(t, conformance.Harness{
		Open: func(t *testing.T, c sqltest.Catalog) conformance.Database { t.Helper(); return create(t, c) },
		Lacks: []conformance.Operation{
			conformance.MatviewDefinition, conformance.MatviewSize, conformance.SelectMatview, conformance.RefreshMatview,
			conformance.CheckColumn, conformance.CreateLedger,
			conformance.EnumColumns, conformance.AddEnumLabel, conformance.RenameEnumLabel,
			conformance.NextSequenceValue, conformance.NextSequenceValues, conformance.NextSequenceBlock, conformance.RestartSequence,
			conformance.SetSequenceValue, conformance.SequenceStates, conformance.SequenceLags, conformance.CatchUpSequence,
			conformance.SetSavepoint, conformance.Unchanged,
		},
		NoRights: true,
	})
}

// A database is a SQLite file for one test.
type database struct{ db *sql.DB }

func (d database) DB() *sql.DB              { return d.db }
func (d database) Dialect() dialect.Dialect { return sqlite.New() }

func open(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "test.db")+"?_pragma=journal_mode(wal)&_pragma=busy_timeout(5000)&_pragma=foreign_keys(1)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func create(t *testing.T, c sqltest.Catalog) database {
	t.Helper()
	d := database{open(t)}
	d.exec(t, sqlite.Schema)
	if c.SearchPath == nil {
		c.SearchPath = []string{"public"}
	}
	for i, s := range c.SearchPath {
		d.exec(t, "INSERT INTO search_path VALUES (?, ?)", i, s)
	}
	d.Do(t, sqltest.Create(c))
	return d
}

func (d database) exec(t testing.TB, text string, args ...any) {
	t.Helper()
	if _, err := d.db.Exec(text, args...); err != nil {
		t.Fatal(err)
	}
}

// object inserts a row into objects and returns its id.
func (d database) object(t testing.TB, kind, name, comment string) (id int64) {
	t.Helper()
	n := parse(t, name)
	err := d.db.QueryRow("INSERT INTO objects (kind, schema, name, comment) VALUES (?, ?, ?, ?) RETURNING id",
		kind, n.Schema, n.Name, comment).Scan(&id)
	if err != nil {
		t.Fatal(err)
	}
	return id
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

// Do makes the changes of the suite.
func (d database) Do(t testing.TB, changes ...sqltest.Change) {
	t.Helper()
	for _, change := range changes {
		switch c := change.(type) {
		case sqltest.Create:
			d.fill(t, sqltest.Catalog(c))
		case sqltest.AddLabel:
			n, place := parse(t, c.Enum), "(SELECT max(position) + 1 FROM enum_labels WHERE enum = o.id)"
			if c.Before != "" {
				place = "(SELECT position - 0.5 FROM enum_labels WHERE enum = o.id AND label = ?4)"
			}
			d.exec(t, "INSERT INTO enum_labels SELECT o.id, "+place+", ?3 FROM objects o WHERE schema = ?1 AND name = ?2 AND kind = 'enum' AND ?4 IS NOT NULL",
				n.Schema, n.Name, c.Label, c.Before)
		case sqltest.Drop:
			n := parse(t, c.Name)
			d.exec(t, `WITH RECURSIVE gone (id) AS (
				SELECT id FROM objects WHERE schema = ? AND name = ? UNION SELECT view FROM view_reads JOIN gone ON reads = gone.id
			) DELETE FROM objects WHERE id IN gone`, n.Schema, n.Name)
		case sqltest.Rename:
			n := parse(t, c.Name)
			d.exec(t, "UPDATE objects SET name = ? WHERE schema = ? AND name = ?", c.To, n.Schema, n.Name)
		default:
			t.Fatalf("the suite made an unexpected change %T", c)
		}
	}
}

func (d database) fill(t testing.TB, c sqltest.Catalog) {
	t.Helper()
	for _, name := range c.Tables {
		d.object(t, "table", name, "")
	}
	// The fake fills in the columns and bounds that the catalog does not specify.
	fake := sqltest.New(c)
	m, err := massive.Load(t.Context(), fake.DB(), fake, massive.WithKeySequences())
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range m.Matviews() {
		id := d.object(t, "matview", v.Name().Quoted(), v.Comment())
		d.exec(t, "INSERT INTO view_state VALUES (?, ?)", id, v.Populated())
		for i, column := range v.Columns() {
			key := false
			for _, index := range v.Indexes() {
				key = key || strings.Contains(fmt.Sprint(index.Columns), column.Name)
			}
			d.exec(t, "INSERT INTO view_columns VALUES (?, ?, ?, ?, ?)", id, i, column.Name, column.Type, key)
		}
	}
	for _, v := range c.Views {
		d.object(t, "view", v.Name, "")
	}
	reads := func(view string, all []string) {
		v := parse(t, view)
		for _, name := range all {
			n := parse(t, name)
			d.exec(t, `INSERT INTO view_reads SELECT v.id, o.id FROM objects v, objects o WHERE v.schema = ?1 AND v.name = ?2 AND o.schema = ?3 AND o.name = ?4
				AND NOT EXISTS (SELECT 1 FROM view_reads WHERE view = v.id AND reads = o.id)`, v.Schema, v.Name, n.Schema, n.Name)
		}
	}
	for _, v := range c.Views {
		reads(v.Name, v.Reads)
	}
	for _, v := range c.Matviews {
		reads(v.Name, v.Reads)
	}
	for _, e := range m.Enums() {
		id := d.object(t, "enum", e.Name().Quoted(), e.Comment())
		for i, l := range e.All() {
			d.exec(t, "INSERT INTO enum_labels VALUES (?, ?, ?)", id, i, l)
		}
	}
	for _, s := range m.Sequences() {
		id, def := d.object(t, "sequence", s.Name().Quoted(), s.Comment()), s.Def()
		column := func(c *dialect.ColumnRef) string {
			if c == nil {
				return ""
			}
			return c.String()
		}
		d.exec(t, "INSERT INTO sequences VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)", id, def.Type, def.Start, def.Increment,
			def.Min, def.Max, def.Cache, def.Cycle, column(def.OwnedBy), column(def.KeyOf), def.Start)
	}
}

func TestLastValue(t *testing.T) {
	t.Parallel()
	d := create(t, sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "s", Start: math.MaxInt64 - 1}}})
	m, err := massive.Load(t.Context(), d.DB(), sqlite.New())
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.Sequence("s")
	if err != nil {
		t.Fatal(err)
	}
	if v, err := s.LastValue(t.Context()); v != math.MaxInt64-1 || err != nil {
		t.Errorf("got %d, %v", v, err)
	}
}

// On a SQLite database the Postgres dialect's error names the server.
func TestPostgresDialectNamesSQLite(t *testing.T) {
	t.Parallel()
	m, err := massive.Load(t.Context(), open(t), postgres.New())
	if !errors.Is(err, massive.ErrUnsupported) || !errors.Is(err, errors.ErrUnsupported) || m != nil {
		t.Fatalf("got %v, %v", m, err)
	}
	if want := `the server is "SQLite 3.`; !strings.Contains(err.Error(), want) ||
		!strings.Contains(err.Error(), "needs PostgreSQL 13 or newer") {
		t.Errorf("error %q does not say %q", err, want)
	}
}
