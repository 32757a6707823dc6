package mariadb_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/dialect/mariadb"
	"github.com/massivedb/massive-go/dialect/mariadb/internal/server"
	"github.com/massivedb/massive-go/massive"
)

// start starts a server with settings of its own, which takes seconds.
func start(t *testing.T, settings ...string) *server.Server {
	t.Helper()
	if os.Getenv("MASSIVE_TEST_ALL") == "" {
		t.Skip("starts a server; MASSIVE_TEST_ALL=1 runs it")
	}
	t.Parallel()
	s, err := server.Start(t.Context(), settings...)
	server.Require(t, err)
	t.Cleanup(s.Stop)
	return s
}

// MariaDB can claim any version.
func TestOtherServersAreUnsupported(t *testing.T) {
	for version, says := range map[string]string{
		"8.0.36":                     `"8.0.36`,
		"10.2.44-MariaDB":            "MariaDB 10.2.44-MariaDB",
		"5.7.25-TiDB-v8.1.0":         `"5.7.25-TiDB-v8.1.0`,
		"5.5.5-10.1.48-MariaDB-test": "10.1.48",
	} {
		t.Run(version, func(t *testing.T) {
			db := open(t, start(t, "--version="+version).DSN(""))
			_, err := massive.Load(t.Context(), db, mariadb.New())
			if !errors.Is(err, massive.ErrUnsupported) || !strings.Contains(err.Error(), says) {
				t.Errorf("got error %v, want ErrUnsupported with %s", err, says)
			}
		})
	}
}

func TestNamesThatDifferInCaseClashOnServersThatFoldThem(t *testing.T) {
	s := start(t, "--lower-case-table-names=1")
	db := open(t, s.DSN(""))
	exec(t, db, "CREATE DATABASE Shop", "CREATE SEQUENCE Shop.Numbers")
	if _, err := db.Exec("CREATE SEQUENCE shop.NUMBERS"); err == nil {
		t.Error("a second sequence of that name: got no error, want one")
	}
	m := load(t, open(t, s.DSN("SHOP")))
	same(t, "the sequence", m.Sequences()[0].Name(), "shop.numbers")
	v, err := sequence(t, m, "numbers").NextValue(t.Context())
	same(t, "its value", ok(t, v, err), 1)
	if _, err := m.Sequence("Numbers"); !errors.Is(err, massive.ErrNotFound) {
		t.Errorf("another case: got error %v, want ErrNotFound", err)
	}
}

func TestLostServerIsErrUnavailable(t *testing.T) {
	s := start(t, "--innodb-flush-log-at-trx-commit=1")
	db := open(t, s.DSN(""))
	// The commit flushes the log. Without it, the sequence could lose its row.
	exec(t, db, "CREATE DATABASE shop", "CREATE SEQUENCE shop.s", "CREATE TABLE shop.t (n int)", "INSERT INTO shop.t VALUES (1)")
	m := load(t, db)
	tx, err := db.BeginTx(t.Context(), nil)
	ok(t, 0, err)
	inside := sequence(t, m.With(tx), "shop.s")
	_, err = inside.NextValue(t.Context())
	ok(t, 0, err)
	ok(t, 0, s.Kill())
	if _, err := inside.NextValue(t.Context()); !errors.Is(err, massive.ErrUnavailable) {
		t.Errorf("in a transaction: got error %v, want ErrUnavailable", err)
	}
	ok(t, 0, s.Await(t.Context()))
	_, err = sequence(t, m, "shop.s").NextValue(t.Context())
	ok(t, 0, err)
}

func TestReadOnlyServerIsErrReadOnly(t *testing.T) {
	s := start(t)
	exec(t, open(t, s.DSN("")), "CREATE DATABASE shop", "CREATE SEQUENCE shop.s", "CREATE TABLE shop.t (id bigint DEFAULT NEXTVAL(shop.s))", "INSERT INTO shop.t VALUES (5000)",
		"CREATE USER clerk", "GRANT ALL ON shop.* TO clerk", "SET GLOBAL read_only = 1")
	m := load(t, open(t, s.As("clerk", "shop")))
	same(t, "standby", m.Server().Standby, true)
	for name, op := range operations {
		err := op(t.Context(), sequence(t, m, "s"))
		if reads := name == "State" || name == "Lag"; reads && err != nil || !reads && !errors.Is(err, massive.ErrReadOnly) {
			t.Errorf("%s: got error %v, want ErrReadOnly unless it only reads", name, err)
		}
	}
}
