package massive_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
)

// A Mood is a program's own enum type.
type Mood string

const (
	Sad   Mood = "sad"
	Ok    Mood = "ok"
	Happy Mood = "happy"
)

func (Mood) Labels() []Mood { return []Mood{Sad, Ok, Happy} }

// drifts returns the Drifts in an error.
func drifts(t *testing.T, err error) massive.Drifts {
	t.Helper()
	mustBe(t, err, massive.ErrDrift)
	var ds massive.Drifts
	if !errors.As(err, &ds) {
		t.Fatalf("error %v holds no Drifts", err)
	}
	return ds
}

func TestExpectEnum(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE TYPE mood AS ENUM ('ok', 'sad', 'elated', 'happy'); CREATE TYPE "Odd, ""Mood""" AS ENUM ('it''s', 'a,b{}\"')`,
		func(t *testing.T, e *env) {
			_, err := massive.Load(t.Context(), e.pool, postgres.New(), massive.Expect(
				massive.EnumIs("mood", []Mood{Sad, Ok, "bored", Happy}),
				massive.EnumIs("public.mood", []Mood{Ok, Sad, Happy}, massive.AllowExtra()),
				massive.EnumIs(`"Odd, ""Mood"""`, []string{"it's", `a,b{}\"`}),
				massive.EnumIs("gone", []string{"x"}),
			))
			mustBe(t, err, massive.ErrDrift, `the program has ["sad" "ok" "bored" "happy"]`, "enum gone")

			_, err = massive.Load(t.Context(), e.pool, postgres.New(), massive.Expect(
				massive.EnumIs("mood", []Mood{Sad, Ok, "bored", Happy, "mad"}),
				massive.EnumIs(`"Odd, ""Mood"""`, []string{"it's", `a,b{}\"`}),
				massive.EnumIs("moood", []string{"x"}),
			))
			ds := drifts(t, err)
			mustBe(t, err, massive.ErrDrift, "massive: load: drift: enum public.mood: ", `missing labels ["bored" "mad"]`,
				`extra labels ["elated"]`, `reordered labels [`, "did you mean public.mood?")
			same(t, "drifts", len(ds), 2)
			equal(t, "missing", ds[0].Missing, []string{"bored", "mad"})
			equal(t, "extra", ds[0].Extra, []string{"elated"})
			equal(t, "reordered", ds[0].Reordered, []string{"sad"})
			same(t, "name", ds[0].Name.String(), "public.mood")
			equal(t, "missing of an enum that does not exist", ds[1].Missing, []string{"x"})
			mustBe(t, err, massive.ErrNotFound)

			m := e.load(t, massive.Expect(massive.EnumIs("mood", []Mood{Ok, Happy}, massive.AllowExtra())))
			exec(t, e.pool, "ALTER TYPE mood ADD VALUE 'content' BEFORE 'happy'")
			if _, err := m.Reload(t.Context()); err != nil {
				t.Errorf("extra labels are allowed, got: %v", err)
			}
			exec(t, e.pool, "ALTER TYPE mood RENAME VALUE 'happy' TO 'glad'")
			before := m.Registry()
			_, err = m.Reload(t.Context())
			equal(t, "missing after a reload", drifts(t, err)[0].Missing, []string{"happy"})
			mustBe(t, err, massive.ErrDrift, "massive: reload: drift: enum public.mood", "the previous snapshot stays in use")
			same(t, "the old snapshot stays after a drift", m.Registry(), before)
			mustBe(t, m.Verify(t.Context()), massive.ErrDrift, "massive: verify: drift: enum public.mood")

			tx := e.begin(t)
			exec(t, tx, "ALTER TYPE mood RENAME VALUE 'glad' TO 'happy'")
			if err := m.With(tx).Verify(t.Context()); err != nil {
				t.Errorf("fixed in a transaction, got: %v", err)
			}
			mustBe(t, m.Verify(t.Context()), massive.ErrDrift)
			noError(t, tx.Commit())
			if err := m.Verify(t.Context(), massive.EnumIs("public.mood", []string{"ok", "sad", "elated", "content", "happy"})); err != nil {
				t.Errorf("fixed, got: %v", err)
			}
			same(t, "Verify publishes nothing", m.Registry(), before)
		})
}

