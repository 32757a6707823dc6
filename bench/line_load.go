package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
)

// growth is the maximum ratio of a load to a load of half as many structures.
const growth = 2.2

var loadLines = []line{
	reloading(1_000), reloading(10_000),
	loading(100, bar{ratio: growth}),
	loading(1_000, bar{ratio: growth, most: 1_000}),
	loading(10_000, bar{ratio: growth}),
	loading(33_333, bar{ratio: growth}),
	{
		name: "Load/tables", what: "load 10,000 of each kind among 100,000 tables; limit: the same without the tables",
		bar: bar{ratio: 1.15}, modes: defaultModes, long: true,
		setup: func(ctx context.Context, s *stage) (*contest, error) {
			return s.loads(ctx, structures(10_000, 100_000), structures(10_000, 0))
		},
	},
}

// loading compares a load with a load of half as many structures.
func loading(each int, b bar) line {
	return line{
		name: fmt.Sprintf("Load/%d", each), what: fmt.Sprintf("load %d of each kind; limit: a load of half as many", each),
		bar: b, modes: defaultModes, long: each > 1_000,
		setup: func(ctx context.Context, s *stage) (*contest, error) {
			return s.loads(ctx, structures(each, 0), structures(each/2, 0))
		},
	}
}

func (s *stage) loads(ctx context.Context, ours, bare string) (*contest, error) {
	var sides []side
	for _, made := range []string{ours, bare} {
		db, err := s.open(ctx, made)
		if err != nil {
			return nil, err
		}
		one := loadSide(db)
		one.blocks = loadBlocks(db)
		sides = append(sides, one)
	}
	return &contest{ours: sides[0], bare: sides[1:]}, nil
}

func loadSide(db *sql.DB) side {
	return each("Load", func(ctx context.Context) error {
		_, err := massive.Load(ctx, db, postgres.New())
		return err
	})
}

// reloading measures a reload when nothing was committed since the last one.
func reloading(of int) line {
	return line{
		name: fmt.Sprintf("Reload/%d", of), what: fmt.Sprintf("reload %d of each kind when nothing was committed; limit: SELECT 1", of),
		bar: bar{ratio: 4}, long: of > 1_000,
		setup: func(ctx context.Context, s *stage) (*contest, error) {
			m, db, err := s.load(ctx, structures(of, 0))
			if err != nil {
				return nil, err
			}
			return &contest{
				ours: each("Reload", func(ctx context.Context) error {
					changes, err := m.Reload(ctx)
					if err == nil && changes != nil {
						err = errors.New("unexpected changes: " + changes.String())
					}
					return err
				}),
				bare: []side{number(db, "SELECT 1")},
			}, nil
		},
	}
}
