package pgtest

// Databases that several tests use: cleared between the tests, or copied for each.

import (
	"errors"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/sqltest"
)

// A cleared database is like a new one, also for open connections.
func TestClear(t *testing.T) {
	t.Parallel()
	catalog := sqltest.Catalog{
		Enums:     []sqltest.Enum{{Name: "mood", Labels: []string{"sad", "ok"}}},
		Sequences: []sqltest.Sequence{{Name: `"X.y".no`}},
		Matviews:  []sqltest.Matview{{Name: "v", Rows: []struct{ N int64 }{{1}}}},
	}
	const objects = `SELECT concat_ws(' ', (SELECT count(*) FROM pg_class WHERE oid >= 16384 AND relpersistence <> 't'),
		(SELECT count(*) FROM pg_type WHERE oid >= 16384), (SELECT count(*) FROM pg_proc WHERE oid >= 16384),
		(SELECT count(*) FROM pg_event_trigger),
		(SELECT string_agg(concat_ws(' ', nspname, pg_get_userbyid(nspowner), nspacl, obj_description(oid, 'pg_namespace')), ', ')
			FROM pg_namespace WHERE nspname <> 'information_schema' AND NOT nspname LIKE 'pg\_%'))`
	d := NewDatabase(t)
	db := d.Open(t, "pgx")
	before := query(t, db, objects)
	for range 2 {
		d.Fill(t, catalog)
		d.Exec(t, `CREATE SCHEMA extra; CREATE TABLE extra.t (id serial PRIMARY KEY); CREATE VIEW w AS SELECT * FROM extra.t;
			CREATE FUNCTION extra.f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
			CREATE EVENT TRIGGER notify ON ddl_command_end EXECUTE FUNCTION extra.f()`)
		if got := query(t, db, objects); got == before {
			t.Fatal("nothing was made")
		}
		noError(t, d.Clear(t.Context()))
		if got := query(t, db, objects); got != before {
			t.Errorf("it holds %s, want %s", got, before)
		}
	}
}

// If an object can't be dropped, Clear fails and changes nothing.
func TestClearFails(t *testing.T) {
	t.Parallel()
	for says, text := range map[string]string{
		"default privileges":        `ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC`,
		"a setting of the database": `DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database() || ' SET work_mem = ''8MB'''; END $$`,
		"rights to the database":    `DO $$ BEGIN EXECUTE 'REVOKE TEMPORARY ON DATABASE ' || current_database() || ' FROM PUBLIC'; END $$`,
		"a large object":            `SELECT lo_create(0)`,
		"a cast":                    `CREATE CAST (int AS point) WITH INOUT`,
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			d := NewDatabase(t)
			d.Exec(t, `CREATE TABLE kept (); `+text)
			if err := d.Clear(t.Context()); !errors.Is(err, ErrNotCleared) || !strings.Contains(err.Error(), "it still has "+says) ||
				!strings.HasSuffix(err.Error(), "; drop it and create a new one") {
				t.Errorf("error %v, want that it still has %s, and what to do", err, says)
			}
			d.Exec(t, `TABLE kept`)
		})
	}
	d := NewDatabase(t)
	d.Fill(t, sqltest.Catalog{SearchPath: []string{"app"}})
	if err := d.Clear(t.Context()); !errors.Is(err, ErrNotCleared) || !strings.Contains(err.Error(), "sessions keep its settings") {
		t.Errorf("error %v, want that sessions keep its settings", err)
	}
}

// A copy has the original's contents and settings. Later changes are independent.
func TestCopy(t *testing.T) {
	t.Parallel()
	d := NewDatabase(t)
	d.Fill(t, sqltest.Catalog{
		SearchPath: []string{"app", "public"},
		Sequences:  []sqltest.Sequence{{Name: "app.no", Start: 5}},
		Matviews:   []sqltest.Matview{{Name: "v", Rows: []struct{ N int64 }{{1}}}},
	})
	one, other := d.Copy(t), d.Copy(t)
	one.Do(t, sqltest.SetRows{Matview: "v", Rows: []struct{ N int64 }{{2}}}, sqltest.Drop{Name: "app.no"})
	const holds = `SELECT concat_ws(' ', current_user, current_setting('search_path'),
		(SELECT sum(n) FROM v), (SELECT sum(n) FROM massive_rows.rows_1), to_regclass('no'))`
	for _, c := range []struct {
		d    *Database
		want string
	}{{one, " app, public 1 2"}, {other, " app, public 1 1 no"}, {d, " app, public 1 1 no"}} {
		if got, want := query(t, c.d.Open(t, "pgx"), holds), d.Role()+c.want; got != want {
			t.Errorf("%s holds %q, want %q", c.d.Name(), got, want)
		}
	}
}

// An open connection blocks the copy of a database. The error says what to close.
func TestCopyWhileConnected(t *testing.T) {
	t.Parallel()
	d := NewDatabase(t)
	d.Fill(t, sqltest.Catalog{Tables: []string{"kept"}})
	db := d.Open(t, "postgres")
	_, err := d.CopyContext(t.Context())
	if err == nil || !strings.Contains(err.Error(), "copy "+d.Name()+": ") || !strings.Contains(err.Error(), "There is 1 other session using the database") ||
		!strings.Contains(err.Error(), "first close its pools (db.Close)") {
		t.Errorf("error %v, want one that names %s and says to close the pools", err, d.Name())
	}
	db.Close()
	query(t, d.Copy(t).Open(t, "postgres"), `SELECT to_regclass('kept')::text`)
}

// Parallel tests can copy the same database.
func TestConcurrentCopies(t *testing.T) {
	t.Parallel()
	d := NewDatabase(t)
	d.Fill(t, sqltest.Catalog{SearchPath: []string{"app"}, Enums: []sqltest.Enum{{Name: "app.mood", Labels: []string{"ok"}}}})
	for range 20 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			c := d.Copy(t)
			c.Do(t, sqltest.AddLabel{Enum: "app.mood", Label: "sad"})
			if got := query(t, c.Open(t, "pgx"), `SELECT enum_range(NULL::mood)::text`); got != "{ok,sad}" || c.Role() != d.Role() {
				t.Errorf("the copy has %s and the role %s", got, c.Role())
			}
		})
	}
}

// An open transaction blocks Clear. The error says so.
func TestClearDuringTransaction(t *testing.T) {
	t.Parallel()
	d := NewDatabase(t)
	d.Exec(t, `CREATE TABLE held ()`)
	tx, err := d.Open(t, "pgx").BeginTx(t.Context(), nil)
	noError(t, err)
	defer tx.Rollback()
	if _, err := tx.ExecContext(t.Context(), `TABLE held`); err != nil {
		t.Fatal(err)
	}
	if err := d.Clear(t.Context()); !errors.Is(err, ErrNotCleared) || !strings.Contains(err.Error(), "holds a lock: first end the transaction") {
		t.Errorf("error %v, want one that says what to end", err)
	}
}
