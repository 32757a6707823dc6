package conformance

// Which operations and kinds a dialect has, compared with what its harness says.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

// oneOfEach is a catalog with a structure of each kind.
var oneOfEach = sqltest.Catalog{
	Ledgers:   oneLedger,
	Matviews:  []sqltest.Matview{{Name: "v", Rows: []number{{1}}, Unique: []string{"n"}}},
	Enums:     []sqltest.Enum{{Name: "mood", Labels: []string{"sad"}}},
	Sequences: []sqltest.Sequence{{Name: "s", Increment: 5, Feeds: []string{"t.id"}}},
}

func lackingRules() []rule {
	return []rule{
		capabilities(),
		kinds(),
	}
}

func capabilities() rule {
	return rule{
		name: "capabilities",
		says: "Each operation that Harness.Lacks or Harness.LacksKinds excludes returns " +
			"ErrUnsupported. All other operations work",
		adapts: true, catalog: oneOfEach, check: checkCapabilities,
	}
}

func kinds() rule {
	return rule{
		name: "kinds", says: kindsSay, adapts: true, catalog: oneOfEach, check: checkKinds,
	}
}

// checkCapabilities checks that lacking operations return ErrUnsupported, and that all
// others work.
func checkCapabilities(c *check) {
	d := c.db.Dialect()
	if !c.can(Unchanged) {
		c.want("the sign of a load", c.m.Registry().Sign(), dialect.Sign(""))
	}
	// Operations on a lacking kind are tried on a structure that exists only in this
	// catalog.
	madeUp, err := massive.Load(c.Context(), c.db.DB(), madeUp{d})
	if err != nil {
		c.Fatal(err)
	}
	for _, a := range c.attempts() {
		m := c.m
		if c.harness.lacksKind(a.kind) {
			m = madeUp
		}
		err := a.try(c.Context(), m)
		if !slices.ContainsFunc(a.needs, c.harness.lacks) {
			if err != nil {
				c.Errorf("%s\n\t%s, which needs %v: got error %v, want none", c.rule.says, a.what, a.needs, err)
			}
			continue
		}
		if !errors.Is(err, massive.ErrUnsupported) {
			c.Errorf("%s\n\t%s, which needs %v: got error %v, want ErrUnsupported, since an operation is lacking", c.rule.says, a.what, a.needs, err)
			continue
		}
		c.fails(err, massive.ErrUnsupported)
		c.want(a.what+" wraps errors.ErrUnsupported", errors.Is(err, errors.ErrUnsupported), true)
	}
}

// A madeUp dialect loads a fixed catalog instead of the database's.
type madeUp struct{ dialect.Dialect }

func (madeUp) Load(context.Context, dialect.Querier, dialect.Filter) (*dialect.Catalog, error) {
	return madeUpCatalog(), nil
}

// madeUpCatalog returns the structures of oneOfEach.
func madeUpCatalog() *dialect.Catalog {
	object := func(id int64, name string) dialect.Object {
		return dialect.Object{ID: id, Name: dialect.Name{Schema: "public", Name: name}, Visible: true}
	}
	return &dialect.Catalog{
		Matviews: []dialect.MatviewDef{{
			Object: object(1, "v"), Columns: []dialect.Column{{Name: "n", Type: "bigint"}},
			Indexes: []dialect.Index{{Name: "v_n_idx", Columns: []string{"n"}, Unique: true}}, Populated: true, MayRefresh: true, Reachable: true,
		}},
		Enums: []dialect.EnumDef{{Object: object(1, "mood"), Labels: []string{"sad"}}},
		Sequences: []dialect.SequenceDef{{
			Object: object(1, "s"), Type: "bigint", Start: 1, Increment: 5, Min: 1, Max: 1000, Cache: 1,
			OwnedBy: &dialect.ColumnRef{Table: dialect.Name{Schema: "public", Name: "t"}, Column: "id"},
			Rights:  dialect.SequenceRights{Read: true, Next: true, Set: true, Restart: true},
		}},
	}
}

// An attempt uses each of the operations that it needs.
type attempt struct {
	what  string
	kind  dialect.Kind // the kind of structure that it uses; 0 for none
	needs []Operation
	try   func(ctx context.Context, m *massive.DB) error
}

// attempts returns attempts that use all operations. They work in this order.
func (c *check) attempts() []attempt {
	return slices.Concat(c.viewAttempts(), c.ledgerAttempts(), c.enumAttempts(), c.sequenceAttempts(), c.otherAttempts())
}

