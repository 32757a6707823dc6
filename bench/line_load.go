package main

import (
	"context"
	"database/sql"
	"errors"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
)

var load = line{
	name:  "Load",
	what:  "load a thousand of each kind, beside the same statement scanned into the same Go types",
	bar:   bar{ratio: 1.10},
	setup: func(ctx context.Context, s *stage) (*contest, error) { return s.loading(ctx, structures(1_000, 0)) },
}

var load10000 = line{
	name:  "Load10000",
	what:  "the same for ten thousand of each kind",
	bar:   bar{ratio: 1.10},
	modes: []mode{libpq, pgxDefault},
	long:  true,
	setup: func(ctx context.Context, s *stage) (*contest, error) { return s.loading(ctx, structures(10_000, 0)) },
}

var loadAmongTables = line{
	name:  "LoadAmongTables",
	what:  "load ten thousand of each kind among a hundred thousand tables, beside the same load without the tables",
	bar:   bar{ratio: 1.15},
	modes: []mode{libpq, pgxDefault},
	long:  true,
	setup: func(ctx context.Context, s *stage) (*contest, error) {
		loads := func(name, made string) (side, error) {
			db, err := s.open(ctx, made)
			return each(name, func(ctx context.Context) error {
				_, err := massive.Load(ctx, db, postgres.New())
				return err
			}), err
		}
		among, err := loads("Load", structures(10_000, 100_000))
		if err != nil {
			return nil, err
		}
		alone, err := loads("Load, no tables", structures(10_000, 0))
		return &contest{ours: among, bare: []side{alone}}, err
	},
}

var reload = line{
	name: "Reload",
	what: "reload a thousand of each kind and compare them with what was there, beside the same statement",
	bar:  bar{ratio: 1.10},
	setup: func(ctx context.Context, s *stage) (*contest, error) {
		c, err := s.loading(ctx, structures(1_000, 0))
		if err != nil {
			return nil, err
		}
		m, err := massive.Load(ctx, s.pools[0], postgres.New())
		if err != nil {
			return nil, err
		}
		c.ours = each("Reload", func(ctx context.Context) error {
			changes, err := m.Reload(ctx)
			if err == nil && changes != nil {
				return errors.New("something has changed: " + changes.String())
			}
			return err
		})
		return c, nil
	},
}

// loading is a load beside its own statement, scanned into the Go types that a load scans it into.
func (s *stage) loading(ctx context.Context, made string) (*contest, error) {
	db, err := s.open(ctx, made)
	if err != nil {
		return nil, err
	}
	text, err := catalogStatement(ctx, db)
	if err != nil {
		return nil, err
	}
	return &contest{
		ours: each("Load", func(ctx context.Context) error {
			_, err := massive.Load(ctx, db, postgres.New())
			return err
		}),
		bare: []side{each("the same statement", func(ctx context.Context) error { return scanCatalog(ctx, db, text) })},
	}, nil
}

// A listener hears the text of the statement that a load sends.
type listener struct {
	dialect.Querier
	text string
}

func (l *listener) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	l.text = query
	return l.Querier.QueryContext(ctx, query, args...)
}

func catalogStatement(ctx context.Context, db *sql.DB) (string, error) {
	l := &listener{Querier: db}
	_, err := postgres.New().Load(ctx, l, dialect.Filter{})
	return l.text, err
}

// scanCatalog reads the catalog statement's rows as the dialect does, and forgets them.
func scanCatalog(ctx context.Context, db *sql.DB, text string) error {
	rows, err := db.QueryContext(ctx, text)
	if err != nil {
		return err
	}
	defer rows.Close()
	var (
		kind, name string
		id         int64
		ns         sql.NullInt64
		texts      [7]sql.NullString
	)
	dest := []any{&kind, &id, &ns, &name}
	for i := range texts {
		dest = append(dest, &texts[i])
	}
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
	}
	return rows.Err()
}
