package massive_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

const moodType = `CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')`

func bind(t *testing.T, m *massive.DB) *massive.BoundEnum[Mood] {
	t.Helper()
	b, err := massive.BindEnum[Mood](m, "mood")
	noError(t, err)
	return b
}

func TestBoundEnumFollowsReloads(t *testing.T) {
	t.Parallel()
	onDrivers(t, moodType, func(t *testing.T, e *env) {
		m := e.load(t)
		mood := bind(t, m)
		equal(t, "values", mood.Values(), []Mood{Sad, Ok, Happy})
		v, err := mood.Parse("happy")
		noError(t, err)
		same(t, "parsed", v, Happy)
		same(t, "order", mood.Compare(Happy, Ok) > 0 && mood.Compare(Sad, Ok) < 0 && mood.Compare("aaa", Happy) > 0, true)
		_, err = mood.Parse("hapy")
		mustBe(t, err, massive.ErrLabelUnknown, `massive: parse a label of public.mood: label unknown: "hapy" is not one of ["sad" "ok" "happy"]; did you mean "happy"?`)
		var unknown *massive.LabelError
		if !errors.As(err, &unknown) {
			t.Fatalf("no *LabelError: %v", err)
		}
		equal(t, "near", unknown.Near, []string{"happy"})

		exec(t, e.pool, "ALTER TYPE mood ADD VALUE 'content' BEFORE 'happy'")
		same(t, "before the reload", mood.Contains("content"), false)
		_, err = m.Reload(t.Context())
		noError(t, err)
		equal(t, "values after the reload", mood.Values(), []Mood{Sad, Ok, "content", Happy})
		same(t, "position", mood.Position(Happy), 3)
		noError(t, m.AppendLocalLabels("mood", "local"))
		same(t, "contains a local label", mood.Contains("local"), true)

		exec(t, e.pool, "DROP TYPE mood")
		_, err = m.Reload(t.Context())
		noError(t, err)
		_, errEnum := mood.Enum()
		_, errParse := mood.Parse("ok")
		mustBe(t, errEnum, massive.ErrNotFound)
		mustBe(t, errParse, massive.ErrNotFound)
		mustBe(t, mood.AddValue(t.Context(), "x"), massive.ErrNotFound)
		same(t, "a dropped enum has no labels", fmt.Sprint(mood.Values(), mood.Contains(Ok), mood.Position(Ok), mood.Compare(Ok, Sad)), "[] false -1 -1")
		exec(t, e.pool, "CREATE TYPE mood AS ENUM ('new')")
		_, err = m.Reload(t.Context())
		noError(t, err)
		equal(t, "values after the enum was recreated", mood.Values(), []Mood{"new"})

		_, err = massive.BindEnum[Mood](nil, "mood")
		mustBe(t, err, massive.ErrInvalid, "the DB is nil")
		_, err = massive.BindEnum[Mood](m, "moods")
		mustBe(t, err, massive.ErrNotFound, "did you mean public.mood?")
	})
}

func TestBoundEnumReadsDuringReloads(t *testing.T) {
	t.Parallel()
	e := newEnv(t, "pgx")
	e.Exec(t, moodType)
	m := e.load(t)
	mood := bind(t, m)
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					pause()
				}
				if v := mood.Values(); len(v) < 3 || v[0] != Sad || !mood.Contains(Happy) {
					t.Errorf("got an incomplete enum: %v", v)
					return
				}
			}
		})
	}
	for i := range 10 {
		noError(t, mood.AddValue(t.Context(), Mood(fmt.Sprint("v", i))))
	}
	close(stop)
	wg.Wait()
	same(t, "labels", len(mood.Values()), 13)
}

