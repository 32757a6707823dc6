package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/massivedb/massive-go/massive"
)

var lookupLines = []line{
	inMemory("Lookup", "find a sequence by its bare name, or with its schema", bar{ratio: 1.5},
		func(m *massive.DB) (*memory, error) { return sequences(m, m, "sequence_%d", "public.sequence_%d") }),
	inMemory("Lookup/quoted", "find a sequence by a name with needless quotes", bar{ratio: 3},
		func(m *massive.DB) (*memory, error) {
			return sequences(m, m, `"public"."sequence_%d"`, `public."sequence_%d"`)
		}),
	inMemory("Lookup/With", "find a sequence in a snapshot bound to a querier by With", bar{ratio: 3, more: 1},
		func(m *massive.DB) (*memory, error) {
			return sequences(m, m.With(nil), "sequence_%d", "public.sequence_%d")
		}),
	inMemory("Lookup/reload", "find a sequence while another goroutine reloads", bar{ratio: 1.5},
		func(m *massive.DB) (*memory, error) { return sequences(m, m, "sequence_%d", "public.sequence_%d") }),
	inMemory("Contains", "check whether an enum of a hundred labels contains one", bar{ratio: 1.5}, labels),
	inMemory("Contains/reload", "the same while another goroutine reloads", bar{ratio: 1.5}, labels),
}

// A memory has texts to find, with the library and in a map.
type memory struct {
	texts []string
	find  func(text string) bool
	plain map[string]massive.Sequence // its values are as large as what a lookup returns
}

// inMemory compares finding texts with a map of the same texts. If its name ends in
// "/reload", another goroutine reloads meanwhile.
func inMemory(name, what string, b bar, prepare func(*massive.DB) (*memory, error)) line {
	return line{
		name: name, what: what + "; limit: a map", bar: b, modes: oneMode,
		setup: func(ctx context.Context, s *stage) (*contest, error) {
			n := 10_000
			if s.short {
				n = 1_000
			}
			m, db, err := s.load(ctx, structures(n, 0))
			if err != nil {
				return nil, err
			}
			mem, err := prepare(m)
			if err != nil {
				return nil, err
			}
			c := &contest{
				ours: mem.side("massive", mem.find),
				bare: []side{mem.side("a map", func(text string) bool { _, ok := mem.plain[text]; return ok })},
			}
			if strings.HasSuffix(name, "/reload") {
				c.background = func(ctx context.Context) error {
					_, err := db.ExecContext(ctx, "COMMENT ON SCHEMA public IS 'x'") // makes the reload load
					if err == nil {
						_, err = m.Reload(ctx)
					}
					return err
				}
			}
			return c, nil
		},
	}
}

func (mem *memory) side(name string, find func(string) bool) side {
	next := 0
	return side{name: name, do: func(_ context.Context, n int) error {
		for range n {
			if next++; next >= len(mem.texts) {
				next = 0
			}
			if !find(mem.texts[next]) {
				return errors.New(mem.texts[next] + " is missing")
			}
		}
		return nil
	}}
}

// sequences looks up names that are far apart, so that they do not all fit into the
// processor's cache.
func sequences(m, in *massive.DB, spellings ...string) (*memory, error) {
	all := m.Sequences()
	mem := &memory{plain: map[string]massive.Sequence{}, find: func(name string) bool {
		_, err := in.Sequence(name)
		return err == nil
	}}
	for i := range all {
		for _, format := range spellings {
			mem.plain[fmt.Sprintf(format, i+1)] = all[i]
			if i%(len(all)/500) == 0 {
				mem.texts = append(mem.texts, fmt.Sprintf(format, i+1)) // not the same string as the map's key
			}
		}
	}
	return mem, nil
}

func labels(m *massive.DB) (*memory, error) {
	mem := &memory{plain: map[string]massive.Sequence{}}
	var more []string
	for i := range 97 {
		more = append(more, fmt.Sprintf("label %d", i))
		mem.texts = append(mem.texts, fmt.Sprintf("label %d", i))
	}
	if err := m.AppendLocalLabels("enum_51", more...); err != nil {
		return nil, err
	}
	enum, err := m.Enum("enum_51")
	if err != nil {
		return nil, err
	}
	mem.find = enum.Contains
	for _, label := range enum.Values() {
		mem.plain[label] = nil
	}
	return mem, nil
}
