//go:build cgo

package duckdb_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/dialect/duckdb"
	"github.com/massivedb/massive-go/massive"
)

func load(t testing.TB, db *sql.DB) *massive.DB {
	t.Helper()
	m, err := massive.Load(t.Context(), db, duckdb.New(), massive.WithKeySequences())
	return ok(t, m, err)
}

// ok returns v, and ends the test if there is an error.
func ok[T any](t testing.TB, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func same[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// fails checks the sentinel and parts of the text of an error.
func fails(t testing.TB, what string, err, want error, says ...string) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got error %v, want %v", what, err, want)
		return
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%s: got error %q, want it to contain %q", what, err, s)
		}
	}
}

func sequence(t testing.TB, m *massive.DB, name string) massive.Sequence {
	t.Helper()
	s, err := m.Sequence(name)
	return ok(t, s, err)
}

func next(t testing.TB, m *massive.DB, name string) int64 {
	t.Helper()
	v, err := sequence(t, m, name).NextValue(t.Context())
	return ok(t, v, err)
}

const childVariable = "MASSIVE_DUCKDB_CHILD"

// child starts TestChild in another process, which opens the file and runs the statements.
// It returns when the child has run all. The child then waits until its input ends.
func child(t *testing.T, file string, statements ...string) (kill func()) {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^TestChild$") //nolint:gosec // it is this program
	c.Env = append(os.Environ(), childVariable+"="+strings.Join(append([]string{file}, statements...), "\n"))
	in, err := c.StdinPipe()
	ok(t, in, err)
	out, err := c.StdoutPipe()
	ok(t, out, err)
	c.Stderr = os.Stderr
	ok(t, 0, c.Start())
	kill = sync.OnceFunc(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	t.Cleanup(kill)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if lines.Text() == "ready" {
			return kill
		}
	}
	t.Fatal("the other process ended")
	return nil
}

func TestChild(t *testing.T) {
	file, statements, isChild := strings.Cut(os.Getenv(childVariable), "\n")
	if !isChild {
		t.Skip("other tests run it in another process")
	}
	db := open(t, file)
	db.SetMaxOpenConns(1)
	run(t, db, strings.Split(statements, "\n")...)
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// The driver opens the file in sql.Open, so massive never sees the error.
func TestFileOfAnotherProcessDoesNotOpen(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "shop.db")
	kill := child(t, file, "CREATE SEQUENCE s", "CHECKPOINT")
	for _, dsn := range []string{file, file + "?access_mode=READ_ONLY"} {
		db, err := sql.Open("duckdb", dsn)
		if err == nil || !strings.Contains(err.Error(), "Could not set lock on file") || !strings.Contains(err.Error(), "PID") {
			t.Errorf("%s: got %v and error %v, want the process that holds the lock", dsn, db, err)
		}
	}
	kill()
	same(t, "the value after the other process ended", next(t, load(t, open(t, file)), "s"), 1)
}

func TestReadOnlyFileIsErrReadOnly(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "shop.db")
	db := open(t, file)
	run(t, db, "CREATE SEQUENCE s", "CREATE TABLE t (id BIGINT DEFAULT nextval('s'))", "INSERT INTO t VALUES (7)")
	ok(t, 0, db.Close())
	m := load(t, open(t, file+"?access_mode=READ_ONLY"))
	same(t, "Server().Standby", m.Server().Standby, true)
	s := sequence(t, m, "main.s")
	_, err := s.NextValue(t.Context())
	fails(t, "NextValue", err, massive.ErrReadOnly, "access_mode=READ_ONLY")
	_, err = s.NextValues(t.Context(), 2)
	fails(t, "NextValues", err, massive.ErrReadOnly)
	_, err = s.CatchUp(t.Context())
	fails(t, "CatchUp", err, massive.ErrReadOnly)
	lag, err := s.Lag(t.Context())
	same(t, "Lag().Behind", ok(t, lag, err).Behind, true)
}