func TestAddValue(t *testing.T) {
	t.Parallel()
	onDrivers(t, moodType+`; CREATE TABLE taken ()`, func(t *testing.T, e *env) {
		m := e.load(t)
		mood := bind(t, m)
		ctx := t.Context()
		before, err := mood.Enum()
		noError(t, err)
		noError(t, mood.AddValue(ctx, "elated"))
		noError(t, mood.AddValue(ctx, "content", massive.Before(Happy)))
		noError(t, mood.AddValue(ctx, "glum", massive.After(Sad)))
		odd := Mood(`it's "a", \ {b} ` + "\n$1 é")
		noError(t, mood.AddValue(ctx, odd, massive.Before(Mood("elated"))))
		want := []Mood{Sad, "glum", Ok, "content", Happy, odd, "elated"}
		equal(t, "values after AddValue", mood.Values(), want)
		equal(t, "values of a handle from before", before.Values(), []string{"sad", "ok", "happy"})
		same(t, "values of a new load", fmt.Sprint(bind(t, e.load(t)).Values()), fmt.Sprint(want))

		added, err := mood.EnsureValue(ctx, odd)
		noError(t, err)
		same(t, "added an existing label", added, false)
		odder := odd + `'\`
		added, err = mood.EnsureValue(ctx, odder, massive.After(odd))
		noError(t, err)
		same(t, "added a new label", added, true)
		same(t, "position of the new label", mood.Position(odder), 6)
		added, err = mood.EnsureValue(ctx, Sad, massive.After(Mood("nobody")))
		noError(t, err)
		same(t, "added an existing label, with an unknown neighbour", added, false)

		same(t, "massive.added in the session", one[string](t, e.pool, "SELECT coalesce(current_setting('massive.added', true), '')"), "")
		noError(t, mood.RenameValue(ctx, "glum", "gloomy"))
		same(t, "position of the renamed label", mood.Position("gloomy"), 1)

		for says, err := range map[string]error{
			`label "` + strings.Repeat("x", 64) + `" is 64 bytes long`: mood.AddValue(ctx, Mood(strings.Repeat("x", 64))),
			"NUL":                                 mood.AddValue(ctx, "a\x00"),
			"the zero Place":                      mood.AddValue(ctx, "x", massive.Place{}),
			"massive: add a label to public.mood": mood.AddValue(ctx, "x", massive.Before(Mood("\x00"))),
			"2 places are given":                  mood.AddValue(ctx, "x", massive.Before(Sad), massive.After(Sad)),
			"massive: rename a label of public.mood: invalid ar": mood.RenameValue(ctx, Sad, "\xff"),
			"is 64 bytes long": mood.RenameValue(ctx, Sad, Mood(strings.Repeat("x", 64))),
		} {
			mustBe(t, err, massive.ErrInvalid, says)
		}
		mustBe(t, mood.AddValue(ctx, Happy), massive.ErrLabelExists, "massive: add a label to public.mood: label exists")
		mustBe(t, mood.AddValue(ctx, "x", massive.Before(Mood("nobody"))), massive.ErrLabelUnknown, "nobody")
		mustBe(t, mood.RenameValue(ctx, "nobody", "x"), massive.ErrLabelUnknown, "nobody", "massive: rename a label of public.mood")
		mustBe(t, mood.RenameValue(ctx, Sad, Happy), massive.ErrLabelExists, "happy")

		_, as := e.role(t, "GRANT USAGE ON SCHEMA public TO $role")
		theirs := bind(t, load(t, as))
		mustBe(t, theirs.AddValue(ctx, "x"), massive.ErrPermission, "must be its owner")
		_, err = theirs.EnsureValue(ctx, "x")
		mustBe(t, err, massive.ErrPermission, "must be its owner")
		mustBe(t, theirs.RenameValue(ctx, Sad, "x"), massive.ErrPermission, "must be its owner")

		readOnly := e.conn(t)
		exec(t, readOnly, "SET default_transaction_read_only = on")
		mustBe(t, mood.With(readOnly).AddValue(ctx, "x"), massive.ErrReadOnly)
		_, err = mood.With(readOnly).EnsureValue(ctx, "x")
		mustBe(t, err, massive.ErrReadOnly)
		exec(t, readOnly, "SET default_transaction_read_only = off")
		mustBe(t, mood.With(nil).AddValue(ctx, "x"), massive.ErrInvalid, "the database is nil")

		exec(t, e.pool, "DROP TYPE mood; CREATE DOMAIN mood AS text")
		mustBe(t, mood.AddValue(ctx, "x"), massive.ErrNotFound, "Reload")
		mustBe(t, mood.RenameValue(ctx, Sad, "x"), massive.ErrNotFound, "Reload")
		_, err = before.UsedBy(ctx)
		mustBe(t, err, massive.ErrNotFound, "Reload")
		exec(t, e.pool, "DROP DOMAIN mood")
		mustBe(t, mood.AddValue(ctx, "x"), massive.ErrNotFound, "Reload")
		_, err = mood.EnsureValue(ctx, "x")
		mustBe(t, err, massive.ErrNotFound, "Reload")
	})
}

// Labels added in a transaction are visible only there until it commits, and can't be
// used before.
func TestAddValueInATransaction(t *testing.T) {
	t.Parallel()
	onDrivers(t, moodType+`; CREATE TABLE people (mood mood); CREATE MATERIALIZED VIEW moods AS SELECT * FROM people`, func(t *testing.T, e *env) {
		m := e.load(t)
		mood := bind(t, m)
		ctx := t.Context()
		tx := e.begin(t)
		inside := mood.With(tx)
		noError(t, inside.AddValue(ctx, "elated"))
		added, err := inside.EnsureValue(ctx, "elated")
		noError(t, err)
		same(t, "added an existing label, in a live transaction", added, false)
		same(t, "massive.added in the transaction", one[string](t, tx, "SELECT current_setting('massive.added')"), "")
		added, err = inside.EnsureValue(ctx, "euphoric")
		noError(t, err)
		same(t, "added a new label", added, true)
		same(t, "massive.added after adding", one[string](t, tx, "SELECT current_setting('massive.added')"), "")
		noError(t, inside.RenameValue(ctx, Sad, "glum"))
		equal(t, "values in the transaction", inside.Values(), []Mood{"glum", Ok, Happy, "elated", "euphoric"})
		equal(t, "values outside", mood.Values(), []Mood{Sad, Ok, Happy})
		_, err = m.Reload(ctx)
		noError(t, err)
		equal(t, "values outside, reloaded", mood.Values(), []Mood{Sad, Ok, Happy})

		exec(t, tx, "SAVEPOINT s")
		v, err := m.With(tx).Matview("moods")
		noError(t, err)
		err = v.Select(ctx, &[]Mood{}, "WHERE mood = 'elated'")
		mustBe(t, err, massive.ErrLabelUncommitted, "massive: select from public.moods: label not committed yet", "commit before the statement that uses it")
		exec(t, tx, "ROLLBACK TO SAVEPOINT s")
		_, err = tx.ExecContext(ctx, "INSERT INTO people VALUES ('elated')")
		mustBe(t, inside.Explain(err), massive.ErrLabelUncommitted, "massive: use a label of public.mood", "commit before")
		exec(t, tx, "ROLLBACK TO SAVEPOINT s")
		_, err = tx.ExecContext(ctx, "INSERT INTO people VALUES ('bored')")
		mustBe(t, inside.Explain(err), massive.ErrLabelUnknown, `["glum" "ok" "happy" "elated" "euphoric"]`)
		exec(t, tx, "ROLLBACK TO SAVEPOINT s")
		_, err = tx.ExecContext(ctx, "INSERT INTO nowhere VALUES (1)")
		same(t, "Explain of another error", inside.Explain(err), err)
		exec(t, tx, "ROLLBACK TO SAVEPOINT s")
		same(t, "Explain of nil", inside.Explain(nil), nil)
		noError(t, tx.Commit())
		exec(t, e.pool, "INSERT INTO people VALUES ('elated')")
		_, err = m.Reload(ctx)
		noError(t, err)
		equal(t, "values outside, after the commit", mood.Values(), []Mood{"glum", Ok, Happy, "elated", "euphoric"})

		tx = e.begin(t)
		inside = mood.With(tx)
		noError(t, inside.AddValue(ctx, "never"))
		noError(t, tx.Rollback())
		_, err = m.Reload(ctx)
		noError(t, err)
		same(t, "contains a label that was rolled back", mood.Contains("never"), false)
	})
}

// Of many concurrent callers, EnsureValue reports added to exactly one.
func TestEnsureValueReportsOneAdder(t *testing.T) {
	t.Parallel()
	onDrivers(t, moodType, func(t *testing.T, e *env) {
		m := e.load(t)
		for round := range 5 {
			label := Mood(fmt.Sprint("label", round))
			var mu sync.Mutex
			var wg sync.WaitGroup
			adders := 0
			for range 6 {
				wg.Go(func() {
					added, err := bind(t, m).EnsureValue(t.Context(), label)
					mu.Lock()
					defer mu.Unlock()
					if err != nil {
						t.Error(err)
					}
					if added {
						adders++
					}
				})
			}
			wg.Wait()
			same(t, "callers that added the label", adders, 1)
		}
		// EnsureValue waits for an open transaction that added the label.
		for _, commits := range []bool{true, false} {
			label := Mood(fmt.Sprint("later", commits))
			tx := e.begin(t)
			noError(t, bind(t, m).With(tx).AddValue(t.Context(), label))
			answer := make(chan bool, 1)
			go func() {
				added, err := bind(t, m).EnsureValue(t.Context(), label)
				if err != nil {
					t.Error(err)
				}
				answer <- added
			}()
			eventually(t, e.pool, "EnsureValue waits for the transaction", "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND locktype = 'object' AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))")
			if commits {
				noError(t, tx.Commit())
			} else {
				noError(t, tx.Rollback())
			}
			select {
			case added := <-answer:
				same(t, "added by the caller that waited", added, !commits)
			case <-time.After(10 * time.Second):
				t.Fatal("EnsureValue still waits after 10 seconds")
			}
		}
	})
}

// AddValue, EnsureValue and RenameValue do not break the program's own expectations.
func TestAddValueKeepsExpectations(t *testing.T) {
	t.Parallel()
	onDrivers(t, moodType, func(t *testing.T, e *env) {
		ctx := t.Context()
		strict := bind(t, e.load(t, massive.Expect(massive.EnumIs("mood", []Mood{Sad, Ok, Happy}))))
		mustBe(t, strict.AddValue(ctx, "elated"), massive.ErrDrift, "massive: add a label to public.mood: an expectation of this program forbids it", `extra labels ["elated"]`)
		mustBe(t, strict.RenameValue(ctx, Sad, "glum"), massive.ErrDrift, `missing labels ["sad"]`, "nothing was changed")
		same(t, "labels in the database", one[string](t, e.pool, "SELECT enum_range(null::mood)::text"), "{sad,ok,happy}")
		added, err := strict.EnsureValue(ctx, Sad)
		noError(t, err)
		same(t, "added an existing label", added, false)

		exec(t, e.pool, "ALTER TYPE mood RENAME VALUE 'ok' TO 'fine'")
		lax := bind(t, e.load(t, massive.Expect(massive.EnumIs("mood", []Mood{Sad, Happy}, massive.AllowExtra()))))
		exec(t, e.pool, "ALTER TYPE mood RENAME VALUE 'happy' TO 'glad'")
		err = lax.AddValue(ctx, "elated")
		mustBe(t, err, massive.ErrDrift, "massive: add a label to public.mood: the label was added, but the reload failed", `missing labels ["happy"]`)
		added, err = lax.EnsureValue(ctx, "euphoric")
		mustBe(t, err, massive.ErrDrift, "the label was added")
		same(t, "added", added, true)
		same(t, "the old snapshot stays", lax.Contains(Happy) && !lax.Contains("elated"), true)
	})
}

func TestEnumUsedBy(t *testing.T) {
	t.Parallel()
	const setup = `CREATE SCHEMA app; CREATE TYPE app.mood AS ENUM ('sad', 'ok'); CREATE TYPE other AS ENUM ('sad');
		CREATE DOMAIN some_mood AS app.mood CHECK (VALUE <> 'ok'); CREATE DOMAIN moods AS app.mood[]; CREATE DOMAIN twice AS some_mood;
		CREATE DOMAIN by_default AS app.mood DEFAULT 'sad' CHECK (VALUE <> 'ok'); CREATE DOMAIN by_defaults AS by_default DEFAULT 'sad'::app.mood;
		CREATE DOMAIN falsely AS text DEFAULT 'sad'::app.mood::text;
		CREATE TYPE mood_range AS RANGE (subtype = app.mood); CREATE TYPE person AS (name text, mood app.mood);
		CREATE TABLE people (id int, gone app.mood, mood app.mood NOT NULL DEFAULT 'sad', past app.mood[], matrix app.mood[][], other other, t text DEFAULT 'sad'::app.mood);
		ALTER TABLE people DROP gone;
		CREATE TABLE "Odd.Table" ("A ""b" twice, m moods, more some_mood[], span mood_range, spans mood_range[], f falsely, p person, by_default by_default, by_defaults by_defaults);
		CREATE TABLE parent (m app.mood) PARTITION BY LIST (m); CREATE TABLE child PARTITION OF parent FOR VALUES IN ('sad');
		CREATE INDEX ON people ((mood IS NULL)); CREATE INDEX ON people (mood);
		CREATE VIEW seen AS SELECT mood, mood::text AS said FROM people; CREATE MATERIALIZED VIEW app.held AS SELECT past FROM people;
		CREATE FUNCTION f(app.mood) RETURNS app.mood LANGUAGE sql AS 'SELECT $1'`
	onDrivers(t, setup, func(t *testing.T, e *env) {
		temporary := e.conn(t)
		exec(t, temporary, "CREATE TEMPORARY TABLE mine (m app.mood)")
		m := e.load(t)
		want := []string{
			"materialized view app.held.past of type app.mood[] array",
			`table public."Odd.Table"."A ""b" of type twice through public.twice public.some_mood`,
			`table public."Odd.Table".m of type moods array through public.moods`,
			`table public."Odd.Table".more of type some_mood[] array through public.some_mood`,
			`table public."Odd.Table".span of type mood_range through public.mood_range`,
			`table public."Odd.Table".spans of type mood_range[] array through public.mood_range`,
			`table public."Odd.Table".by_default of type by_default through public.by_default`,
			`table public."Odd.Table".by_defaults of type by_defaults through public.by_defaults public.by_default`,
			"table public.child.m of type app.mood",
			"partitioned table public.parent.m of type app.mood",
			"table public.people.mood of type app.mood",
			"table public.people.past of type app.mood[] array",
			"table public.people.matrix of type app.mood[] array",
			"composite type public.person.mood of type app.mood",
			"view public.seen.mood of type app.mood",
		}
		check := func(m *massive.DB) {
			t.Helper()
			var got []string
			columns, err := enum(t, m, "app.mood").UsedBy(t.Context())
			noError(t, err)
			for _, c := range columns {
				text := c.String()
				if c.Array {
					text += " array"
				}
				if len(c.Through) > 0 {
					text += " through " + strings.Join(names(c.Through), " ")
				}
				got = append(got, text)
			}
			equal(t, "the columns", got, want)
		}
		check(m)
		e.onQueriers(t, func(t *testing.T, q massive.Querier) { check(m.With(q)) })

		unused, err := enum(t, m, "other").UsedBy(t.Context())
		noError(t, err)
		same(t, "columns of another enum", fmt.Sprint(unused), "[table public.people.other of type other]")
		exec(t, e.pool, "DROP TYPE other CASCADE")
		_, err = enum(t, m, "other").UsedBy(t.Context())
		mustBe(t, err, massive.ErrNotFound, "massive: look for the columns of public.other")
		exec(t, e.pool, "CREATE TYPE other AS ENUM ('x'); CREATE TABLE now (o other)")
		unused, err = enum(t, m, "other").UsedBy(t.Context())
		noError(t, err)
		same(t, "columns of a recreated enum", fmt.Sprint(unused), "[table public.now.o of type other]")
	})
}

// Altering an enum takes one round trip, plus one for the reload. UsedBy takes one.
func TestEnumRoundTrips(t *testing.T) {
	t.Parallel()
	onDrivers(t, moodType, func(t *testing.T, e *env) {
		for nr, mode := range e.execModes() {
			w, e := e.wired(t, mode)
			m := load(t, e.conn(t))
			mood, bound := enum(t, m, "mood"), bind(t, m)
			_, err := mood.UsedBy(t.Context()) // the first call prepares
			noError(t, err)
			_, err = m.Reload(t.Context())
			noError(t, err)
			label := Mood(fmt.Sprint("label", nr))
			for _, op := range []struct {
				what string
				sent int
				do   func() error
			}{
				{"UsedBy", 1, func() error { _, err := mood.UsedBy(t.Context()); return err }},
				{"Verify", 1, func() error { return m.Verify(t.Context(), massive.EnumIs("mood", []Mood{Sad}, massive.AllowExtra())) }},
				{"AddValue", 2, func() error { return bound.AddValue(t.Context(), label) }},
				{"EnsureValue", 2, func() error { _, err := bound.EnsureValue(t.Context(), label); return err }},
				{"EnsureValue of another", 2, func() error { _, err := bound.EnsureValue(t.Context(), label+"x"); return err }},
				{"RenameValue", 2, func() error { return bound.RenameValue(t.Context(), label, label+"y") }},
				{"a refused label", 0, func() error { _ = bound.AddValue(t.Context(), "\x00"); return nil }},
				{"a lookup", 0, func() error { bound.Values(); _, err := bound.Parse("sad"); return err }},
			} {
				w.took()
				noError(t, op.do())
				sent := w.took()
				if trips := strings.Count(sent, "Q") + strings.Count(sent, "S"); trips != op.sent {
					t.Errorf("%s %s: got %d round trips, want %d (%s)", op.what, mode, trips, op.sent, sent)
				}
			}
			same(t, "bound parameters", w.bound, 0)
		}
	})
}

// The library refuses the labels that the server would refuse, without sending them.
func TestNonLabelStringsRejected(t *testing.T) {
	t.Parallel()
	onDrivers(t, moodType, func(t *testing.T, e *env) {
		ctx := t.Context()
		w, e := e.wired(t, "")
		m := load(t, e.conn(t))
		mood := bind(t, m)
		tx := e.begin(t)
		inside := mood.With(tx)
		for _, label := range []Mood{"a\xff", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "a\x00"} {
			if label != "a\x00" { // a NUL would end the message
				_, err := e.pool.ExecContext(ctx, "ALTER TYPE mood ADD VALUE '"+string(label)+"'")
				var is interface{ SQLState() string }
				if !errors.As(err, &is) || is.SQLState() != "22021" {
					t.Errorf("the server on label %q: got %v, want SQLSTATE 22021", label, err)
				}
			}
			w.took()
			for _, b := range []*massive.BoundEnum[Mood]{mood, inside} {
				mustBe(t, b.AddValue(ctx, label), massive.ErrInvalid, "massive: add a label to public.mood: ", fmt.Sprintf("label %q", label))
				mustBe(t, b.AddValue(ctx, "x", massive.Before(label)), massive.ErrInvalid, fmt.Sprintf("label %q", label))
				_, err := b.EnsureValue(ctx, label)
				mustBe(t, err, massive.ErrInvalid, fmt.Sprintf("label %q", label))
				mustBe(t, b.RenameValue(ctx, label, "x"), massive.ErrInvalid, "massive: rename a label of public.mood: ", fmt.Sprintf("label %q", label))
				mustBe(t, b.RenameValue(ctx, Sad, label), massive.ErrInvalid, fmt.Sprintf("label %q", label))
			}
			mustBe(t, m.Verify(ctx, massive.EnumIs("mood", []Mood{Sad, label}, massive.AllowExtra())), massive.ErrInvalid, fmt.Sprintf("label %q", label))
			same(t, fmt.Sprintf("messages sent for %q", label), w.took(), "")
		}
		noError(t, inside.AddValue(ctx, "\ufffd")) // the transaction is usable, and U+FFFD is a valid label
		noError(t, tx.Rollback())
		noError(t, mood.AddValue(ctx, "\U0010ffff"))
	})
}

// If the reload after a change fails, the error says that the change was made.
func TestAddValueWhoseReloadFails(t *testing.T) {
	t.Parallel()
	fake := sqltest.New(sqltest.Catalog{Enums: []sqltest.Enum{{Name: "mood", Labels: []string{"sad", "ok", "happy"}}}})
	defer fake.DB().Close()
	m, err := massive.Load(t.Context(), fake.DB(), fake)
	noError(t, err)
	mood := bind(t, m)
	fake.Next(t, dialect.OpLoad, "", sqltest.Fail(massive.ErrServerTimeout), sqltest.Fail(massive.ErrServerTimeout))
	added, err := mood.EnsureValue(t.Context(), "elated")
	mustBe(t, err, massive.ErrServerTimeout, "massive: add a label to public.mood: the label was added, but the reload failed")
	same(t, "added", added, true)
	mustBe(t, mood.RenameValue(t.Context(), "elated", "glad"), massive.ErrServerTimeout, "the label was renamed")
	equal(t, "values in the old snapshot", mood.Values(), []Mood{Sad, Ok, Happy})
	_, err = m.Reload(t.Context())
	noError(t, err)
	equal(t, "values after a later reload", mood.Values(), []Mood{Sad, Ok, Happy, "glad"})
	fake.WantCalls(t, `add a label to public.mood "elated"`, `rename a label of public.mood "elated" to "glad"`)
}

// Names and labels with quotes and backslashes work under either
// standard_conforming_strings.
func TestOddEnumNamesAndLabels(t *testing.T) {
	t.Parallel()
	odd := dialect.Name{Schema: `it's`, Name: `a"b\ $body$ %1$s ?`}
	onDrivers(t, `CREATE SCHEMA "it's"; CREATE TYPE `+odd.Quoted()+` AS ENUM ('x')`, func(t *testing.T, e *env) {
		for _, setting := range []string{"on", "off"} {
			conn := e.conn(t)
			exec(t, conn, "SET standard_conforming_strings = "+setting+"; SET escape_string_warning = off")
			b, err := massive.BindEnum[string](load(t, conn), odd.Quoted())
			noError(t, err)
			label := `it's "\` + setting + `' $body$ %1$s ?`
			added, err := b.EnsureValue(t.Context(), label, massive.Before("x"))
			noError(t, err)
			same(t, "added", added, true)
			added, err = b.EnsureValue(t.Context(), label)
			noError(t, err)
			same(t, "added again", added, false)
			noError(t, b.AddValue(t.Context(), label+"!", massive.Before(label)))
			noError(t, b.RenameValue(t.Context(), label+"!", label+"?"))
			same(t, "positions", fmt.Sprint(b.Position(label+"?"), b.Position(label)), fmt.Sprint(b.Position(label)-1, b.Position(label)))
			enum, err := b.Enum()
			noError(t, err)
			columns, err := enum.UsedBy(t.Context())
			noError(t, err)
			same(t, "columns that use it", len(columns), 0)
			exec(t, conn, "RESET standard_conforming_strings; RESET escape_string_warning")
		}
	})
}

// An event trigger's duplicate_object error does not pass for an existing label.
func TestEnsureValueReturnsAnEventTriggersError(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE TYPE mood AS ENUM ('sad'); CREATE TYPE twin AS ENUM ();
		CREATE FUNCTION trouble() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN CREATE TYPE public.twin AS ENUM ('x'); END $$;
		CREATE EVENT TRIGGER trouble ON ddl_command_end WHEN TAG IN ('ALTER TYPE') EXECUTE FUNCTION trouble()`,
		func(t *testing.T, e *env) {
			b, err := massive.BindEnum[string](e.load(t), "mood")
			noError(t, err)
			added, err := b.EnsureValue(t.Context(), "ok")
			if err == nil || added || !strings.Contains(err.Error(), "twin") {
				t.Errorf("got added %v, error %v; want the trigger's error", added, err)
			}
			added, err = b.EnsureValue(t.Context(), "sad")
			if err != nil || added {
				t.Errorf("an existing label: got added %v, error %v", added, err)
			}
		})
}
