package mariadb_test

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/dialect/mariadb"
	"github.com/massivedb/massive-go/dialect/mariadb/internal/server"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
	"github.com/massivedb/massive-go/sqltest/conformance"
)

// The dialect passes the conformance suite. The fields list what MariaDB lacks, and how
// it differs from PostgreSQL.
func TestConformance(t *testing.T) { conform(t, "") }

// docs/mariadb.md recommends Aria.
func TestConformanceOnAria(t *testing.T) {
	if os.Getenv("MASSIVE_TEST_ALL") == "" {
		t.Skip("takes as long as TestConformance; MASSIVE_TEST_ALL=1 runs it")
	}
	conform(t, " ENGINE=Aria")
}

func conform(t *testing.T, engine string) {
	t.Helper()
	s := server.Shared(t)
	var version string
	if err := open(t, s.DSN("")).QueryRow("SELECT VERSION()").Scan(&version); err != nil {
		t.Fatal(err)
	}
	t.Logf("server (MariaDB %s)", version)
	conformance.Run(t, conformance.Harness{
		Open:                func(t *testing.T, c sqltest.Catalog) conformance.Database { t.Helper(); return create(t, s, c, engine) },
		Serial:              true, // schemas are databases of one server
		LacksKinds:          []dialect.Kind{dialect.KindMatview, dialect.KindEnum},
		Lacks:               []conformance.Operation{conformance.Unchanged},
		StatementsFailAlone: true,
		NoRights:            true,
		CancelsLate:         true,
		SavepointsReplace:   true,
		OneSchemaPath:       true,
		MaxNameLength:       64,
		MinValue:            -math.MaxInt64 + 1,
		MaxValue:            math.MaxInt64 - 1,
		SequenceType:        "bigint",
		NextOnly:            true,
		Caches:              conformance.CachePerServer,
		NoOwners:            true,
		Restarts:            conformance.MovesStay,
		CatchUps:            conformance.MovesFree,
	})
}

// A database is a connection to a server that has the structures of a catalog.
type database struct {
	db     *sql.DB
	engine string // the end of CREATE SEQUENCE
}

func (d database) DB() *sql.DB              { return d.db }
func (d database) Dialect() dialect.Dialect { return mariadb.New() }

func backquoted(n dialect.Name) string {
	return dialect.Quote(n.Schema, '`') + "." + dialect.Quote(n.Name, '`')
}

