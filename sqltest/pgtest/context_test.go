package pgtest

// The methods for a TestMain or a program, with a context and an error.

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
	server, ctx := externalServer(t), t.Context()
	d, err := server.CreateDatabase(ctx)
	noError(t, err)
	defer d.Drop(context.Background())
	if err := errors.Join(
		d.ExecContext(ctx, `CREATE TABLE plain ()`),
		d.FillContext(ctx, sqltest.Catalog{Enums: []sqltest.Enum{{Name: "mood", Labels: []string{"ok"}}}}),
		d.DoContext(ctx, sqltest.AddLabel{Enum: "mood", Label: "sad", Before: "ok"}),
	); err != nil {
		t.Fatal(err)
	}
	c, err := d.CopyContext(ctx)
	noError(t, err)
	for _, driver := range drivers {
		db, err := c.OpenContext(ctx, driver)
		noError(t, err)
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

// An error names the operation and the cause, and changes nothing.
func TestErrorsNameTheCause(t *testing.T) {
	t.Parallel()
	d, ctx := NewDatabase(t), t.Context()
	d.Fill(t, sqltest.Catalog{Enums: []sqltest.Enum{{Name: "mood", Labels: []string{"ok"}}}})
	fill := func(c sqltest.Catalog) error { return d.FillContext(ctx, c) }
	for want, err := range map[string]error{
		`set up ` + d.name + `: ERROR: syntax error at or near "TABEL" (SQLSTATE 42601): line 3: CREATE TABEL t ();`: d.ExecContext(ctx, "CREATE TABLE kept ();\n-- Ä\n\tCREATE TABEL t ();\nSELECT 1"),
		`Key (id)=(1) already exists`: d.ExecContext(ctx, `CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (1)`),
		`"no_dot" is not a column`:    fill(sqltest.Catalog{Tables: []string{"kept"}, Sequences: []sqltest.Sequence{{Name: "s", KeyOf: "no_dot"}}}),
		`set up ` + d.name + `: public.mood: ERROR: type "mood" already exists`: fill(sqltest.Catalog{Tables: []string{"kept"}, Enums: []sqltest.Enum{{Name: "mood"}}}),
		`public.none can't be changed: Fill did not create it`:                  d.DoContext(ctx, sqltest.Drop{Name: "none"}),
		`public.nil can't be changed`:                                           d.DoContext(ctx, sqltest.Rename{Name: "nil", To: "x"}),
		`rows of the view public.v can't be set: Fill did not create`:           d.DoContext(ctx, sqltest.SetRows{Matview: "v", Rows: []struct{ N int }{}}),
	} {
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "pgtest: set up "+d.name) {
			t.Errorf("error %v, want one with %s", err, want)
		}
	}
	_, err := d.OpenContext(ctx, "postgresql")
	if err == nil || !strings.Contains(err.Error(), `no driver "postgresql" is registered with database/sql; use "postgres" (lib/pq) or "pgx"`) {
		t.Errorf("error %v, want one that names the registered drivers", err)
	}
	// A failed Fill leaves nothing in the database, and nothing in d.contents.
	if err := d.DoContext(ctx, sqltest.Drop{Name: "kept"}); err == nil || !strings.Contains(err.Error(), "Fill did not create it") {
		t.Errorf("error %v, want that Fill did not create it", err)
	}
	d.Fill(t, sqltest.Catalog{Tables: []string{"kept"}})
	d.Do(t, sqltest.Drop{Name: "kept"}, sqltest.Drop{Name: "mood"})
}

// If the role can't create databases, or is not a superuser for Fill, the error says so.
func TestRoleWithoutRights(t *testing.T) {
	t.Parallel()
	server := externalServer(t)
	for _, rights := range []string{"", "CREATEDB"} {
		role := fmt.Sprintf("pgtest_weak_%s_%s", strings.ToLower(rights), NewDatabase(t).Name())
		noError(t, server.maintain(t.Context(), "CREATE ROLE "+role+" LOGIN "+rights))
		t.Cleanup(func() {
			if err := server.maintain(context.Background(), "DROP ROLE "+role); err != nil {
				t.Error(err)
			}
		})
		weak, err := findServer(t.Context(), at(server.DSN("")+" user="+role))
		required := os.Getenv("MASSIVE_REQUIRE_POSTGRES")
		if state, _ := details(err); (state == "28P01" || state == "28000") && (required == "" || required == "0") {
			t.Skipf("the external server requires a password for new roles: %v", err)
		}
		noError(t, err)
		d, err := weak.CreateDatabase(t.Context())
		if err == nil {
			err = d.FillContext(t.Context(), sqltest.Catalog{Tables: []string{"t"}})
		}
		if err == nil || !strings.Contains(err.Error(), "must be allowed to create databases (CREATEDB), and must be a superuser for Fill") {
			t.Errorf("%s: error %v, want one that says which role is needed", rights, err)
		}
		if err := weak.Stop(); err != nil {
			t.Error(err)
		}
	}
}

// On an external server, Stop drops the databases and roles that still exist.
func TestStopLeavesNoDatabase(t *testing.T) {
	t.Parallel()
	theirs := externalServer(t)
	ours, err := findServer(t.Context(), at(theirs.DSN("")))
	noError(t, err)
	var made []string
	for range 2 {
		d, err := ours.CreateDatabase(t.Context())
		noError(t, err)
		d.Fill(t, sqltest.Catalog{Tables: []string{"t"}})
		d.Open(t, "pgx") // still open
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

// If a TestMain finds no Postgres, its database is nil, and Copy skips the tests.
func TestCopyWithoutPostgres(t *testing.T) {
	if role != "without postgres" {
		t.Skip("TestNoPostgresSkipsOrFails runs it in another process")
	}
	var d *Database
	d.Copy(t)
	t.Error("the test was not skipped")
}

func TestCopyOfNil(t *testing.T) {
	t.Parallel()
	externalServer(t)
	var d *Database
	if _, err := d.CopyContext(t.Context()); err == nil || errors.Is(err, ErrNoPostgres) || !strings.Contains(err.Error(), "create it first") {
		t.Errorf("error %v, want one that says that there is nothing to copy", err)
	}
}
