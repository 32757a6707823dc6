package pgtest

// Rules for servers of any source, and for external servers.

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// at returns a config with an external server.
func at(url string) config {
	c := noPostgres()
	c.getenv = func(name string) string {
		if name == "MASSIVE_POSTGRES_URL" {
			return url
		}
		return ""
	}
	return c
}

// externalServer returns a server that a test uses as an external one.
func externalServer(t *testing.T) *Server {
	t.Helper()
	NewDatabase(t) // skips the test without Postgres
	server, _ := shared()
	return server
}

func TestDSNQuotesNames(t *testing.T) {
	t.Parallel()
	database := NewDatabase(t)
	const name = `o'dd \ "name" Ä`
	quoted := `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
	database.Exec(t, `CREATE DATABASE `+quoted)
	defer database.Exec(t, `DROP DATABASE `+quoted)
	for _, driver := range drivers {
		db, err := sql.Open(driver, database.server.DSN(name))
		noError(t, err)
		if got := query(t, db, `SELECT current_database()`); got != name {
			t.Errorf("%s: connected to %q, want %q", driver, got, name)
		}
		db.Close()
	}
}

func TestRemoteServerIsUsedAndNotStopped(t *testing.T) {
	t.Parallel()
	theirs := externalServer(t)
	ours, err := findServer(t.Context(), at(theirs.DSN("")))
	noError(t, err)
	if want := "the server at MASSIVE_POSTGRES_URL (PostgreSQL " + theirs.version + ")"; ours.Origin() != want {
		t.Errorf("origin %q, want %q", ours.Origin(), want)
	}
	database, err := ours.CreateDatabase(t.Context())
	noError(t, err)
	for _, driver := range drivers {
		db := database.Open(t, driver)
		if got := query(t, db, `SELECT current_database()`); got != database.Name() {
			t.Errorf("%s: connected to %q, want %q", driver, got, database.Name())
		}
		db.Close()
	}
	if err := ours.Stop(); err != nil {
		t.Error(err)
	}
	if err := (&Database{server: theirs, name: database.Name()}).Drop(t.Context()); err != nil {
		t.Errorf("after Stop the server doesn't run: %v", err)
	}
}

func TestRemoteServerRejectsSettings(t *testing.T) {
	t.Parallel()
	c := at(externalServer(t).DSN(""))
	c.settings = []string{"work_mem=77kB"}
	if _, err := findServer(t.Context(), c); !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "work_mem") {
		t.Errorf("error %v, want one that is errors.ErrUnsupported and names the setting", err)
	}
}

func TestWrongRemoteServerIsAnError(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"postgres://me:hush@127.0.0.1:1/postgres?sslmode=disable",
		"postgres://me:hush@127.0.0.1:none/postgres",
		"postgres://me:hush@[",
		"host=127.0.0.1 port=1 user=me password=hush sslmode=disable",
		"host=127.0.0.1 port=none password=hush",
		"not a DSN",
	} {
		c := at(url)
		c.places = places // it must not fall back to these
		server, err := findServer(t.Context(), c)
		if err == nil {
			server.Stop()
			t.Errorf("%s: no error", url)
			continue
		}
		if errors.Is(err, ErrNoPostgres) || !strings.Contains(err.Error(), "MASSIVE_POSTGRES_URL") || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: error %q, want one that names MASSIVE_POSTGRES_URL, is not ErrNoPostgres and hides the password", url, err)
		}
	}
}

// Errors show no part of a malformed URL: it may be part of a password.
func TestUnreadableURLIsNotShown(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"postgres://me:hu/sh@127.0.0.1/postgres", "postgres://me:12/sh@127.0.0.1/postgres",
		"postgres://me:hu?sh@127.0.0.1/postgres", "postgres://me:12?sh@127.0.0.1/postgres", "postgres://me:12?sh=it@127.0.0.1/postgres",
		"postgres://me:hu#sh@127.0.0.1/postgres", "postgres://me:12#sh@127.0.0.1/postgres",
		"postgres://me:hu@1/sh@127.0.0.1/postgres", "postgres://me:hu,12/sh@127.0.0.1",
		"postgres://me:hu%sh@127.0.0.1/postgres", "postgres://me:hu sh@127.0.0.1/postgres", "postgres://me:hu\nsh@127.0.0.1/postgres",
		"postgres://me:hush@127.0.0.1:none/postgres", "postgres://me:hush@127.0.0.1:0", "postgres://me:hush@127.0.0.1:70000",
		"postgres://me:hush@[", "postgres://me:hush@[::1]5432/postgres", "postgres://me:hush@::1/postgres", "postgres://me:hush@h h/d",
		"postgres://me@127.0.0.1/postgres?password=hush;x=1", "postgres://me@127.0.0.1/postgres?password=%zzhush",
		"postgres://me@127.0.0.1/postgres?password=1&hu%20sh=1", "postgres://me@127.0.0.1/postgres?hu%3Dsh=1", "postgres://me:hush@a:1,b:2/d?port=1,2,3",
		"postgres://me:hush@127.0.0.1/d?sslmode=hushed", "postgres://me:hush@127.0.0.1/d?connect_timeout=hush",
		"mysql://me:hush@127.0.0.1/d?x=y", "Postgres://me:hush@127.0.0.1/d?x=y", "postgres:/me:hush@127.0.0.1/d",
		"host=127.0.0.1 port=none password=hush", "host=127.0.0.1 port=5432password=hush", "host=127.0.0.1 password=hu sh dbname=d",
		"host=127.0.0.1 password='hu'sh'", "hush", "host=127.0.0.1 password=hush dbname",
	} {
		_, err := findServer(t.Context(), at(url))
		if want := "pgtest: MASSIVE_POSTGRES_URL: " + errUnreadable.Error(); err == nil || err.Error() != want {
			t.Errorf("%q: error %v, want %s", url, err, want)
		}
	}
	_, err := findServer(t.Context(), at("postgres://me:hush@127.0.0.1/d?sslmode=verify-full&sslrootcert=/nonexistent/hush"))
	if want := "pgtest: MASSIVE_POSTGRES_URL: " + errUnreadableFile.Error(); err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestKeywords(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]string{
		"host=/tmp user=me": "host=/tmp user=me",
		"postgres://":       "",
		"postgresql://h/d":  "host='h' dbname='d'",
		"postgres://me:p%27%5C%20w@[::1]:5433/my%20db": `user='me' password='p\'\\ w' host='::1' port='5433' dbname='my db'`,
		"postgres://me@/d?host=%2Ftmp%2Fsocket":        "user='me' dbname='d' host='/tmp/socket'",
		" postgres://%2Ftmp%2Fsocket\n":                "host='/tmp/socket'",
		"postgres://a:1,b:2/d":                         "host='a,b' port='1,2' dbname='d'",
		"postgres://me@a,[::1]:2,c?connect_timeout=1":  "user='me' host='a,::1,c' port=',2,' connect_timeout='1'",
		"postgres://a,b":                               "host='a,b'",
		"postgres://me:a:b%40@h?user=a%40b":            "user='me' password='a:b@' host='h' user='a@b'",
	} {
		if got, err := keywords(dsn); got != want || err != nil {
			t.Errorf("keywords(%q) = %q, %v, want %q", dsn, got, err, want)
		}
	}
}

// A URL means the same connection as its DSN.
func TestURL(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{
		"dbname=postgres host='/tmp/a b' port=5432 user=postgres sslmode=disable dbname='x'",
		`host = ::1 port=1  user='o\'dd' password='p\'\\ w/@?#%:+&=' dbname=d\ b sslmode=disable application_name='a b+c'`,
		"host=h user=u password='' database=d", "dbname='' host=h user=u", `host=h user=u dbname=d options='-c search_path=a,b'`,
	} {
		want, err := pgconn.ParseConfig(dsn)
		noError(t, err)
		got, err := pgconn.ParseConfig(asURL(dsn))
		noError(t, err)
		said := func(c *pgconn.Config) string {
			return fmt.Sprintf("%q", []any{c.Host, fmt.Sprint(c.Port), c.User, c.Password, c.Database, c.RuntimeParams, fmt.Sprint(c.TLSConfig != nil)})
		}
		if said(got) != said(want) {
			t.Errorf("%s becomes %s, which is %s, want %s", dsn, asURL(dsn), said(got), said(want))
		}
	}
	d := NewDatabase(t)
	for _, driver := range drivers {
		db, err := sql.Open(driver, d.URL())
		noError(t, err)
		if got := query(t, db, `SELECT current_database()`); got != d.Name() {
			t.Errorf("%s: connected to %q, want %q", driver, got, d.Name())
		}
		db.Close()
	}
}

func TestStaleDatabasesAreSwept(t *testing.T) {
	t.Parallel()
	server := externalServer(t)
	prefix := fmt.Sprintf("pgtest_%d_", os.Getpid()) // no other process sweeps it
	named := func(age time.Duration, what string) string {
		return fmt.Sprintf("%s%d_%s", prefix, time.Now().Add(-age).Unix(), what)
	}
	dead := named(stale+time.Minute, "dead")
	used := named(stale+time.Minute, "used")
	young := named(stale-time.Minute, "young")
	similar := prefix + "similar"
	all := []string{dead, used, young, similar}
	for _, name := range all {
		noError(t, execute(t.Context(), server.dsn, "CREATE DATABASE "+name+" TEMPLATE template0"))
		t.Cleanup(func() {
			if err := (&Database{server: server, name: name}).Drop(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	(&Database{server: server, name: used}).Open(t, "pgx")

	conn, err := pgconn.Connect(t.Context(), server.dsn)
	noError(t, err)
	defer conn.Close(t.Context())
	noError(t, sweep(t.Context(), conn, prefix))

	rows, err := NewDatabase(t).Open(t, "pgx").QueryContext(t.Context(), `SELECT datname FROM pg_database`)
	noError(t, err)
	defer rows.Close()
	var there []string
	for rows.Next() {
		var name string
		noError(t, rows.Scan(&name))
		if slices.Contains(all, name) {
			there = append(there, name)
		}
	}
	noError(t, rows.Err())
	slices.Sort(there)
	want := []string{used, young, similar}
	slices.Sort(want)
	if !slices.Equal(there, want) {
		t.Errorf("after the sweep, the databases %q exist, want %q", there, want)
	}
}

// A later process drops the databases that a killed process left on an external server.
func TestRemoteServerIsSwept(t *testing.T) {
	t.Parallel()
	server := externalServer(t)
	dead := fmt.Sprintf("%s%d_%d_dead", prefix, time.Now().Add(-stale-time.Minute).Unix(), os.Getpid())
	noError(t, execute(t.Context(), server.dsn, "CREATE DATABASE "+dead+" TEMPLATE template0"))
	if _, err := findServer(t.Context(), at(server.DSN(""))); err != nil {
		t.Fatal(err)
	}
	if err := execute(t.Context(), server.DSN(dead), `SELECT 1`); err == nil {
		t.Errorf("%s exists", dead)
	}
}

func TestNoPostgres(t *testing.T) {
	t.Parallel()
	_, err := findServer(t.Context(), noPostgres())
	if !errors.Is(err, ErrNoPostgres) {
		t.Fatalf("error %v, want ErrNoPostgres", err)
	}
	for _, want := range []string{"set MASSIVE_POSTGRES_URL", "apt-get install postgresql", "brew install postgresql",
		"pass dockerpg.Provider() to pgtest.Start", "go get github.com/massivedb/massive-go/sqltest/pgtest/dockerpg",
		"run a Docker daemon", "MASSIVE_POSTGRES_REPOSITORY",
		"MASSIVE_POSTGRES_URL: not set", "local binaries: ", "a download: no"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("the error is not one line: %v", err)
	}
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
