package conformance_test

// Ways to break what is compared when a sequence is behind its column, and what that needs. They change what the fake
// holds, and not how it is asked.

import (
	"slices"

	"github.com/massivedb/massive-go/sqltest"
)

var behindMutants = []mutation{
	{"keys not looked at", "CatchUp compares a sequence with the primary key that it feeds", func(m *mutant) {
		m.catalog = func(c *sqltest.Catalog) {
			var keys []sqltest.Sequence
			for _, s := range c.Sequences {
				if s.KeyOf != "" { // the column stays, and is another sequence's
					keys = append(keys, sqltest.Sequence{Name: "instead_of_" + s.Name, KeyOf: s.KeyOf})
					s.KeyOf, s.Feeds = "", []string{"elsewhere." + s.Name}
				}
				keys = append(keys, s)
			}
			c.Sequences = keys
		}
	}},
	{"looked at without a right", "CatchUp needs SELECT on the sequence", withRights(func(s *sqltest.Sequence) {
		s.Rights.Read = true
	})},
	{"caught up by anybody", "CatchUp needs SELECT on the sequence", withRights(func(s *sqltest.Sequence) {
		s.Rights.Restart = true
	})},
	{"a sequence that cycles compared", "Lag and CatchUp return ErrInvalid for a sequence that cycles or that no column draws on", withSequences(func(s *sqltest.Sequence) {
		s.Cycle = false
	})},
	{"an owning column taken for one that draws", "If several columns draw on a sequence, the furthest value counts, and Lag names its column", withSequences(func(s *sqltest.Sequence) {
		if s.OwnedBy != "" && s.OwnedBy != s.KeyOf && !slices.Contains(s.Feeds, s.OwnedBy) {
			s.Feeds = append(s.Feeds, s.OwnedBy)
		}
	})},
	{"any sequence tied to a column", "Lag and CatchUp return ErrInvalid for a sequence that cycles or that no column draws on", withSequences(func(s *sqltest.Sequence) {
		if s.KeyOf == "" && len(s.Feeds) == 0 {
			s.Feeds = []string{"tie." + s.Name}
		}
	})},
}

// withSequences makes a fake whose sequences are changed before it gets them.
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

// withRights does that to those whose rights are given.
func withRights(change func(s *sqltest.Sequence)) func(m *mutant) {
	return withSequences(func(s *sqltest.Sequence) {
		if s.Rights != nil {
			rights := *s.Rights
			s.Rights = &rights
			change(s)
		}
	})
}
