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

// Verify reads the database through its querier, and publishes nothing.
func TestVerifyReadsThroughItsQuerier(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE TYPE mood AS ENUM ('ok', 'glad'); CREATE TYPE "Odd, ""Mood""" AS ENUM ('it''s', 'a,b{}\"')`,
		func(t *testing.T, e *env) {
			m := e.load(t, massive.Expect(massive.EnumIs(`"Odd, ""Mood"""`, []string{"it's", `a,b{}\"`})))
			before, happy := m.Registry(), massive.EnumIs("mood", []Mood{Ok, Happy})
			tx := e.begin(t)
			exec(t, tx, "ALTER TYPE mood RENAME VALUE 'glad' TO 'happy'")
			if err := m.With(tx).Verify(t.Context(), happy); err != nil {
				t.Errorf("fixed in a transaction, got: %v", err)
			}
			equal(t, "missing outside of it", drifts(t, m.Verify(t.Context(), happy))[0].Missing, []string{"happy"})
			noError(t, tx.Commit())
			if err := m.Verify(t.Context(), happy); err != nil {
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
