package pgtest

// Databases that serve more than one test: cleared between them, or copied for each.

import (
	"errors"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/sqltest"
)

// A database that was cleared is as a new one, to those who were connected, too.
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
			CREATE EVENT TRIGGER told ON ddl_command_end EXECUTE FUNCTION extra.f()`)
		if got := query(t, db, objects); got == before {
			t.Fatal("nothing was made")
		}
		if err := d.Clear(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := query(t, db, objects); got != before {
			t.Errorf("it holds %s, want %s", got, before)
		}
	}
}

// What can't be undone is an error, and nothing is half done.
func TestClearRefuses(t *testing.T) {
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
			if err := d.Clear(t.Context()); !errors.Is(err, ErrNotCleared) || !strings.Contains(err.Error(), "there remains "+says) ||
				!strings.HasSuffix(err.Error(), "; drop it and make a new one") {
				t.Errorf("error %v, want that there remains %s, and what to do", err, says)
			}
			d.Exec(t, `TABLE kept`)
		})
	}
	d := NewDatabase(t)
	d.Fill(t, sqltest.Catalog{SearchPath: []string{"app"}})
	if err := d.Clear(t.Context()); !errors.Is(err, ErrNotCleared) || !strings.Contains(err.Error(), "sessions have its settings") {
		t.Errorf("error %v, want that sessions have its settings", err)
	}
}

// A copy holds what its original held, settings included, and goes its own way from then on.
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

// Somebody who is connected keeps a database from being copied, and the error says who has to go.
func TestCopyOfWhatIsInUse(t *testing.T) {
	t.Parallel()
	d := NewDatabase(t)
	d.Fill(t, sqltest.Catalog{Tables: []string{"kept"}})
	db := d.Open(t, "postgres")
	_, err := d.CopyContext(t.Context())
	if err == nil || !strings.Contains(err.Error(), "copy "+d.Name()+": ") || !strings.Contains(err.Error(), "There is 1 other session using the database") ||
		!strings.Contains(err.Error(), "close the pools that are open to it (db.Close) first") {
		t.Errorf("error %v, want one that names %s and says to close the pools", err, d.Name())
	}
	db.Close()
	query(t, d.Copy(t).Open(t, "postgres"), `SELECT to_regclass('kept')::text`)
}

// Copies are made at the same time, and while others look at what the original is.
func TestCopiesAtOnce(t *testing.T) {
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

// A transaction that is open in a database keeps it from being cleared, and the error says so.
func TestClearWhatIsInUse(t *testing.T) {
	t.Parallel()
	d := NewDatabase(t)
	d.Exec(t, `CREATE TABLE held ()`)
	tx, err := d.Open(t, "pgx").BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(t.Context(), `TABLE held`); err != nil {
		t.Fatal(err)
	}
	if err := d.Clear(t.Context()); !errors.Is(err, ErrNotCleared) || !strings.Contains(err.Error(), "holds a lock: end it first") {
		t.Errorf("error %v, want one that says what to end", err)
	}
}
