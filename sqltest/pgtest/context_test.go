package pgtest

// What a TestMain or a program does, that has no test to fail: everything again with a context, errors, and a stop.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/sqltest"
)

func TestWithoutATest(t *testing.T) {
	t.Parallel()
	server, ctx := somebodys(t), t.Context()
	d, err := server.CreateDatabase(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Drop(context.Background())
	if err := errors.Join(
		d.ExecContext(ctx, `CREATE TABLE plain ()`),
		d.FillContext(ctx, sqltest.Catalog{Enums: []sqltest.Enum{{Name: "mood", Labels: []string{"ok"}}}}),
		d.DoContext(ctx, sqltest.AddLabel{Enum: "mood", Label: "sad", Before: "ok"}),
	); err != nil {
		t.Fatal(err)
	}
	c, err := d.CopyContext(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, driver := range drivers {
		db, err := c.OpenContext(ctx, driver)
		if err != nil {
			t.Fatal(err)
		}
		if got := query(t, db, `SELECT concat_ws(' ', current_user, enum_range(NULL::mood), to_regclass('plain'))`); got != d.Role()+" {sad,ok} plain" {
			t.Errorf("%s: the copy holds %s", driver, got)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := errors.Join(c.Drop(ctx), d.Drop(ctx)); err != nil {
		t.Error(err)
	}
}

// What can't be done is an error that says what and why, and changes nothing.
func TestErrorsSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	d, ctx := NewDatabase(t), t.Context()
	d.Fill(t, sqltest.Catalog{Enums: []sqltest.Enum{{Name: "mood", Labels: []string{"ok"}}}})
	fill := func(c sqltest.Catalog) error { return d.FillContext(ctx, c) }
	for want, err := range map[string]error{
		`set up ` + d.name + `: ERROR: syntax error at or near "TABEL" (SQLSTATE 42601): line 3: CREATE TABEL t ();`: d.ExecContext(ctx, "CREATE TABLE kept ();\n-- Ä\n\tCREATE TABEL t ();\nSELECT 1"),
		`Key (id)=(1) already exists`:                                           d.ExecContext(ctx, `CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (1)`),
		`"no_dot" is no column of a table`:                                      fill(sqltest.Catalog{Tables: []string{"kept"}, Sequences: []sqltest.Sequence{{Name: "s", KeyOf: "no_dot"}}}),
		`set up ` + d.name + `: public.mood: ERROR: type "mood" already exists`: fill(sqltest.Catalog{Tables: []string{"kept"}, Enums: []sqltest.Enum{{Name: "mood"}}}),
		`public.none can't be changed: Fill has not made it`:                    d.DoContext(ctx, sqltest.Drop{Name: "none"}),
		`public.nil can't be changed`:                                           d.DoContext(ctx, sqltest.Rename{Name: "nil", To: "x"}),
		`rows of the view public.v can't be set: Fill has not made`:             d.DoContext(ctx, sqltest.SetRows{Matview: "v", Rows: []struct{ N int }{}}),
	} {
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "pgtest: set up "+d.name) {
			t.Errorf("error %v, want one with %s", err, want)
		}
	}
	_, err := d.OpenContext(ctx, "postgresql")
	if err == nil || !strings.Contains(err.Error(), `no driver "postgresql" is registered with database/sql: "postgres" (lib/pq) and "pgx" are`) {
		t.Errorf("error %v, want one that names the drivers there are", err)
	}
	// What failed left nothing, neither in the database nor in what is known of it.
	if err := d.DoContext(ctx, sqltest.Drop{Name: "kept"}); err == nil || !strings.Contains(err.Error(), "Fill has not made it") {
		t.Errorf("error %v, want that Fill has not made what it failed to make", err)
	}
	d.Fill(t, sqltest.Catalog{Tables: []string{"kept"}})
	d.Do(t, sqltest.Drop{Name: "kept"}, sqltest.Drop{Name: "mood"})
}

// A role that may not make databases is told so; one that may has to be a superuser for Fill.
func TestRoleWithoutRights(t *testing.T) {
	t.Parallel()
	server := somebodys(t)
	for _, rights := range []string{"", "CREATEDB"} {
		role := fmt.Sprintf("pgtest_weak_%s_%s", strings.ToLower(rights), NewDatabase(t).Name())
		if err := server.maintain(t.Context(), "CREATE ROLE "+role+" LOGIN "+rights); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := server.maintain(context.Background(), "DROP ROLE "+role); err != nil {
				t.Error(err)
			}
		})
		weak, err := climb(t.Context(), at(server.DSN("")+" user="+role))
		required := os.Getenv("MASSIVE_REQUIRE_POSTGRES")
		if state, _ := said(err); (state == "28P01" || state == "28000") && (required == "" || required == "0") {
			t.Skipf("the server that somebody else runs wants a password of new roles: %v", err)
		}
		if err != nil {
			t.Fatal(err)
		}
		d, err := weak.CreateDatabase(t.Context())
		if err == nil {
			err = d.FillContext(t.Context(), sqltest.Catalog{Tables: []string{"t"}})
		}
		if err == nil || !strings.Contains(err.Error(), "has to be one that may create databases (CREATEDB), and for Fill a superuser") {
			t.Errorf("%s: error %v, want one that says which role it takes", rights, err)
		}
		if err := weak.Stop(); err != nil {
			t.Error(err)
		}
	}
}

// On a server that somebody else runs Stop drops what was made and not dropped; one of pgtest's own takes it all along.
func TestStopLeavesNoDatabase(t *testing.T) {
	t.Parallel()
	theirs := somebodys(t)
	ours, err := climb(t.Context(), at(theirs.DSN("")))
	if err != nil {
		t.Fatal(err)
	}
	var made []string
	for range 2 {
		d, err := ours.CreateDatabase(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		d.Fill(t, sqltest.Catalog{Tables: []string{"t"}})
		d.Open(t, "pgx") // and not closed yet
		made = append(made, d.Name())
	}
	if err := errors.Join(ours.Stop(), ours.Stop()); err != nil {
		t.Error(err)
	}
	left := query(t, NewDatabase(t).Open(t, "pgx"), `SELECT concat_ws(' ', (SELECT count(*) FROM pg_database WHERE datname IN ('`+
		strings.Join(made, "', '")+`')), (SELECT count(*) FROM pg_roles WHERE rolname IN ('`+strings.Join(made, "', '")+`')))`)
	if left != "0 0" {
		t.Errorf("databases and roles left: %s", left)
	}
}

// A TestMain that finds no Postgres has no database for its tests to copy: then they are skipped.
func TestCopyWithoutPostgres(t *testing.T) {
	if role != "without postgres" {
		t.Skip("a role: TestNoPostgresSkipsOrFails plays it")
	}
	var d *Database
	d.Copy(t)
	t.Error("there is a Postgres")
}

func TestCopyOfNone(t *testing.T) {
	t.Parallel()
	somebodys(t)
	var d *Database
	if _, err := d.CopyContext(t.Context()); err == nil || errors.Is(err, ErrNoPostgres) || !strings.Contains(err.Error(), "make it first") {
		t.Errorf("error %v, want one that says that there is nothing to copy", err)
	}
}
