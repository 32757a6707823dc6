package registry_test

import (
	"errors"
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
