package registry_test

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/stub"
	"github.com/massivedb/massive-go/registry"
)

func TestSequenceDef(t *testing.T) {
	t.Parallel()
	r, _, _ := stubbed(stub.Shop(), registry.Selection{KeySequences: true})
	for range 2 { // the first round's changes must not affect the registry
		for name, want := range map[string]dialect.SequenceDef{"order_no": stub.Shop().Sequences[2], "orders_id_seq": stub.Shop().Sequences[0]} {
			s := sequence(t, r, name)
			got := s.Def()
			if s.Name() != want.Name || s.Owner() != want.Owner || s.Comment() != want.Comment || !reflect.DeepEqual(got, want) {
				t.Errorf("sequence %v of %q, comment %q: %+v; want %+v", s.Name(), s.Owner(), s.Comment(), got, want)
			}
			got.Max = 0
			if got.OwnedBy != nil {
				got.OwnedBy.Column = "changed"
			}
			if got.KeyOf != nil {
				got.KeyOf.Column = "changed"
			}
		}
	}
}

func TestSequenceReads(t *testing.T) {
	t.Parallel()
	for _, state := range []dialect.SequenceState{{Last: 41, Called: true}, {Last: 1}, {Last: math.MinInt64, Called: true}} {
		r, s, q := stubbed(stub.Shop(), registry.Selection{})
		s.State = state
		seq := sequence(t, r, "order_no")
		if got, err := seq.State(t.Context()); got.Last != state.Last || got.Called != state.Called || err != nil {
			t.Errorf("State = %+v, %v; want %+v and the computed fields, nil", got, err, state)
		}
		if got, err := seq.LastValue(t.Context()); got != state.Last || err != nil {
			t.Errorf("LastValue = %d, %v; want %d, nil", got, err, state.Last)
		}
		read := stub.Call{Method: "SequenceState", Querier: q, Name: stub.Of("public.order_no")}
		stub.CheckCalls(t, s, read, read)
	}
}

func TestSequenceMoves(t *testing.T) {
	t.Parallel()
	r, s, q := stubbed(stub.Shop(), registry.Selection{})
	seq := sequence(t, r, "order_no")
	s.Next = -5
	if v, err := seq.NextValue(t.Context()); v != -5 || err != nil {
		t.Errorf("NextValue = %d, %v; want -5, nil", v, err)
	}
	if err := seq.Reset(t.Context()); err != nil {
		t.Errorf("Reset: %v", err)
	}
	for _, v := range []int64{123, 0, -1, math.MinInt64, math.MaxInt64} {
		if err := seq.ResetTo(t.Context(), v); err != nil {
			t.Errorf("ResetTo(%d): %v", v, err)
		}
	}
	if err := seq.Restart(t.Context()); err != nil {
		t.Errorf("Restart: %v", err)
	}
	name := stub.Of("public.order_no")
	want := []stub.Call{{Method: "NextSequenceValue", Querier: q, Name: name}}
	for _, at := range []int64{1, 123, 0, -1, math.MinInt64, math.MaxInt64, stub.NoValue} {
		want = append(want, stub.Call{Method: "RestartSequence", Querier: q, Name: name, At: at})
	}
	stub.CheckCalls(t, s, want...)
}

// If the database keeps only the next value, State returns it and LastValue is
// unsupported.
func TestSequenceNextOnly(t *testing.T) {
	t.Parallel()
	r, s, _ := stubbed(stub.Shop(), registry.Selection{})
	seq := sequence(t, r, "order_no") // from 1 to 999
	for next, want := range map[int64]registry.SequenceState{
		998:  {Last: 998, NextOnly: true, Next: 998, Remaining: 2, Used: 997. / 999},
		1000: {Last: 1000, NextOnly: true, Exhausted: true, Used: 1},
	} {
		s.State = dialect.SequenceState{Last: next, NextOnly: true}
		if got, err := seq.State(t.Context()); got != want || err != nil {
			t.Errorf("State = %+v, %v; want %+v", got, err, want)
		}
		v, err := seq.LastValue(t.Context())
		if v != 0 || !errors.Is(err, dialect.ErrUnsupported) || !strings.Contains(err.Error(), "the stub dialect can't read the last value") {
			t.Errorf("LastValue = %d, %v; want 0 and ErrUnsupported", v, err)
		}
	}
}