func TestNamesThatDifferOnlyInCaseAreOneStructure(t *testing.T) {
	t.Parallel()
	db := memory(t)
	run(t, db, `CREATE SCHEMA "App"`, `CREATE SEQUENCE "App"."Orders"`, `CREATE TYPE "App"."Mood" AS ENUM ('a', 'A')`,
		`CREATE TABLE "App"."T" ("Id" BIGINT DEFAULT nextval('app.orders'))`, `INSERT INTO app.t VALUES (5)`)
	for _, clash := range []string{"CREATE SEQUENCE app.orders", "CREATE TYPE app.mood AS ENUM ('b')", "CREATE SCHEMA app"} {
		if _, err := db.Exec(clash); err == nil {
			t.Errorf("%s: got no error, want that the name exists", clash)
		}
	}
	m := load(t, db)
	for _, name := range []string{"App.orders", "app.Orders", "orders"} {
		_, err := m.Sequence(name)
		fails(t, "looking up "+name, err, massive.ErrNotFound)
	}
	_, err := m.Sequence("App.orders")
	fails(t, "looking up App.orders", err, massive.ErrNotFound, `"App"."Orders"`)
	e, err := m.Enum("App.Mood")
	same(t, "labels may differ in case", fmt.Sprint(ok(t, e, err).Values()), "[a A]")
	s := sequence(t, m, "App.Orders")
	lag, err := s.Lag(t.Context())
	same(t, "the lag of a default that spells the name otherwise", ok(t, lag, err).Furthest, 5)
	ok(t, 0, second(s.CatchUp(t.Context())))
	same(t, "the next value", next(t, m, "App.Orders"), 6)

	// The snapshot's name now finds a sequence that it did not load.
	run(t, db, `DROP TABLE "App"."T"`, `DROP SEQUENCE "App"."Orders"`, "CREATE SEQUENCE app.orders START 70")
	_, err = s.NextBlock(t.Context())
	fails(t, "NextBlock", err, massive.ErrNotFound)
	_, err = s.State(t.Context())
	fails(t, "State", err, massive.ErrNotFound)
	diff, err := m.Reload(t.Context())
	ok(t, diff, err)
	same(t, "the next value after Reload", next(t, m, "App.orders"), 70)
}

// A bare name in a default is found in the table's schema and then in main. DuckDB forgets
// that a table depends on a sequence when it closes the file.
func TestColumnsOfSequences(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "shop.db")
	db := open(t, file)
	db.SetMaxOpenConns(1)
	run(t, db, "CREATE SCHEMA app", "CREATE SCHEMA x", "CREATE SEQUENCE main.s START 100", "CREATE SEQUENCE x.s START 200", "CREATE SEQUENCE main.only START 300",
		`CREATE SEQUENCE "Ä" START 400`, `CREATE SEQUENCE "ä" START 500`, "ATTACH ':memory:' AS other", "CREATE SEQUENCE other.main.s", "SET search_path = 'x'",
		`CREATE TABLE app.t (bare BIGINT DEFAULT nextval('S'), schema BIGINT DEFAULT NEXTVAL ( $$X.s$$ ), whole BIGINT DEFAULT system.main.nextval('shop.x.s'),
			database BIGINT DEFAULT nextval('"SHOP".only') + 5, small BIGINT DEFAULT nextval('ä'), none VARCHAR DEFAULT 'nextval(''s'')', computed BIGINT DEFAULT nextval('x' || '.s'))`,
		`CREATE TABLE x.t (bare BIGINT DEFAULT nextval('s'), two VARCHAR DEFAULT nextval('s') || nextval('only'))`,
		"INSERT INTO app.t (none) VALUES ('')", "INSERT INTO x.t (bare) VALUES (DEFAULT)")
	const want = `"Ä" [], "ä" [app.t.small], only [app.t.database x.t.two], s [app.t.bare], x.s [app.t.schema app.t.whole x.t.bare x.t.two]`
	same(t, "the columns", columns(t, db), want)
	same(t, "the values", text(t, db, "SELECT concat_ws(' ', bare, schema, whole, database, small) FROM app.t"), "100 200 201 305 500")
	same(t, "the values", text(t, db, "SELECT concat_ws(' ', bare, two) FROM x.t"), "203 204301")
	run(t, db, "DETACH other")
	ok(t, 0, db.Close())
	same(t, "the columns after the file was opened again", columns(t, open(t, file)), want)
}

