package main

import (
	"context"
	"fmt"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
)

// inMemory is the bar of what needs no database.
func inMemory(allocs float64) bar { return bar{within: 50, allocs: allocs} }

var lookup = line{
	name: "Lookup",
	what: "find a sequence by its bare name, or with its schema, among ten thousand of each kind",
	bar:  inMemory(0),
	// Nothing of it goes through a driver.
	modes: []mode{pgxDefault},
	setup: func(ctx context.Context, s *stage) (*contest, error) { return s.lookingUp(ctx, false) },
}

var lookupQuoted = line{
	name:  "LookupQuoted",
	what:  "the same with quotes around each part, or around the last one, which none of these names needs",
	bar:   inMemory(0),
	modes: []mode{pgxDefault},
	setup: func(ctx context.Context, s *stage) (*contest, error) {
		m, names, err := s.loaded(ctx, `"public"."sequence_%d"`, `public."sequence_%d"`)
		if err != nil {
			return nil, err
		}
		return &contest{ours: findSequences("Sequence", m, names)}, nil
	},
}

var lookupReloading = line{
	name:  "LookupReloading",
	what:  "find it by its usual spellings while another goroutine reloads without a pause",
	bar:   inMemory(0),
	setup: func(ctx context.Context, s *stage) (*contest, error) { return s.lookingUp(ctx, true) },
}

var lookupWith = line{
	name:  "LookupWith",
	what:  "find a sequence in a picture bound to a transaction by With",
	bar:   inMemory(1),
	modes: []mode{pgxDefault},
	setup: func(ctx context.Context, s *stage) (*contest, error) {
		m, names, err := s.loaded(ctx, usual...)
		if err != nil {
			return nil, err
		}
		return &contest{ours: findSequences("Sequence", m.With(s.pools[0]), names)}, nil
	},
}

var contains = line{
	name:  "Contains",
	what:  "ask an enum of three labels, and one of a hundred, for a label",
	bar:   inMemory(0),
	modes: []mode{pgxDefault},
	setup: func(ctx context.Context, s *stage) (*contest, error) { return s.containing(ctx, false) },
}

var containsReloading = line{
	name:  "ContainsReloading",
	what:  "the same while another goroutine reloads without a pause",
	bar:   inMemory(0),
	setup: func(ctx context.Context, s *stage) (*contest, error) { return s.containing(ctx, true) },
}

// usual are the spellings that most names are looked up by.
var usual = []string{"sequence_%d", "public.sequence_%d"}

// loaded is a picture of many structures, with spellings of sequences' names.
func (s *stage) loaded(ctx context.Context, spellings ...string) (*massive.DB, []string, error) {
	n := 10_000
	if s.short {
		n = 1_000
	}
	db, err := s.open(ctx, structures(n, 0))
	if err != nil {
		return nil, nil, err
	}
	m, err := massive.Load(ctx, db, postgres.New())
	if err != nil {
		return nil, nil, err
	}
	// Names far apart, so that the look-ups don't all find what the processor has at hand already.
	var names []string
	for i := 1; i <= n; i += n / 500 {
		for _, format := range spellings {
			names = append(names, fmt.Sprintf(format, i))
		}
	}
	return m, names, nil
}

func findSequences(name string, m *massive.DB, names []string) side {
	next := 0
	return side{name, func(_ context.Context, n int) error {
		for range n {
			if next++; next == len(names) {
				next = 0
			}
			if _, err := m.Sequence(names[next]); err != nil {
				return err
			}
		}
		return nil
	}}
}

func (s *stage) lookingUp(ctx context.Context, reloading bool) (*contest, error) {
	m, names, err := s.loaded(ctx, usual...)
	if err != nil {
		return nil, err
	}
	c := &contest{ours: findSequences("Sequence", m, names)}
	if reloading {
		c.meanwhile = reloads(m)
	}
	plain := make(map[string]massive.Sequence)
	for _, seq := range m.Sequences() {
		plain[seq.Name().Name], plain[seq.Name().String()] = seq, seq
	}
	next := 0
	c.bare = []side{{"a map", func(_ context.Context, n int) error {
		for range n {
			if next++; next == len(names) {
				next = 0
			}
			if plain[names[next]] == nil {
				return fmt.Errorf("%s is not in the map", names[next])
			}
		}
		return nil
	}}}
	return c, nil
}

func (s *stage) containing(ctx context.Context, reloading bool) (*contest, error) {
	m, _, err := s.loaded(ctx, usual...)
	if err != nil {
		return nil, err
	}
	few, err := m.Enum("enum_500")
	if err != nil {
		return nil, err
	}
	labels := make([]string, 97)
	for i := range labels {
		labels[i] = fmt.Sprintf("label %d", i)
	}
	if err := m.AppendEnum("enum_501", labels...); err != nil {
		return nil, err
	}
	many, err := m.Enum("enum_501")
	if err != nil {
		return nil, err
	}
	c := &contest{ours: side{"Contains", func(_ context.Context, n int) error {
		for i := range n {
			if i%2 == 0 && !few.Contains("happy") || i%2 == 1 && !many.Contains(labels[i%len(labels)]) {
				return fmt.Errorf("a label was not found")
			}
		}
		return nil
	}}}
	if reloading {
		c.meanwhile = reloads(m)
	}
	return c, nil
}

func reloads(m *massive.DB) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := m.Reload(ctx)
		return err
	}
}
