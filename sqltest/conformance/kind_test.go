package conformance_test

// Databases that lack a kind of structure pass the suite only if their harness lists the
// kind.

import (
	"context"
	"database/sql"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/sqltest"
	"github.com/massivedb/massive-go/sqltest/conformance"
)

// A lacking database is a fake without some kinds and their operations.
type lacking struct {
	*sqltest.Fake
	kinds []dialect.Kind
	leaks bool // it loads a structure of a lacking kind

	nameLength int // the longest name of a sequence in characters; 0 means no limit

	// over and db replace the fake as dialect and database, if they are set.
	over dialect.Dialect
	db   *sql.DB
}

func (l lacking) DB() *sql.DB {
	if l.db != nil {
		return l.db
	}
	return l.Fake.DB()
}

func (l lacking) lacks(k dialect.Kind) bool { return slices.Contains(l.kinds, k) }

// open fails the test if the catalog has a structure of a lacking kind. Do does so for a
// change.
func (l lacking) open(t *testing.T, c sqltest.Catalog) conformance.Database {
	t.Helper()
	l.refuse(t, c)
	l.Fake = sqltest.New(c)
	return l
}

// forgetful drops these structures from the catalog instead.
func (l lacking) forgetful(_ *testing.T, c sqltest.Catalog) conformance.Database {
	if l.lacks(dialect.KindMatview) {
		c.Matviews, c.Views = nil, nil
	}
	if l.lacks(dialect.KindEnum) {
		c.Enums = nil
	}
	if l.lacks(dialect.KindSequence) {
		c.Sequences = nil
	}
	l.Fake = sqltest.New(c)
	return l
}

func (l lacking) refuse(t testing.TB, c sqltest.Catalog) {
	t.Helper()
	for k, n := range map[dialect.Kind]int{
		dialect.KindMatview: len(c.Matviews) + len(c.Views), dialect.KindEnum: len(c.Enums), dialect.KindSequence: len(c.Sequences),
	} {
		if n > 0 && l.lacks(k) {
			t.Fatalf("this database has no %s", k)
		}
	}
	for _, s := range c.Sequences {
		if l.nameLength > 0 && utf8.RuneCountInString(s.Name) > l.nameLength {
			t.Fatalf("the name %s has more than %d characters", s.Name, l.nameLength)
		}
	}
}

func (l lacking) Do(t testing.TB, changes ...sqltest.Change) {
	t.Helper()
	for _, change := range changes {
		switch c := change.(type) {
		case sqltest.Create:
			l.refuse(t, sqltest.Catalog(c))
		case sqltest.AddLabel:
			l.refuse(t, sqltest.Catalog{Enums: make([]sqltest.Enum, 1)})
		case sqltest.SetRows:
			l.refuse(t, sqltest.Catalog{Matviews: make([]sqltest.Matview, 1)})
		case sqltest.Insert:
			l.refuse(t, sqltest.Catalog{Sequences: make([]sqltest.Sequence, 1)})
		}
	}
	l.Fake.Do(t, changes...)
}

func (l lacking) Dialect() dialect.Dialect {
	all := l.over
	if all == nil {
		all = l.Fake
	}
	return leaky{partial{all, func(o conformance.Operation) bool { return !l.lacks(conformance.KindOf(o)) }}, l}
}

// A leaky dialect loads a structure of each lacking kind if leaks is set.
type leaky struct {
	partial
	of lacking
}

func (p leaky) Load(ctx context.Context, q dialect.Querier, f dialect.Filter) (*dialect.Catalog, error) {
	cat, err := p.partial.Load(ctx, q, f)
	if err == nil && p.of.leaks {
		p.of.leak(cat)
	}
	return cat, err
}

// leak adds a structure of each lacking kind.
func (l lacking) leak(cat *dialect.Catalog) {
	o := dialect.Object{ID: 1, Name: dialect.Name{Schema: "hidden", Name: "leaked"}}
	if l.lacks(dialect.KindMatview) {
		cat.Matviews = append(cat.Matviews, dialect.MatviewDef{Object: o})
	}
	if l.lacks(dialect.KindEnum) {
		cat.Enums = append(cat.Enums, dialect.EnumDef{Object: o})
	}
	if l.lacks(dialect.KindSequence) {
		cat.Sequences = append(cat.Sequences, dialect.SequenceDef{Object: o, Increment: 1})
	}
}

// A database can lack each kind, alone or with another.
func TestKindsLacking(t *testing.T) {
	t.Parallel()
	for name, kinds := range map[string][]dialect.Kind{
		"no views": {dialect.KindMatview}, "no enums": {dialect.KindEnum}, "no sequences": {dialect.KindSequence},
		"views alone": {dialect.KindEnum, dialect.KindSequence}, "enums alone": {dialect.KindMatview, dialect.KindSequence},
		"sequences alone": {dialect.KindMatview, dialect.KindEnum},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conformance.Run(t, conformance.Harness{LacksKinds: kinds, Open: lacking{kinds: kinds}.open})
		})
	}
}
