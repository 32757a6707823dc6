package main

import (
	"context"
	"database/sql"
	"errors"
	"runtime"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
)

// The bars of growth: what twice the structures may take, and the bytes that a structure may take up in memory
// beyond its strings, where columns, indexes and labels count as structures, too.
var doublingBar = bar{ratio: 2.4}

const memoryBar = 600

// A growth is loading a number of structures, measured.
type growth struct {
	Structures  int     `json:"structures"`
	Mode        string  `json:"mode"`
	Nanoseconds float64 `json:"ns_per_load"`
	Doubling    spread  `json:"ratio_to_half"` // beside half the structures, in the same rounds
	Worse       float64 `json:"worse"`         // how many times worse than its bar
	Heap        float64 `json:"heap_bytes"`    // of what was loaded
	Strings     float64 `json:"string_bytes"`  // of that, the characters, each text once
	Each        float64 `json:"bytes_each"`    // the rest, by structure, column, index and label
}

func (w *workbench) measureGrowth(ctx context.Context, rep *report) error {
	for _, n := range w.sizes {
		half, whole := structures(n/6, 0), structures(n/3, 0)
		for _, m := range []mode{libpq, pgxDefault} {
			w.say("%s, %d structures, %s", growthName, n, m)
			g, err := w.grow(ctx, m, half, whole)
			if err != nil {
				return err
			}
			g.Structures = n / 3 * 3
			rep.Growth = append(rep.Growth, g)
		}
		for _, made := range []string{half, whole} {
			if err := w.drop(made); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *workbench) grow(ctx context.Context, m mode, half, whole string) (_ *growth, err error) {
	s := &stage{workbench: w, mode: m}
	defer func() { err = errors.Join(err, s.close()) }()
	loads := func(name, made string) (side, *sql.DB, error) {
		db, err := s.open(ctx, made)
		return each(name, func(ctx context.Context) error {
			_, err := massive.Load(ctx, db, postgres.New())
			return err
		}), db, err
	}
	some, _, err := loads("half", half)
	if err != nil {
		return nil, err
	}
	all, db, err := loads("all", whole)
	if err != nil {
		return nil, err
	}
	race, err := w.race(ctx, []side{all, some}, doublingBar, w.perLine, false)
	if err != nil {
		return nil, err
	}
	g := &growth{Mode: m.name, Nanoseconds: race[0].Nanoseconds, Doubling: ratio(race[0].rounds, race[1].rounds)}
	g.Worse = g.Doubling.Median / doublingBar.ratio
	return g, g.weigh(ctx, db)
}

// weigh loads once more and looks at what stays in memory.
func (g *growth) weigh(ctx context.Context, db *sql.DB) error {
	before := heap()
	m, err := massive.Load(ctx, db, postgres.New())
	if err != nil {
		return err
	}
	g.Heap = heap() - before
	texts, n := contents(m)
	for t := range texts {
		g.Strings += float64(len(t))
	}
	g.Each = (g.Heap - g.Strings) / float64(n)
	runtime.KeepAlive(m)
	return nil
}

// heap is the bytes in use.
func heap() float64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.GC() // what the first one only marked as no longer in use, such as a pool's
	runtime.ReadMemStats(&stats)
	return float64(stats.HeapAlloc)
}

// contents are the texts of a picture, each once, and how many structures, columns, indexes and labels it has.
func contents(m *massive.DB) (texts map[string]struct{}, n int) {
	texts = map[string]struct{}{}
	add := func(all ...string) {
		for _, t := range all {
			texts[t] = struct{}{}
		}
	}
	for _, v := range m.Matviews() {
		columns, indexes := v.Columns(), v.Indexes()
		n += 1 + len(columns) + len(indexes)
		add(v.Name().Schema, v.Name().Name, v.Owner(), v.Comment())
		for _, c := range columns {
			add(c.Name, c.Type)
		}
		for _, i := range indexes {
			add(i.Name, i.Unfit)
		}
	}
	for _, e := range m.Enums() {
		n += 1 + e.Len()
		add(e.Name().Schema, e.Name().Name, e.Owner(), e.Comment())
		add(e.Values()...)
	}
	for _, s := range m.Sequences() {
		n++
		add(s.Name().Schema, s.Name().Name, s.Owner(), s.Comment(), s.Def().Type)
	}
	return texts, n
}