func (c *check) viewAttempts() (all []attempt) {
	with := func(what string, needs Operation, try func(ctx context.Context, v massive.Matview) error) {
		all = append(all, attempt{what, dialect.KindMatview, []Operation{needs}, func(ctx context.Context, m *massive.DB) error {
			v, err := m.Matview("v")
			if err != nil {
				return fmt.Errorf("looking up the view: %w", err)
			}
			return try(ctx, v)
		}})
	}
	var n number
	with("Definition", MatviewDefinition, func(ctx context.Context, v massive.Matview) error { _, err := v.Definition(ctx); return err })
	with("Size", MatviewSize, func(ctx context.Context, v massive.Matview) error { _, err := v.Size(ctx); return err })
	with("Select", SelectMatview, func(ctx context.Context, v massive.Matview) error { return v.Select(ctx, &[]number{}, "") })
	with("Get", SelectMatview, func(ctx context.Context, v massive.Matview) error { return v.Get(ctx, &n, "") })
	with("Count", SelectMatview, func(ctx context.Context, v massive.Matview) error { _, err := v.Count(ctx, ""); return err })
	with("Rows", SelectMatview, func(ctx context.Context, v massive.Matview) (all error) {
		for _, err := range massive.Rows[number](ctx, v, "") {
			all = errors.Join(all, err)
		}
		return all
	})
	for what, opts := range map[string][]massive.RefreshOption{
		"Refresh": nil, "Refresh(Concurrently())": concurrently, "Refresh(ConcurrentlyIfPossible())": ifPossible,
		"Refresh(Analyze())":    {massive.Analyze()},
		"Refresh(SkipIfBusy())": {massive.SkipIfBusy()}, "Refresh(LockTimeout(…))": {massive.LockTimeout(time.Minute)},
	} {
		with(what, RefreshMatview, func(ctx context.Context, v massive.Matview) error { _, err := v.Refresh(ctx, opts...); return err })
	}
	for _, mode := range []massive.RefreshMode{massive.ModeBlocking, massive.ModeConcurrent} {
		with(fmt.Sprintf("CheckRefresh(%v)", mode), RefreshMatview, func(_ context.Context, v massive.Matview) error { return v.CheckRefresh(mode) })
	}
	with("Refresh(WithNoData())", RefreshMatview, func(ctx context.Context, v massive.Matview) error {
		_, err := v.Refresh(ctx, massive.WithNoData())
		return err
	})
	all = append(all, attempt{"RefreshAll", dialect.KindMatview, []Operation{RefreshMatview}, func(ctx context.Context, m *massive.DB) error {
		_, err := m.RefreshAll(ctx)
		return err
	}}, attempt{"Plan.Run", dialect.KindMatview, []Operation{RefreshMatview}, func(ctx context.Context, m *massive.DB) error {
		p, err := m.PlanRefresh(massive.Views("v"))
		if err != nil {
			return fmt.Errorf("PlanRefresh: %w", err)
		}
		_, err = p.Run(ctx)
		return err
	}})
	if c.has(dialect.KindMatview) {
		expects := massive.RowsAre[number]("v")
		all = append(all, attempt{"Verify(RowsAre(…))", 0, []Operation{CheckColumn}, func(ctx context.Context, _ *massive.DB) error {
			return c.m.Verify(ctx, expects)
		}}, attempt{"Load with Expect(RowsAre(…))", 0, []Operation{CheckColumn}, func(ctx context.Context, _ *massive.DB) error {
			_, err := massive.Load(ctx, c.db.DB(), c.db.Dialect(), massive.Expect(expects))
			return err
		}})
	}
	return all
}

func (c *check) enumAttempts() (all []attempt) {
	with := func(what string, needs Operation, try func(ctx context.Context, m *massive.DB) error) {
		all = append(all, attempt{what, dialect.KindEnum, []Operation{needs}, try})
	}
	with("UsedBy", EnumColumns, func(ctx context.Context, m *massive.DB) error {
		e, err := m.Enum("mood")
		if err != nil {
			return fmt.Errorf("looking up the enum: %w", err)
		}
		_, err = e.UsedBy(ctx)
		return err
	})
	with("AddEnumLabel", AddEnumLabel, func(ctx context.Context, m *massive.DB) error {
		_, err := m.Registry().AddEnumLabel(ctx, "mood", "new", dialect.LabelPlace{}, false, nil)
		return err
	})
	with("AddEnumLabel of a label that may exist", AddEnumLabel, func(ctx context.Context, m *massive.DB) error {
		_, err := m.Registry().AddEnumLabel(ctx, "mood", "new", dialect.LabelPlace{}, true, nil)
		return err
	})
	with("RenameEnumLabel", RenameEnumLabel, func(ctx context.Context, m *massive.DB) error {
		return m.Registry().RenameEnumLabel(ctx, "mood", "sad", "glum", nil)
	})
	if c.has(dialect.KindEnum) {
		with("AddValue", AddEnumLabel, func(ctx context.Context, _ *massive.DB) error { return mood(c, c.m).AddValue(ctx, "ok") })
		with("EnsureValue", AddEnumLabel, func(ctx context.Context, _ *massive.DB) error {
			_, err := mood(c, c.m).EnsureValue(ctx, "ok")
			return err
		})
		with("RenameValue", RenameEnumLabel, func(ctx context.Context, _ *massive.DB) error {
			return mood(c, c.m).RenameValue(ctx, "glum", "sad")
		})
	}
	return all
}

