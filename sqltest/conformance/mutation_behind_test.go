package conformance_test

// Mutants of Lag and CatchUp. They change the content of the fake's database.

import (
	"slices"

	"github.com/massivedb/massive-go/sqltest"
)

var behindMutants = []mutation{
	{"primary keys not compared", "CatchUp compares a sequence with the primary key that it feeds", func(m *mutant) {
		m.catalog = func(c *sqltest.Catalog) {
			var keys []sqltest.Sequence
			for _, s := range c.Sequences {
				if s.KeyOf != "" { // the column belongs to another sequence
					keys = append(keys, sqltest.Sequence{Name: "instead_of_" + s.Name, KeyOf: s.KeyOf})
					s.KeyOf, s.Feeds = "", []string{"elsewhere." + s.Name}
				}
				keys = append(keys, s)
			}
			c.Sequences = keys
		}
	}},
	{"compared without SELECT", "CatchUp needs SELECT on the sequence", withRights(func(s *sqltest.Sequence) {
		s.Rights.Read = true
	})},
	{"moved without ownership", "CatchUp needs SELECT on the sequence", withRights(func(s *sqltest.Sequence) {
		s.Rights.Restart = true
	})},
	{"cycling sequence compared", "Lag and CatchUp return ErrInvalid for a sequence that cycles or that no column draws on", withSequences(func(s *sqltest.Sequence) {
		s.Cycle = false
	})},
	{"owning column counted though it does not draw", "If several columns draw on a sequence, the furthest value counts, and Lag names its column", withSequences(func(s *sqltest.Sequence) {
		if s.OwnedBy != "" && s.OwnedBy != s.KeyOf && !slices.Contains(s.Feeds, s.OwnedBy) {
			s.Feeds = append(s.Feeds, s.OwnedBy)
		}
	})},
	{"every sequence has a column", "Lag and CatchUp return ErrInvalid for a sequence that cycles or that no column draws on", withSequences(func(s *sqltest.Sequence) {
		if s.KeyOf == "" && len(s.Feeds) == 0 {
			s.Feeds = []string{"tie." + s.Name}
		}
	})},
}

// withSequences makes a fake whose catalog has changed sequences.
func withSequences(change func(s *sqltest.Sequence)) func(m *mutant) {
	return func(m *mutant) {
		m.catalog = func(c *sqltest.Catalog) {
			c.Sequences = slices.Clone(c.Sequences)
			for i := range c.Sequences {
				change(&c.Sequences[i])
			}
		}
	}
}

// withRights changes only the sequences that have Rights.
func withRights(change func(s *sqltest.Sequence)) func(m *mutant) {
	return withSequences(func(s *sqltest.Sequence) {
		if s.Rights != nil {
			rights := *s.Rights
			s.Rights = &rights
			change(s)
		}
	})
}