func literal(s string) string {
	return dialect.Quote(strings.ReplaceAll(s, `\`, `\\`), '\'')
}

// open returns a pool that is closed when the test ends.
func open(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func exec(t testing.TB, db *sql.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// each runs the statements that a query returns.
func each(t testing.TB, db *sql.DB, query string, run func(statement string)) {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		run(s)
	}
}

// empty ends all other connections and drops all databases.
func empty(t testing.TB, s *server.Server) *sql.DB {
	t.Helper()
	admin := open(t, s.DSN(""))
	admin.SetMaxOpenConns(1)
	each(t, admin, "SELECT CONCAT('KILL ', id) FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND user <> 'system user'",
		func(kill string) { _, _ = admin.Exec(kill) }) // it may have ended meanwhile
	each(t, admin, "SELECT CONCAT('DROP DATABASE `', REPLACE(schema_name, '`', '``'), '`') FROM information_schema.schemata"+
		" WHERE schema_name NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys')", func(drop string) { exec(t, admin, drop) })
	return admin
}

// create empties the server and fills it with a catalog.
func create(t testing.TB, s *server.Server, c sqltest.Catalog, engine string) database {
	t.Helper()
	admin := empty(t, s)
	main := "public"
	if len(c.SearchPath) > 0 {
		main = c.SearchPath[0]
	}
	exec(t, admin, "CREATE DATABASE IF NOT EXISTS "+dialect.Quote(main, '`'))
	// At MariaDB's default isolation, a transaction would not see later commits.
	settings := []string{"tx_isolation=%27READ-COMMITTED%27"}
	if c.LockTimeout > 0 {
		settings = append(settings, fmt.Sprintf("lock_wait_timeout=%d", int(math.Ceil(c.LockTimeout.Seconds()))))
	}
	if c.StatementTimeout > 0 {
		settings = append(settings, fmt.Sprintf("max_statement_time=%g", c.StatementTimeout.Seconds()))
	}
	d := database{open(t, s.DSN(main, settings...)), engine}
	d.fill(t, c)
	return d
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

func (d database) Do(t testing.TB, changes ...sqltest.Change) {
	t.Helper()
	for _, change := range changes {
		switch c := change.(type) {
		case sqltest.Create:
			d.fill(t, sqltest.Catalog(c))
		case sqltest.Insert:
			ref := columnOf(t, c.Column)
			exec(t, d.db, fmt.Sprintf("INSERT INTO %s (%s) VALUES (%d)", backquoted(ref.Table), dialect.Quote(ref.Column, '`'), c.Value))
		case sqltest.Drop:
			n := parse(t, c.Name)
			var kind string
			if err := d.db.QueryRow("SELECT IF(table_type = 'SEQUENCE', 'SEQUENCE', 'TABLE') FROM information_schema.tables WHERE table_schema = ? AND table_name = ?",
				n.Schema, n.Name).Scan(&kind); err != nil {
				t.Fatal(err)
			}
			exec(t, d.db, "DROP "+kind+" "+backquoted(n))
		case sqltest.Rename:
			n := parse(t, c.Name)
			exec(t, d.db, "RENAME TABLE "+backquoted(n)+" TO "+backquoted(dialect.Name{Schema: n.Schema, Name: c.To}))
		default:
			t.Fatalf("MariaDB has no %T", c)
		}
	}
}

// fill creates the structures of a catalog. The fake computes the defaults of sequences.
func (d database) fill(t testing.TB, c sqltest.Catalog) {
	t.Helper()
	tables := map[dialect.Name][]string{}
	for _, name := range c.Tables {
		tables[parse(t, name)] = []string{"n int"}
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
	within := func(v int64) int64 { return min(max(v, -math.MaxInt64+1), math.MaxInt64-1) }
	var values []string
	for _, s := range m.Sequences() {
		def, spec := s.Def(), specs[s.Name()]
		text := fmt.Sprintf("CREATE SEQUENCE %s START WITH %d MINVALUE %d MAXVALUE %d INCREMENT BY %d",
			backquoted(def.Name), within(def.Start), within(def.Min), within(def.Max), def.Increment)
		if def.Cache > 1 {
			text += fmt.Sprintf(" CACHE %d", def.Cache)
		} else {
			text += " NOCACHE"
		}
		if def.Cycle {
			text += " CYCLE"
		}
		text += " COMMENT " + literal(def.Comment)
		text += d.engine
		exec(t, d.db, "CREATE DATABASE IF NOT EXISTS "+dialect.Quote(def.Name.Schema, '`'), text)
		var refs []dialect.ColumnRef
		if def.KeyOf != nil {
			refs = append(refs, *def.KeyOf)
		}
		for _, f := range spec.Feeds {
			refs = append(refs, columnOf(t, f))
		}
		for i, ref := range refs {
			text := dialect.Quote(ref.Column, '`') + " " + cmp.Or(spec.ColumnType, "bigint") + " DEFAULT NEXTVAL(" + backquoted(def.Name) + ")"
			if i == 0 && def.KeyOf != nil {
				text += " PRIMARY KEY"
			}
			tables[ref.Table] = append(tables[ref.Table], text)
		}
		for _, v := range spec.Holds {
			values = append(values, fmt.Sprintf("INSERT INTO %s (%s) VALUES (%d)", backquoted(refs[0].Table), dialect.Quote(refs[0].Column, '`'), v))
		}
	}
	for n, columns := range tables {
		exec(t, d.db, "CREATE DATABASE IF NOT EXISTS "+dialect.Quote(n.Schema, '`'), "CREATE TABLE "+backquoted(n)+" ("+strings.Join(columns, ", ")+")")
	}
	exec(t, d.db, values...)
}
