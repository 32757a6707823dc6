package main

import (
	"strings"
	"testing"
)

// events is a shortened output of go test -json.
const events = `{"Action":"run","Test":"TestFake"}
{"Action":"run","Test":"TestFake/load"}
{"Action":"run","Test":"TestFake/load/DB"}
{"Action":"pass","Test":"TestFake/load/DB"}
{"Action":"pass","Test":"TestFake/load"}
{"Action":"pass","Test":"TestFake"}
{"Action":"run","Test":"TestPostgres"}
{"Action":"output","Test":"TestPostgres","Output":"    pgtest.go:1: pgtest: local binaries /bin (PostgreSQL 15.18)\n"}
{"Action":"run","Test":"TestPostgres/pgx_exec"}
{"Action":"run","Test":"TestPostgres/pgx_exec/load"}
{"Action":"output","Test":"TestPostgres/pgx_exec/load","Output":"=== RUN   TestPostgres/pgx_exec/load\n"}
{"Action":"output","Test":"TestPostgres/pgx_exec/load","Output":"    load.go:7: got \"x\" <y>\n"}
{"Action":"fail","Test":"TestPostgres/pgx_exec/load"}
{"Action":"run","Test":"TestPostgres/pgx_exec/hangs"}
{"Action":"run","Test":"TestPgBouncer"}
{"Action":"run","Test":"TestPgBouncer/pq"}
{"Action":"run","Test":"TestPgBouncer/pq/cache"}
{"Action":"output","Test":"TestPgBouncer/pq/cache","Output":"    suite.go:9: skipped because Harness.Pooled is set: why\n"}
{"Action":"skip","Test":"TestPgBouncer/pq/cache"}
{"Action":"output","Test":"TestPgBouncer/pq","Output":"    pgbouncer_test.go:5: it crashed\n"}
{"Action":"output","Test":"TestPgBouncer/pq","Output":"    --- FAIL: TestPgBouncer/pq (0.01s)\n"}
{"Action":"fail","Test":"TestPgBouncer/pq"}
{"Action":"fail"}
`

const table = `2 conformance cases; passed:

               PostgreSQL 15.18
the fake       1
pgx exec       0, 2 FAILED
PgBouncer, pq  0, 1 skipped

FAILED on PostgreSQL 15.18: TestPostgres/pgx_exec/load
    load.go:7: got "x" <y>

FAILED on PostgreSQL 15.18: TestPostgres/pgx_exec/hangs

FAILED on PostgreSQL 15.18: TestPgBouncer/pq
    pgbouncer_test.go:5: it crashed

skipped because Harness.Pooled is set: why
`

func TestReport(t *testing.T) {
	t.Parallel()
	c, err := read(strings.NewReader(events), "local Postgres")
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	report(&got, []*column{c})
	if got.String() != table {
		t.Errorf("got\n%s\nwant\n%s", &got, table)
	}
}

// If no case ran, the report has the output of the compiler.
func TestReportOfNothing(t *testing.T) {
	t.Parallel()
	c, err := read(strings.NewReader(`{"Action":"output","Output":"suite.go:1: undefined: x\n"}`), "local Postgres")
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	report(&got, []*column{c})
	if !strings.HasPrefix(got.String(), "0 conformance cases") || !strings.Contains(got.String(), "undefined: x") {
		t.Errorf("got\n%s", &got)
	}
}

func TestRowOfDialect(t *testing.T) {
	t.Parallel()
	c, err := read(strings.NewReader(events+`{"Action":"run","Test":"TestPgBouncer/pq/other"}
{"Action":"output","Test":"TestPgBouncer/pq/other","Output":"    suite.go:9: Harness.Lacks lists it\n"}
{"Action":"skip","Test":"TestPgBouncer/pq/other"}
`), "MariaDB")
	if err != nil {
		t.Fatal(err)
	}
	row, notes := rowOfDialect(c)
	if want := "| PostgreSQL 15.18 | 1 | 2 | `Lacks` 1, `Pooled` 1 |\n"; row != want {
		t.Errorf("got %s, want %s", row, want)
	}
	if !strings.Contains(notes, "FAILED: TestPostgres/pgx_exec/hangs") {
		t.Errorf("got notes %q, want the failed cases", notes)
	}
}
