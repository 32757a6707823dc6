package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/registry"
)

var planRefresh = line{
	name:  "PlanRefresh",
	what:  "plan the refresh of ten thousand views with thirty thousand edges, from the loaded picture",
	bar:   bar{within: 50 * time.Millisecond, allocs: 1e6},
	modes: []mode{pgxDefault}, // nothing of it goes through a driver
	setup: func(context.Context, *stage) (*contest, error) {
		const views, reads = 10_000, 3
		return &contest{ours: each("PlanRefresh", func(context.Context) error {
			// A picture of its own each time, since what a plan is made from is kept with the picture.
			cat := &dialect.Catalog{Matviews: make([]dialect.MatviewDef, views)}
			for i := range cat.Matviews {
				v := &cat.Matviews[i]
				v.ID, v.Name, v.Populated, v.MayRefresh = int64(i+1), dialect.Name{Schema: "public", Name: fmt.Sprintf("v%05d", i)}, true, true
				for k := range min(reads, i) {
					v.Reads = append(v.Reads, int64(i-k*i/reads))
				}
			}
			p, err := registry.New(cat, registry.Selection{}, postgres.New(), nil).PlanRefresh()
			if err == nil && len(p.Steps) != views {
				err = fmt.Errorf("the plan has %d steps of %d", len(p.Steps), views)
			}
			return err
		})}, nil
	},
}

// How the views of RefreshAll lie above each other, and how long each sleeps in the server.
const (
	levels, wide = 5, 8
	nap          = 200 * time.Millisecond
)

var refreshAll = line{
	name:  "RefreshAll",
	what:  "refresh forty views in five levels of eight, each sleeping in the server, eight at a time, beside a chain of five by hand",
	bar:   bar{ratio: 1.15},
	modes: []mode{libpq, pgxDefault},
	long:  true,
	setup: func(ctx context.Context, s *stage) (*contest, error) {
		db, err := s.open(ctx, sleepers())
		if err != nil {
			return nil, err
		}
		db.SetMaxOpenConns(wide)
		db.SetMaxIdleConns(wide)
		m, err := massive.Load(ctx, db, postgres.New())
		if err != nil {
			return nil, err
		}
		return &contest{
			ours: each("RefreshAll(Parallel(8))", func(ctx context.Context) error {
				_, err := m.RefreshAll(ctx, massive.Parallel(wide))
				return err
			}),
			bare: []side{each("REFRESH … × 5", func(ctx context.Context) error {
				for level := range levels {
					if _, err := db.ExecContext(ctx, fmt.Sprintf("REFRESH MATERIALIZED VIEW v%d", level*wide)); err != nil {
						return err
					}
				}
				return nil
			})},
		}, nil
	},
}

// sleepers makes the views: each reads two of the level below.
func sleepers() string {
	var b strings.Builder
	for i := range levels * wide {
		fmt.Fprintf(&b, "CREATE MATERIALIZED VIEW v%d AS SELECT 1 AS n FROM pg_sleep(%f)", i, nap.Seconds())
		if i >= wide {
			below := i/wide*wide - wide
			fmt.Fprintf(&b, " WHERE (SELECT count(*) FROM v%d) + (SELECT count(*) FROM v%d) >= 0", below+i%wide, below+(i+3)%wide)
		}
		b.WriteString(" WITH NO DATA;\n")
	}
	return b.String()
}