// Expectations that no database can meet are refused before a query is sent.
func TestBadExpectationsAreRefused(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ü", 32) // 64 bytes
	for says, es := range map[string][]massive.Expectation{
		"expectation 2 is the zero Expectation": {massive.EnumIs("mood", []Mood{Sad}), {}},
		`label "" is given twice`:               {massive.EnumIs("mood", []Mood{"", Sad, ""})},
		`label "sad" is given twice`:            {massive.EnumIs("mood", []Mood{Sad, Ok, Sad})},
		"contains a NUL byte":                   {massive.EnumIs("mood", []string{"a\x00"})},
		`label "a\xff" is not valid UTF-8`:      {massive.EnumIs("mood", []string{"a\xff"})},
		`name "a.b.c" has more than two parts`:  {massive.EnumIs("a.b.c", []string{"a"})},
		"the name is empty":                     {massive.EnumIs("", []string{"a"})},
		"option AllowExtra is given twice":      {massive.EnumIs("mood", []Mood{Sad}, massive.AllowExtra(), massive.AllowExtra())},
		"is the zero ExpectOption":              {massive.EnumIs("mood", []Mood{Sad}, massive.ExpectOption{})},
	} {
		_, err := massive.Load(t.Context(), untouched{}, postgres.New(), massive.Expect(es...))
		mustBe(t, err, massive.ErrInvalid, says)
	}
	_, err := massive.Load(t.Context(), untouched{}, postgres.New(), massive.Expect())
	mustBe(t, err, massive.ErrInvalid, "option Expect: invalid argument: no expectation is given")
	_, err = massive.Load(t.Context(), untouched{}, postgres.New(), massive.Only(massive.KindMatview),
		massive.Expect(massive.EnumIs("mood", []Mood{Sad})))
	mustBe(t, err, massive.ErrInvalid, "enum mood has an expectation, and Only excludes that kind")

	onDrivers(t, `CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')`, func(t *testing.T, e *env) {
		e.load(t, massive.Expect( // equal, or compatible with each other
			massive.EnumIs("mood", []Mood{Sad, Ok, Happy}), massive.EnumIs("public.mood", []string{"sad", "ok", "happy"}),
			massive.EnumIs("mood", []Mood{Sad, Happy}, massive.AllowExtra()), massive.EnumIs("mood", []Mood{Ok}, massive.AllowExtra()),
		))
		m := e.load(t)
		mustBe(t, m.Verify(t.Context()), massive.ErrInvalid, "massive: verify: invalid argument: nothing is expected")
		mustBe(t, m.Verify(t.Context(), massive.EnumIs("mood", []string{long})), massive.ErrInvalid, "64 bytes long; the server's limit is 63")
		mustBe(t, m.With(nil).Verify(t.Context(), massive.EnumIs("mood", []Mood{Sad})), massive.ErrInvalid, "the database is nil")
		var failed *massive.Error
		if err := m.Verify(t.Context(), massive.Expectation{}); !errors.As(err, &failed) || failed.Op != dialect.OpVerify {
			t.Errorf("Verify of the zero Expectation: got %v, want an *Error of OpVerify", err)
		}
		_, err := massive.Load(t.Context(), e.pool, postgres.New(), massive.Exclude("mood"), massive.Expect(massive.EnumIs("mood", []Mood{Sad})))
		mustBe(t, err, massive.ErrDrift, "excluded by mood")
	})
}

// Enums without labels and empty labels are valid, and can be expected.
func TestEmptyLabelsAndEmptyEnums(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE TYPE nothing AS ENUM (); CREATE TYPE blank AS ENUM (''); CREATE TYPE mood AS ENUM ('sad', '', 'ok')`, func(t *testing.T, e *env) {
		ctx := t.Context()
		m := e.load(t, massive.Expect(massive.EnumIs[Mood]("nothing", nil), massive.EnumIs("blank", []string{""}),
			massive.EnumIs("mood", []Mood{Sad, "", Ok}), massive.EnumIs("mood", []Mood{}, massive.AllowExtra())))
		ds := drifts(t, e.load(t).Verify(ctx, massive.EnumIs("nothing", []Mood{""}), massive.EnumIs("blank", []Mood{}),
			massive.EnumIs("mood", []Mood{"", Sad, Ok}), massive.EnumIs[Mood]("none", nil)))
		same(t, "drifts", len(ds), 4)
		equal(t, "missing", ds[0].Missing, []string{""})
		equal(t, "extra", ds[1].Extra, []string{""})
		equal(t, "reordered", ds[2].Reordered, []string{""})
		same(t, "an expected enum without labels must exist", errors.Is(ds[3], massive.ErrNotFound), true)

		blank, err := massive.BindEnum[string](m, "blank")
		noError(t, err)
		mustBe(t, blank.RenameValue(ctx, "", "x"), massive.ErrDrift)

		free := e.load(t)
		nothing, err := massive.BindEnum[string](free, "nothing")
		noError(t, err)
		noError(t, nothing.AddValue(ctx, ""))
		noError(t, nothing.AddValue(ctx, "last", massive.After("")))
		noError(t, nothing.AddValue(ctx, "first", massive.Before("")))
		added, err := nothing.EnsureValue(ctx, "", massive.After("last"))
		noError(t, err)
		same(t, "added an existing label", added, false)
		equal(t, "labels in the database", enum(t, e.load(t), "nothing").Values(), []string{"first", "", "last"})
		noError(t, nothing.RenameValue(ctx, "", "middle"))
		noError(t, nothing.RenameValue(ctx, "last", ""))
		equal(t, "renamed", nothing.Values(), []string{"first", "middle", ""})
		parsed, err := nothing.Parse("")
		noError(t, err)
		same(t, "parsed", parsed, "")
		mustBe(t, nothing.AddValue(ctx, "x", massive.Before("none")), massive.ErrLabelUnknown)
		same(t, "AppendLocalLabels of an enum with an empty label", fmt.Sprint(free.AppendLocalLabels("mood", "x", "y"), free.AppendLocalLabels("blank", "x")), "<nil> <nil>")
		mustBe(t, free.AppendLocalLabels("mood", ""), massive.ErrLabelExists)
	})
}

// An untouched querier panics on each call.
type untouched struct{ massive.Querier }