// columns lists all sequences with their columns.
func columns(t *testing.T, db *sql.DB) string {
	t.Helper()
	all, err := duckdb.New().SequenceColumns(t.Context(), db)
	ok(t, all, err)
	var list []string
	for _, s := range load(t, db).Sequences() {
		var of []string
		for _, c := range all {
			if c.Sequence == s.Def().ID {
				of = append(of, c.Column.String())
			}
		}
		slices.Sort(of)
		list = append(list, strings.TrimPrefix(s.Def().Name.String(), "main.")+" "+fmt.Sprint(of))
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

func second[T any](_ T, err error) error { return err }

var oddNames = []string{
	"it's", "a.b", "a b", `back\slash`, "semi;colon--", "%s$1?", "Grüße", "名前", "new\nline", "tab\t", " ", "select", "\u00a0", "👋",
}

func TestOddNames(t *testing.T) {
	t.Parallel()
	db := memory(t)
	for _, n := range oddNames {
		schema := dialect.Name{Schema: n, Name: n}.Quoted()
		run(t, db, "CREATE SCHEMA IF NOT EXISTS "+dialect.Quote(n, '"'), "CREATE SEQUENCE "+schema, "CREATE TYPE "+schema+" AS ENUM ("+literal(n)+")",
			"CREATE TABLE "+schema+" ("+dialect.Quote(n, '"')+" BIGINT PRIMARY KEY DEFAULT nextval("+literal(schema)+"))", "INSERT INTO "+schema+" VALUES (10)")
	}
	m := load(t, db)
	same(t, "sequences", len(m.Sequences()), len(oddNames))
	for _, n := range oddNames {
		name := dialect.Name{Schema: n, Name: n}.Quoted()
		s, err := m.Sequence(name)
		if err != nil {
			t.Error(err)
			continue
		}
		ref := dialect.ColumnRef{Table: dialect.Name{Schema: n, Name: n}, Column: n}
		if key := s.Def().KeyOf; key == nil || *key != ref {
			t.Errorf("%q: got key column %v, want %v", n, key, ref)
		}
		same(t, name+" NextValue", next(t, m, name), 1)
		b, err := s.NextBlock(t.Context())
		same(t, name+" NextBlock", ok(t, b, err).First, 2)
		state, err := s.State(t.Context())
		same(t, name+" State", ok(t, state, err).Next, 3)
		lag, err := s.Lag(t.Context())
		same(t, name+" Lag", ok(t, lag, err).Furthest, 10)
		ok(t, 0, second(s.CatchUp(t.Context())))
		same(t, name+" after CatchUp", next(t, m, name), 11)
		e, err := m.Enum(name)
		same(t, name+" labels", ok(t, e, err).Values()[0], n)
	}
}

// In DuckDB 1.5, nextval('"a""b"') finds the sequence ab.
func TestDoubleQuotesInNamesAreRefused(t *testing.T) {
	t.Parallel()
	db := memory(t)
	run(t, db, `CREATE SEQUENCE "a""b"`, "CREATE SEQUENCE ab", "CREATE TABLE t (id BIGINT)")
	m := load(t, db)
	s := sequence(t, m, `main."a""b"`)
	for what, try := range map[string]func() error{
		"NextValue":  func() error { return second(s.NextValue(t.Context())) },
		"NextValues": func() error { return second(s.NextValues(t.Context(), 2)) },
		"NextBlock":  func() error { return second(s.NextBlock(t.Context())) },
	} {
		fails(t, what, try(), massive.ErrUnsupported, "double quote", "another name")
	}
	state, err := s.State(t.Context())
	same(t, "State", ok(t, state, err).Next, 1)
	same(t, "the other sequence", next(t, m, "main.ab"), 1)

	file := open(t, filepath.Join(t.TempDir(), `a"b.db`))
	run(t, file, "CREATE SEQUENCE s")
	_, err = sequence(t, load(t, file), "s").NextValue(t.Context())
	fails(t, "in a database whose name has a double quote", err, massive.ErrUnsupported, "double quote", "another name")
}

// An attached database may have the name of a schema.
func TestOtherDatabasesAreNotRead(t *testing.T) {
	t.Parallel()
	db := memory(t)
	db.SetMaxOpenConns(1)
	run(t, db, "CREATE SCHEMA other", "CREATE SEQUENCE other.s START 7", "CREATE SEQUENCE main.s START 8", "CREATE TEMP SEQUENCE temporary",
		"ATTACH ':memory:' AS other", "CREATE SEQUENCE other.main.s START 9", "CREATE SEQUENCE other.main.more", "CREATE TYPE other.main.e AS ENUM ('a')")
	m := load(t, db)
	same(t, "sequences", len(m.Sequences()), 2)
	same(t, "enums", len(m.Enums()), 0)
	same(t, "other.s", next(t, m, "other.s"), 7)
	same(t, "s", next(t, m, "s"), 8)
	run(t, db, "USE other.main")
	m = load(t, db)
	same(t, "after USE", fmt.Sprint(m.Server().Database, len(m.Sequences()), next(t, m, "s")), "other2 9")
}

func TestAddingALabelIsRefused(t *testing.T) {
	t.Parallel()
	db := memory(t)
	run(t, db, "CREATE TYPE mood AS ENUM ('sad', 'ok')", "CREATE TABLE people (feels mood)")
	m := load(t, db)
	bound, err := massive.BindEnum[string](m, "mood")
	ok(t, bound, err)
	_, err = bound.EnsureValue(t.Context(), "happy")
	fails(t, "EnsureValue", err, massive.ErrUnsupported, "existing columns keep their copies of the labels")

	// This is why, and the way that docs/duckdb.md describes.
	run(t, db, "CREATE OR REPLACE TYPE mood AS ENUM ('sad', 'ok', 'happy')")
	if _, err := db.Exec("INSERT INTO people VALUES ('happy')"); err == nil {
		t.Error("an existing column accepts a label that was added: AddEnumLabel need not be refused")
	}
	run(t, db, "ALTER TABLE people ALTER feels TYPE mood", "INSERT INTO people VALUES ('happy')")
	diff, err := m.Reload(t.Context())
	ok(t, diff, err)
	e, err := m.Enum("mood")
	same(t, "labels after Reload", fmt.Sprint(ok(t, e, err).Values()), "[sad ok happy]")
}

func TestReopenedFileContinues(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "shop.db")
	db := open(t, file)
	run(t, db, "CREATE SEQUENCE s INCREMENT BY 5 MINVALUE 1 MAXVALUE 100 START 10", "CREATE SEQUENCE ended MAXVALUE 2")
	m := load(t, db)
	same(t, "the first value", next(t, m, "s"), 10)
	same(t, "the second value", next(t, m, "s"), 15)
	ok(t, 0, second(sequence(t, m, "ended").NextValues(t.Context(), 2)))
	_, err := sequence(t, m, "ended").NextValue(t.Context())
	fails(t, "at the end", err, massive.ErrExhausted)
	ok(t, 0, db.Close())

	m = load(t, open(t, file))
	same(t, "Start of a reopened file", sequence(t, m, "s").Def().Start, 20)
	state, err := sequence(t, m, "s").State(t.Context())
	same(t, "State().Next", ok(t, state, err).Next, 20)
	same(t, "the value after opening", next(t, m, "s"), 20)
	_, err = sequence(t, m, "ended").NextValue(t.Context())
	fails(t, "at the end, after opening", err, massive.ErrExhausted)
}

// A process is killed. Values that it took outside of transactions do not return.
func TestValuesAfterACrash(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		statements []string
		want       int64
	}{
		"outside a transaction": {[]string{"SELECT nextval('s') FROM range(30)", "SELECT nextval('s')"}, 32},
		"in a committed one":    {[]string{"BEGIN", "SELECT nextval('s') FROM range(30)", "COMMIT"}, 31},
		"in one that is open":   {[]string{"BEGIN", "SELECT nextval('s') FROM range(30)"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "shop.db")
			child(t, file, append([]string{"CREATE SEQUENCE s"}, c.statements...)...)()
			same(t, "the next value", next(t, load(t, open(t, file)), "s"), c.want)
		})
	}
}

