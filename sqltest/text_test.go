package sqltest_test

// The fake's errors have the same text as Postgres's, without the text that a driver
// adds.

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/lib/pq"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

var failing = sqltest.Catalog{
	Matviews: []sqltest.Matview{
		{Name: "v", Rows: []pair{{1, "x"}}, Unique: []string{"n"}},
		{Name: "empty", Rows: []pair{{1, "x"}}, Unique: []string{"n"}, Unpopulated: true}, {Name: "onempty", Rows: []pair{}, Unpopulated: true, Reads: []string{"empty"}},
		{Name: `"X.y"."o""dd \ Näme"`, Rows: []pair{{1, "x"}}}, {Name: `"X.y"."o""ddü"`, Rows: []pair{{1, "x"}}, Unique: []string{"n"}, Unpopulated: true},
		{Name: "theirs", Rows: []pair{{1, "x"}}, NotOwned: true}, {Name: "gone", Rows: []pair{{1, "x"}}},
		{Name: "table", Rows: []pair{{1, "x"}}}, {Name: "seq", Rows: []pair{{1, "x"}}},
	},
	Enums: []sqltest.Enum{
		{Name: "mood", Labels: []string{"sad", "ok"}}, {Name: `"X.y"."o""dd"`, Labels: []string{`a"b\`}},
		{Name: "theirmood", NotOwned: true}, {Name: `"X.y"."their mood"`, NotOwned: true}, {Name: "gonemood"}, {Name: "tablemood"},
	},
	Sequences: []sqltest.Sequence{
		{Name: "s", Max: 2, Start: 2}, {Name: `"X.y"."s""q"`, Max: 2, Start: 2}, {Name: "down", Increment: -1, Min: -9, Start: -9},
		{Name: "denied", Rights: &dialect.SequenceRights{}}, {Name: "goneseq"}, {Name: "tableseq"}, {Name: "viewseq"},
		{Name: "full", Max: 10, OwnedBy: "f.id", Holds: []int64{10}}, {Name: "fullcolumn", OwnedBy: "g.id", ColumnType: "smallint", Holds: []int64{32767}},
	},
}

// A failedOp is an operation that returns an error.
type failedOp struct {
	what string
	do   func(context.Context, *massive.DB) error
	from int // the first major version with another text; 0 for none
}

func sequenceOp(name string, do func(context.Context, massive.Sequence) error) func(context.Context, *massive.DB) error {
	return func(ctx context.Context, m *massive.DB) error {
		s, err := m.Sequence(name)
		if err != nil {
			return err
		}
		return do(ctx, s)
	}
}

func enumOp(name string, do func(context.Context, *massive.BoundEnum[string]) error) func(context.Context, *massive.DB) error {
	return func(ctx context.Context, m *massive.DB) error {
		e, err := massive.BindEnum[string](m, name)
		if err != nil {
			return err
		}
		return do(ctx, e)
	}
}

func add(label string, at ...massive.Place) func(context.Context, *massive.BoundEnum[string]) error {
	return func(ctx context.Context, e *massive.BoundEnum[string]) error { return e.AddValue(ctx, label, at...) }
}

func next(ctx context.Context, s massive.Sequence) error   { _, err := s.NextValue(ctx); return err }
func stated(ctx context.Context, s massive.Sequence) error { _, err := s.State(ctx); return err }
func caught(ctx context.Context, s massive.Sequence) error { _, err := s.CatchUp(ctx); return err }
func restarted(ctx context.Context, s massive.Sequence) error {
	return s.Restart(ctx)
}

func resetAt(to int64) func(context.Context, massive.Sequence) error {
	return func(ctx context.Context, s massive.Sequence) error { return s.ResetTo(ctx, to) }
}

func selected(name string) func(context.Context, *massive.DB) error {
	return func(ctx context.Context, m *massive.DB) error {
		v, err := m.Matview(name)
		if err != nil {
			return err
		}
		return v.Select(ctx, &[]pair{}, "")
	}
}

func setTo7(ctx context.Context, s massive.Sequence) error { return s.SetValue(ctx, 7, true) }

func failedOps() []failedOp {
	concurrently := massive.Concurrently()
	return []failedOp{
		{"select what is not populated", selected("empty"), 0},
		{"select what is not populated, of an odd name", selected(`"X.y"."o""ddü"`), 0},
		{"merge what is not populated", refreshOf("empty", concurrently), 0},
		{"refresh what reads that", refreshOf("onempty"), 0},
		{"merge without an index", refreshOf(`"X.y"."o""dd \ Näme"`, concurrently), 0},
		{"merge without an index, of a plain name", refreshOf("gone", concurrently), 0},
		{"refresh another's", refreshOf("theirs"), 17}, // Postgres 17 added MAINTAIN
		{"duplicates", refreshOf("v"), 0},
		{"duplicates, merged", refreshOf("v", concurrently), 0},
		{"the end", sequenceOp("s", next), 0},
		{"the end, of an odd name", sequenceOp(`"X.y"."s""q"`, next), 0},
		{"the lower end", sequenceOp("down", next), 0},
		{"above the bounds", sequenceOp("s", resetAt(7)), 0},
		{"below the bounds", sequenceOp("s", resetAt(-7)), 0},
		{"set above the bounds", sequenceOp(`"X.y"."s""q"`, setTo7), 0},
		{"a value of another's", sequenceOp("denied", next), 0},
		{"the state of another's", sequenceOp("denied", stated), 0},
		{"to set another's", sequenceOp("denied", setTo7), 0},
		{"to restart another's", sequenceOp("denied", restarted), 0},
		{"full bounds", sequenceOp("full", caught), 0},
		{"a full column", sequenceOp("fullcolumn", caught), 0},
		{"a label that is there", enumOp("mood", add("ok")), 0},
		{"an odd one", enumOp(`"X.y"."o""dd"`, add(`a"b\`)), 0},
		{"behind no label", enumOp("mood", add("x", massive.After(`no"ne\`))), 0},
		{"no label to rename", enumOp("mood", func(ctx context.Context, e *massive.BoundEnum[string]) error {
			return e.RenameValue(ctx, "none", "x")
		}), 0},
		{"a label of another's", enumOp("theirmood", add("x")), 0},
		{"a label of another's, of an odd name", enumOp(`"X.y"."their mood"`, add("x")), 0},
		{"a label of what is gone", enumOp("gonemood", add("x")), 0},
		{"a label of a table", enumOp("tablemood", add("x")), 0},
		{"refresh what is gone", refreshOf("gone"), 0},
		{"select what is gone", selected("gone"), 0},
		{"refresh a table", refreshOf("table"), 0},
		{"refresh a sequence", refreshOf("seq"), 0},
		{"select from another", selected("table"), 0},
		{"a value of what is gone", sequenceOp("goneseq", next), 0},
		{"the state of what is gone", sequenceOp("goneseq", stated), 0},
		{"to restart what is gone", sequenceOp("goneseq", restarted), 0},
		{"a value of a table", sequenceOp("tableseq", next), 17},
		{"to restart a table", sequenceOp("tableseq", restarted), 17},
		{"to restart another's view", sequenceOp("viewseq", restarted), 0},
	}
}

// plainly returns an error's text with the server's message, without the text of the
// driver.
func plainly(err error) string {
	if err == nil {
		return "no error"
	}
	var ofPq *pq.Error
	var ofPgx *pgconn.PgError
	var ofFake *sqltest.Error
	text := err.Error()
	switch {
	case errors.As(err, &ofPq):
		return strings.ReplaceAll(text, ofPq.Error(), ofPq.Message)
	case errors.As(err, &ofPgx):
		return strings.ReplaceAll(text, ofPgx.Error(), ofPgx.Message)
	case errors.As(err, &ofFake):
		return strings.ReplaceAll(text, ofFake.Error(), ofFake.Message)
	}
	return text
}

// textsOn returns the error texts of all failing operations on a place.
func textsOn(t *testing.T, p place) map[string]string {
	t.Helper()
	ctx := t.Context()
	for _, name := range []string{"s", `"X.y"."s""q"`, "down"} {
		noError(t, sequenceOp(name, next)(ctx, p.m))
	}
	all := map[string]string{}
	note := func(what string, err error) { all[what] = plainly(err) }
	// A duplicate of an existing row violates the index; a duplicate of a new row is an
	// error of the refresh.
	p.do(t, sqltest.SetRows{Matview: "v", Rows: []pair{{2, "a"}, {2, "b"}}})
	for _, a := range failedOps() {
		if a.what == "a label of what is gone" {
			p.do(t, sqltest.Drop{Name: "gonemood"}, sqltest.Drop{Name: "tablemood"}, sqltest.Drop{Name: "gone"}, sqltest.Drop{Name: "table"},
				sqltest.Drop{Name: "seq"}, sqltest.Drop{Name: "goneseq"}, sqltest.Drop{Name: "tableseq"}, sqltest.Drop{Name: "viewseq"},
				sqltest.Create{
					Tables: []string{"table", "tablemood", "tableseq"}, Sequences: []sqltest.Sequence{{Name: "seq"}},
					Matviews: []sqltest.Matview{{Name: "viewseq", Rows: []pair{}, NotOwned: true}},
				})
		}
		note(a.what, a.do(ctx, p.m))
	}
	p.do(t, sqltest.SetRows{Matview: "v", Rows: []pair{{2, "a"}, {2, "a"}}})
	note("the same row twice, merged", refreshOf("v", massive.Concurrently())(ctx, p.m))

	tx, err := p.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	noError(t, err)
	defer tx.Rollback()
	m := p.m.With(tx)
	note("to write in a read-only transaction", sequenceOp("s", restarted)(ctx, m))
	note("in a failed transaction", sequenceOp("s", next)(ctx, m))
	return all
}

func TestErrorTexts(t *testing.T) {
	t.Parallel()
	f := sqltest.New(failing)
	want := textsOn(t, place{"fake", f.DB(), load(t, f), f.Do})
	onEach(t, failing, func(t *testing.T, p place) {
		if p.name == "fake" {
			return
		}
		got := textsOn(t, p)
		for _, a := range failedOps() {
			if major := p.m.Server().Major; a.from != 0 && major >= a.from {
				delete(got, a.what)
			}
		}
		for what, text := range got {
			if text != want[what] {
				t.Errorf("%s\n%s: %s\nfake: %s", what, p.name, text, want[what])
			}
		}
	})
}