func (c *check) ledgerAttempts() (all []attempt) {
	d := c.db.Dialect()
	def, v := dialect.LedgerDefinition{Ledger: ledger}, inPublic("v")
	for what, try := range map[string]func(context.Context) error{
		"LedgerDDL":     func(context.Context) error { _, err := d.LedgerDDL(def); return err },
		"CreateLedger":  func(ctx context.Context) error { return d.CreateLedger(ctx, c.q, def) },
		"CheckLedger":   func(ctx context.Context) error { return d.CheckLedger(ctx, c.q, ledger) },
		"Freshness":     func(ctx context.Context) error { _, err := d.Freshness(ctx, c.q, ledger, nil); return err },
		"DataAge":       func(ctx context.Context) error { _, _, err := d.DataAge(ctx, c.q, ledger, v); return err },
		"RecordFailure": func(ctx context.Context) error { return d.RecordFailure(ctx, c.q, ledger, v, "no reason") },
	} {
		all = append(all, attempt{what, dialect.KindMatview, []Operation{CreateLedger}, func(ctx context.Context, _ *massive.DB) error {
			return c.explained(ctx, dialect.OpLedger, dialect.Name{}, try(ctx))
		}})
	}
	return all
}

func (c *check) sequenceAttempts() (all []attempt) {
	with := func(what string, needs Operation, try func(ctx context.Context, s massive.Sequence) error) {
		all = append(all, attempt{what, dialect.KindSequence, []Operation{needs}, func(ctx context.Context, m *massive.DB) error {
			s, err := m.Sequence("s")
			if err != nil {
				return fmt.Errorf("looking up the sequence: %w", err)
			}
			return try(ctx, s)
		}})
	}
	if !c.harness.NextOnly {
		with("LastValue", SequenceState, func(ctx context.Context, s massive.Sequence) error { _, err := s.LastValue(ctx); return err })
	}
	with("State", SequenceState, func(ctx context.Context, s massive.Sequence) error { _, err := s.State(ctx); return err })
	with("NextValue", NextSequenceValue, func(ctx context.Context, s massive.Sequence) error { _, err := s.NextValue(ctx); return err })
	with("Reset", RestartSequence, func(ctx context.Context, s massive.Sequence) error { return s.Reset(ctx) })
	with("ResetTo", RestartSequence, func(ctx context.Context, s massive.Sequence) error { return s.ResetTo(ctx, 7) })
	with("Restart", RestartSequence, func(ctx context.Context, s massive.Sequence) error { return s.Restart(ctx) })
	with("NextValues", NextSequenceValues, func(ctx context.Context, s massive.Sequence) error { _, err := s.NextValues(ctx, 2); return err })
	with("NextBlock", NextSequenceBlock, func(ctx context.Context, s massive.Sequence) error { _, err := s.NextBlock(ctx); return err })
	for what, o := range map[string]struct {
		how   massive.AllocatorOption
		needs Operation
	}{"NewAllocator(BlockSize(2))": {massive.BlockSize(2), NextSequenceValues}, "NewAllocator(HiLo(5))": {massive.HiLo(5), NextSequenceBlock}} {
		with(what, o.needs, func(ctx context.Context, s massive.Sequence) error {
			a, err := massive.NewAllocator(s, o.how)
			if err != nil {
				return err
			}
			defer a.Close()
			_, err = a.Next(ctx)
			return err
		})
	}
	for _, called := range []bool{false, true} {
		with(fmt.Sprintf("SetValue(5, %v)", called), SetSequenceValue, func(ctx context.Context, s massive.Sequence) error { return s.SetValue(ctx, 5, called) })
	}
	with("Lag", SequenceLags, func(ctx context.Context, s massive.Sequence) error { _, err := s.Lag(ctx); return err })
	with("CatchUp", CatchUpSequence, func(ctx context.Context, s massive.Sequence) error { _, err := s.CatchUp(ctx); return err })
	all = append(all, attempt{"Lag of all sequences", dialect.KindSequence, []Operation{SequenceLags}, func(ctx context.Context, m *massive.DB) error {
		_, err := m.Lag(ctx)
		return err
	}})
	return append(all, attempt{"Exhaustion", dialect.KindSequence, []Operation{SequenceStates}, func(ctx context.Context, m *massive.DB) error {
		_, err := m.Exhaustion(ctx)
		return err
	}})
}

func (c *check) otherAttempts() []attempt {
	inside := func(try func(m *massive.DB) error) func(context.Context, *massive.DB) error {
		return func(_ context.Context, m *massive.DB) error {
			tx := begin(c, c.db.DB(), nil)
			defer func() { undo(tx.Rollback) }()
			return try(m.With(tx))
		}
	}
	return []attempt{
		{"SetSavepoint", 0, []Operation{SetSavepoint}, func(ctx context.Context, _ *massive.DB) error {
			tx := begin(c, c.db.DB(), nil)
			defer func() { undo(tx.Rollback) }()
			if err := c.db.Dialect().SetSavepoint(ctx, tx, "one"); err != nil {
				return &massive.Error{Op: "test", Err: err}
			}
			return nil
		}},
		{"RefreshAll(Savepoints())", dialect.KindMatview, []Operation{SetSavepoint, RefreshMatview}, inside(func(m *massive.DB) error {
			_, err := m.RefreshAll(c.Context(), massive.Savepoints())
			return err
		})},
	}
}