func TestConcurrentValuesAreDistinct(t *testing.T) {
	t.Parallel()
	db := memory(t)
	run(t, db, "CREATE SEQUENCE s", "CREATE TABLE t (id BIGINT DEFAULT nextval('s'))", "INSERT INTO t VALUES (3000)")
	s := sequence(t, load(t, db), "s")
	const workers, rounds = 8, 40
	var all [workers][]int64
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range rounds {
				if w == 0 && i%10 == 0 {
					if _, err := s.CatchUp(context.Background()); err != nil {
						t.Error(err)
					}
				}
				v, err := s.NextValue(context.Background())
				if err != nil {
					t.Error(err)
				}
				many, err := s.NextValues(context.Background(), 3)
				if err != nil {
					t.Error(err)
				}
				all[w] = append(append(all[w], v), many...)
			}
		})
	}
	wg.Wait()
	for w, values := range all {
		if !slices.IsSorted(values) {
			t.Errorf("worker %d: got values out of order: CatchUp moved the sequence back", w)
		}
	}
	values := slices.Concat(all[:]...)
	same(t, "values", len(values), workers*rounds*4)
	slices.Sort(values)
	same(t, "distinct values", len(slices.Compact(values)), workers*rounds*4)
}

// The suite's rules about all sequences need savepoints or SetValue.
func TestAllSequences(t *testing.T) {
	t.Parallel()
	db := memory(t)
	run(t, db, "CREATE SEQUENCE a MAXVALUE 120", "CREATE TABLE ta (id BIGINT DEFAULT nextval('a'))", "INSERT INTO ta VALUES (100)",
		"CREATE SEQUENCE b", "CREATE TABLE tb (id BIGINT DEFAULT nextval('b'))", "INSERT INTO tb VALUES (50)", "CREATE SEQUENCE free")
	m := load(t, db)
	tx, err := db.BeginTx(t.Context(), nil)
	ok(t, tx, err)
	moved, err := m.With(tx).CatchUp(t.Context())
	same(t, "behind", len(ok(t, moved, err).Behind), 2)
	ok(t, 0, tx.Rollback())
	lags, err := m.Lag(t.Context())
	same(t, "behind after a rollback of CatchUp", len(ok(t, lags, err).Behind), 0)
	same(t, "next values", fmt.Sprint(next(t, m, "a"), next(t, m, "b"), next(t, m, "free")), "101 51 1")
	used, err := m.Exhaustion(t.Context())
	same(t, "Exhaustion", strings.Contains(ok(t, used, err).String(), "at 102, 19 left up to 120"), true)
}

func TestCatchUpOverTooManyValuesIsRefused(t *testing.T) {
	t.Parallel()
	db := memory(t)
	run(t, db, "CREATE SEQUENCE s", "CREATE TABLE t (id BIGINT DEFAULT nextval('s'))", "INSERT INTO t VALUES (100000001)")
	m := load(t, db)
	_, err := sequence(t, m, "s").CatchUp(t.Context())
	fails(t, "CatchUp", err, massive.ErrUnsupported, "100000001 values behind main.t.id", "START")
	same(t, "the next value", next(t, m, "s"), 1)
}

func TestOtherProductIsErrUnsupported(t *testing.T) {
	t.Parallel()
	db := memory(t)
	run(t, db, "CREATE MACRO version() AS 'PostgreSQL 15.18'", "CREATE MACRO duckdb_types() AS TABLE SELECT 1 AS n")
	_, err := massive.Load(t.Context(), db, duckdb.New())
	fails(t, "Load", err, massive.ErrUnsupported, `"PostgreSQL 15.18", which is not DuckDB`)
}
