package sqltest_test

// Databases that lack a whole kind of structure pass the suite where their harness says so, and only there.

import (
	"context"
	"database/sql"
	"slices"
	"testing"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/sqltest"
)

// A lacking database is a fake that knows nothing of some kinds, and of no capability that is about them.
type lacking struct {
	*sqltest.Fake
	kinds []dialect.Kind
	leaks bool // it loads something of what it lacks all the same

	// What stands between it and the fake, if anything does.
	over whole
	db   *sql.DB
}

func (l lacking) DB() *sql.DB {
	if l.db != nil {
		return l.db
	}
	return l.Fake.DB()
}

func (l lacking) lacks(k dialect.Kind) bool { return slices.Contains(l.kinds, k) }

// open refuses a catalog that holds what is lacking, and so does Do a change.
func (l lacking) open(t *testing.T, c sqltest.Catalog) sqltest.Database {
	t.Helper()
	l.refuse(t, c)
	l.Fake = sqltest.New(c)
	return l
}

// forgetful leaves that out instead.
func (l lacking) forgetful(_ *testing.T, c sqltest.Catalog) sqltest.Database {
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

// Capabilities by kind, and those of none.
type (
	views interface {
		dialect.MatviewReader
		dialect.MatviewRefresher
		dialect.RowChecker
	}
	enums interface {
		dialect.EnumReader
		dialect.EnumAlterer
	}
	sequences interface {
		dialect.SequenceReader
		dialect.SequenceMover
		dialect.SequenceReserver
		dialect.SequenceSetter
		dialect.SequenceAuditor
		dialect.SequenceMender
	}
	others interface {
		dialect.Savepointer
		dialect.ChangeDetector
	}
)

// whole is a dialect with all of them.
type whole interface {
	dialect.Dialect
	views
	enums
	sequences
	others
}

func (l lacking) Dialect() dialect.Dialect {
	type base struct {
		partial
		others
	}
	all := l.over
	if all == nil {
		all = l.Fake
	}
	b := base{partial{all, l}, all}
	v, e, s := views(all), enums(all), sequences(all)
	switch noViews, noEnums, noSequences := l.lacks(dialect.KindMatview), l.lacks(dialect.KindEnum), l.lacks(dialect.KindSequence); {
	case noViews && noEnums:
		return struct {
			base
			sequences
		}{b, s}
	case noViews && noSequences:
		return struct {
			base
			enums
		}{b, e}
	case noEnums && noSequences:
		return struct {
			base
			views
		}{b, v}
	case noViews:
		return struct {
			base
			enums
			sequences
		}{b, e, s}
	case noEnums:
		return struct {
			base
			views
			sequences
		}{b, v, s}
	case noSequences:
		return struct {
			base
			views
			enums
		}{b, v, e}
	}
	return all
}

// A partial dialect is what a lacking database has of a dialect's own methods.
type partial struct {
	dialect.Dialect
	of lacking
}

func (p partial) Load(ctx context.Context, q dialect.Querier, f dialect.Filter) (*dialect.Catalog, error) {
	cat, err := p.Dialect.Load(ctx, q, f)
	if err == nil && p.of.leaks {
		p.of.leak(cat)
	}
	return cat, err
}

// leak adds a structure of each kind that is lacking, such as one of the system's.
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

// Each kind may be lacking, alone or with another.
func TestKindsLacking(t *testing.T) {
	t.Parallel()
	for name, kinds := range map[string][]dialect.Kind{
		"no views": {dialect.KindMatview}, "no enums": {dialect.KindEnum}, "no sequences": {dialect.KindSequence},
		"views alone": {dialect.KindEnum, dialect.KindSequence}, "enums alone": {dialect.KindMatview, dialect.KindSequence},
		"sequences alone": {dialect.KindMatview, dialect.KindEnum},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sqltest.TestDialect(t, sqltest.Harness{LacksKinds: kinds, Open: lacking{kinds: kinds}.open})
		})
	}
}
