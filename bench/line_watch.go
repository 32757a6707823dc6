package main

import (
	"context"
	"errors"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/registry"
)

var lookQuiet = line{
	name:  "LookQuiet",
	what:  "look for changes of a thousand of each kind where nobody writes, beside a load",
	bar:   bar{ratio: 0.25},
	setup: func(ctx context.Context, s *stage) (*contest, error) { return s.looking(ctx, false) },
}

var lookBusy = line{
	name:  "LookBusy",
	what:  "look for changes of a thousand of each kind where somebody has written since the last look, beside a load",
	bar:   bar{ratio: 0.25},
	setup: func(ctx context.Context, s *stage) (*contest, error) { return s.looking(ctx, true) },
}

var errChanged = errors.New("a look at what nobody changed says that it changed")

// looking looks on one connection: another one's snapshot is no sign of quiet for this one.
func (s *stage) looking(ctx context.Context, busy bool) (*contest, error) {
	db, err := s.open(ctx, structures(1_000, 0))
	if err != nil {
		return nil, err
	}
	d := postgres.New()
	var seen dialect.Sight
	look := func(ctx context.Context) error {
		now, changed, err := registry.Look(ctx, db, d, registry.Selection{}, seen)
		if err == nil && changed {
			err = errChanged
		}
		if !busy { // what two looks in a row have seen, the next one goes by; that of a load it does not go by
			seen = now
		}
		return err
	}
	_, seen, err = registry.LoadSeen(ctx, db, d, registry.Selection{})
	if err != nil {
		return nil, err
	}
	return &contest{
		ours: each("Look", look),
		bare: []side{each("Load", func(ctx context.Context) error {
			_, err := registry.Load(ctx, db, d, registry.Selection{})
			return err
		})},
	}, nil
}
