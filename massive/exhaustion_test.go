package massive_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

// A blocked dialect fails to read a batch that contains a bad sequence.
type blocked struct {
	*sqltest.Fake
	bad   []string
	with  error
	cut   bool // return one reading too few
	empty bool // return neither a catalog nor an error from Load
	reads int
}

func (b *blocked) SequenceStates(ctx context.Context, q dialect.Querier, defs []*dialect.SequenceDef) ([]dialect.SequenceReading, error) {
	b.reads++
	if slices.ContainsFunc(defs, func(d *dialect.SequenceDef) bool { return slices.Contains(b.bad, d.Name.Name) }) {
		return nil, b.with
	}
	all, err := b.Fake.SequenceStates(ctx, q, defs)
	if b.cut {
		all = all[1:]
	}
	return all, err
}

func (b *blocked) Load(ctx context.Context, q dialect.Querier, f dialect.Filter) (*dialect.Catalog, error) {
	if b.empty {
		return nil, nil
	}
	return b.Fake.Load(ctx, q, f)
}

// Exhaustion lists sequences that can't be read as unknown, and checks all others.
func TestExhaustionReportsUnreadableSequences(t *testing.T) {
	t.Parallel()
	denied := &sqltest.Error{Code: "42501", Message: "permission denied for sequence"}
	lost := errors.New("the connection is lost")
	for name, c := range map[string]struct {
		bad     []string
		with    error
		cut     bool
		empty   bool
		unknown []string
		err     error
		says    string
		reads   int
	}{
		"none":                     {reads: 1},
		"one":                      {bad: []string{"e"}, with: denied, unknown: []string{"public.e"}, reads: 7},
		"two":                      {bad: []string{"a", "h"}, with: denied, unknown: []string{"public.a", "public.h"}, reads: 11},
		"no answer":                {bad: []string{"e"}, with: lost, err: lost, says: "look for exhaustion", reads: 1},
		"a transaction that ended": {bad: []string{"e"}, with: &sqltest.Error{Code: "25P02"}, err: massive.ErrTxAborted, says: "look for exhaustion", reads: 1},
		"no catalog":               {empty: true, says: "the fake dialect returned neither a catalog nor an error"},
		"a reading too few":        {cut: true, says: "the fake dialect returned 7 readings of 8 sequences", reads: 1},
	} {
		var catalog sqltest.Catalog
		for _, s := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
			catalog.Sequences = append(catalog.Sequences, sqltest.Sequence{Name: s, Max: 10, Start: 10})
		}
		b := &blocked{Fake: sqltest.New(catalog), bad: c.bad, with: c.with, cut: c.cut}
		defer b.DB().Close()
		m, err := massive.Load(t.Context(), b.DB(), b)
		noError(t, err)
		b.empty = c.empty
		got, err := m.Exhaustion(t.Context())
		same(t, name+": batches read", b.reads, c.reads)
		if c.says != "" {
			if err == nil || c.err != nil && !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: got error %v, want %v with text %q", name, err, c.err, c.says)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		unknown := []string(nil)
		for _, u := range got.Unknown {
			unknown = append(unknown, u.Sequence.String())
			if !errors.Is(u.Err, massive.ErrPermission) || !errors.Is(u.Err, denied) {
				t.Errorf("%s: got %v, want ErrPermission and the driver's error", name, u)
			}
		}
		same(t, name+": unknown", fmt.Sprint(unknown), fmt.Sprint(c.unknown))
		same(t, name+": sequences checked", got.Looked, 8)
		same(t, name+": sequences reported", len(got.Uncalled)+len(got.Unknown), 8)
	}
}
