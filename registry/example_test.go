package registry_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/registry"
)

// A shopDialect only loads structures. It has the defaults of all kinds, so that
// operations are unsupported.
type shopDialect struct {
	dialect.NoMatviews
	dialect.NoEnums
	dialect.NoSequences
	dialect.NoTransactions
	dialect.NoSign
	catalog func() *dialect.Catalog
}

func (shopDialect) Name() string { return "shop" }

func (d shopDialect) Load(context.Context, dialect.Querier, dialect.Filter) (*dialect.Catalog, error) {
	return d.catalog(), nil
}

func (shopDialect) Classify(dialect.Failure) error { return nil }

// before returns the database's first catalog, and after the changed one.
func before() *dialect.Catalog {
	return &dialect.Catalog{
		SearchPath: []string{"app"},
		Matviews: []dialect.MatviewDef{
			{Object: dialect.Object{ID: 1, Name: dialect.Name{Schema: "app", Name: "daily"}, Visible: true}, Populated: true},
			{Object: dialect.Object{ID: 2, Name: dialect.Name{Schema: "stats", Name: "weekly"}}},
		},
		Enums: []dialect.EnumDef{{
			Object: dialect.Object{ID: 3, Name: dialect.Name{Schema: "app", Name: "mood"}, Visible: true},
			Labels: []string{"sad", "ok", "happy"},
		}},
		Sequences: []dialect.SequenceDef{{
			Object: dialect.Object{ID: 4, Name: dialect.Name{Schema: "app", Name: "orders_id_seq"}, Visible: true},
			KeyOf:  &dialect.ColumnRef{Table: dialect.Name{Schema: "app", Name: "orders"}, Column: "id"},
		}},
	}
}

func after() *dialect.Catalog {
	c := before()
	c.Matviews = c.Matviews[:1]
	c.Enums[0].Labels = append(c.Enums[0].Labels, "elated")
	return c
}

func Example() {
	// A program would use sql.Open. This dialect sends no statements.
	db := new(sql.DB)
	r, err := registry.Load(context.Background(), db, shopDialect{catalog: before}, registry.Selection{})
	if err != nil {
		fmt.Println(err)
		return
	}

	mood, err := r.Enum("mood")
	fmt.Println(mood.Name(), mood.Values(), err)

	for _, name := range []string{"weekly", "dayly"} {
		_, err = r.Matview(name)
		fmt.Println(err)
	}
	_, err = r.Sequence("orders_id_seq")
	fmt.Println(err)

	daily, err := r.Matview("app.daily")
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = daily.Refresh(context.Background())
	fmt.Println(errors.Is(err, errors.ErrUnsupported), err)

	now, err := registry.Load(context.Background(), db, shopDialect{catalog: after}, registry.Selection{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(registry.Diff(r, now))
	fmt.Println(mood.Values(), "(unchanged)")
	// Output:
	// app.mood [sad ok happy] <nil>
	// massive: look up weekly: materialized view not found: stats.weekly exists, but its schema is not on the search path (app); look it up with its schema
	// massive: look up dayly: materialized view not found; did you mean app.daily?
	// massive: look up orders_id_seq: sequence not found: app.orders_id_seq was not loaded: it is the key sequence of app.orders.id; load it with WithKeySequences()
	// true massive: refresh app.daily: not supported here: unsupported operation: the shop dialect can't refresh materialized views
	// materialized view stats.weekly removed
	// enum app.mood changed: labels ["sad" "ok" "happy"] → ["sad" "ok" "happy" "elated"]
	// [sad ok happy] (unchanged)
}
