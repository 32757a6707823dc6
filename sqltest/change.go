package sqltest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/massivedb/massive-go/dialect"
)

// Look compares all that a load returns with what it returned at an earlier look.
func (f *Fake) Look(ctx context.Context, q dialect.Querier, filter dialect.Filter, since dialect.Sight) (dialect.Sight, bool, error) {
	var now dialect.Sight
	err := f.ask(ctx, q, Call{Op: dialect.OpWatch}, func(_ context.Context, s *session) ([]driver.Value, error) {
		var err error
		now, err = sightOf(f.catalog(s, filter))
		return nil, err
	})
	if err != nil {
		return since, false, err
	}
	return now, now != since, nil
}

// LoadSeen returns what Load and Look do, at one moment.
func (f *Fake) LoadSeen(ctx context.Context, q dialect.Querier, filter dialect.Filter) (*dialect.Catalog, dialect.Sight, error) {
	var cat *dialect.Catalog
	var now dialect.Sight
	err := f.ask(ctx, q, Call{Op: dialect.OpLoad}, func(_ context.Context, s *session) (_ []driver.Value, err error) {
		cat = f.catalog(s, filter)
		now, err = sightOf(cat)
		return nil, err
	})
	return cat, now, err
}

// sightOf is a catalog as a short text, which no other catalog has.
func sightOf(cat *dialect.Catalog) (dialect.Sight, error) {
	slices.SortFunc(cat.Matviews, func(a, b dialect.MatviewDef) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(cat.Enums, func(a, b dialect.EnumDef) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(cat.Sequences, func(a, b dialect.SequenceDef) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(cat.Views, func(a, b dialect.ViewDef) int { return cmp.Compare(a.ID, b.ID) })
	text, err := json.Marshal(cat)
	return dialect.Sight(fmt.Sprintf("%x", sha256.Sum256(text))), err
}
