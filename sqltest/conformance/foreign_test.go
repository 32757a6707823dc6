package conformance_test

// The suite on a database that differs from Postgres. It has other names of types, no
// order of rows, no SQLSTATEs, no statements that fix a blocker, another limit for names,
// and transactions that go on after a failure.

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
	"github.com/massivedb/massive-go/sqltest/conformance"
)

// A foreigner is a fake that differs from Postgres in everything that a harness can
// describe, and in details on which no rule may depend.
type foreigner struct {
	*sqltest.Fake
	db      *sql.DB
	longest int  // the maximum length of names; 0 for none
	alone   bool // as Harness.StatementsFailAlone
	next    bool // as Harness.NextOnly
	free    bool // restarts are MovesFree
	unnoted bool // as Harness.NoNoteOthers
}

func foreign(t *testing.T, c sqltest.Catalog, longest int, h conformance.Harness) foreigner {
	t.Helper()
	fake := sqltest.New(c)
	db := sql.OpenDB(foreignConnector{fake, h.StatementsFailAlone})
	t.Cleanup(func() { _ = db.Close() })
	return foreigner{fake, db, longest, h.StatementsFailAlone, h.NextOnly, h.Restarts == conformance.MovesFree, h.NoNoteOthers}
}

func (f foreigner) DB() *sql.DB              { return f.db }
func (f foreigner) Dialect() dialect.Dialect { return f }

// foreignTypes maps Postgres's types to the foreigner's.
var foreignTypes = map[string]string{"bigint": "NUMBER(19)", "text": "CLOB", "double precision": "BINARY_DOUBLE", "boolean": "BIT"}

func (f foreigner) translate(cat *dialect.Catalog) {
	cat.Server.MaxNameBytes = f.longest
	hides := func(o *dialect.Object) { o.HiddenBy = strings.Replace(o.HiddenBy, "table", "TABLE", 1) }
	for i := range cat.Matviews {
		v := &cat.Matviews[i]
		hides(&v.Object)
		for j := range v.Indexes {
			v.Indexes[j].Name = fmt.Sprintf("SYS_C00%d", v.ID)
		}
		for j := range v.Columns {
			v.Columns[j].Type = foreignTypes[v.Columns[j].Type]
		}
	}
	for i := range cat.Enums {
		hides(&cat.Enums[i].Object)
	}
	for i := range cat.Sequences {
		hides(&cat.Sequences[i].Object)
	}
}

func (f foreigner) Load(ctx context.Context, q dialect.Querier, filter dialect.Filter) (*dialect.Catalog, error) {
	cat, err := f.Fake.Load(ctx, q, filter)
	if err == nil {
		f.translate(cat)
	}
	return cat, err
}

func (f foreigner) LedgerDDL(l dialect.LedgerDefinition) (string, error) {
	if l.NoteOthers && f.unnoted {
		return dialect.NoLedger{}.LedgerDDL(l)
	}
	return f.Fake.LedgerDDL(l)
}

func (f foreigner) CreateLedger(ctx context.Context, q dialect.Querier, l dialect.LedgerDefinition) error {
	if l.NoteOthers && f.unnoted {
		return dialect.NoLedger{}.CreateLedger(ctx, q, l)
	}
	return f.Fake.CreateLedger(ctx, q, l)
}

func (f foreigner) CheckColumn(column string, field reflect.Type) (why string, known bool, err error) {
	for ours, theirs := range foreignTypes {
		if column == theirs {
			why, known, err := f.Fake.CheckColumn(ours, field)
			return strings.ReplaceAll(why, ours, theirs), known, err
		}
	}
	return "", false, nil
}

// nextOnly converts a state to one that has only the next value.
func (f foreigner) nextOnly(st dialect.SequenceState, increment int64) dialect.SequenceState {
	if f.next && st.Called {
		st.Last += increment
	}
	st.Called, st.NextOnly = st.Called && !f.next, f.next
	return st
}

func (f foreigner) SequenceState(ctx context.Context, q dialect.Querier, n dialect.Name) (dialect.SequenceState, error) {
	st, err := f.Fake.SequenceState(ctx, q, n)
	if err != nil || !f.next {
		return st, err
	}
	cat, err := f.Fake.Load(ctx, q, dialect.Filter{})
	if err != nil {
		return st, err
	}
	i := slices.IndexFunc(cat.Sequences, func(s dialect.SequenceDef) bool { return s.Name == n })
	return f.nextOnly(st, cat.Sequences[i].Increment), nil
}

func (f foreigner) RestartSequence(ctx context.Context, q dialect.Querier, n dialect.Name, at *int64) error {
	if !f.free {
		return f.Fake.RestartSequence(ctx, q, n, at)
	}
	if at == nil {
		cat, err := f.Fake.Load(ctx, q, dialect.Filter{})
		if err != nil {
			return err
		}
		for _, s := range cat.Sequences {
			if s.Name == n {
				at = &s.Start
			}
		}
	}
	if at == nil {
		at = new(int64) // the sequence is gone: the next statement returns the error
	}
	return f.Fake.SetSequenceValue(ctx, q, n, *at, false)
}

func (f foreigner) SequenceStates(ctx context.Context, q dialect.Querier, defs []*dialect.SequenceDef) ([]dialect.SequenceReading, error) {
	all, err := f.Fake.SequenceStates(ctx, q, defs)
	if err == nil && f.next {
		for i, d := range defs { // the fake has no state for an unused sequence
			all[i].State, all[i].Err = f.SequenceState(ctx, q, d.Name)
		}
	}
	return all, err
}

func (f foreigner) SequenceLags(ctx context.Context, q dialect.Querier, seqs []*dialect.SequenceDef, blocks bool) ([]dialect.SequenceLagReading, error) {
	all, err := f.Fake.SequenceLags(ctx, q, seqs, blocks)
	for i := range all {
		all[i].Lag.State = f.nextOnly(all[i].Lag.State, all[i].Lag.Increment)
	}
	return all, err
}

// RefreshBlockers returns only the reasons.
func (f foreigner) RefreshBlockers(view *dialect.MatviewDef, on dialect.Server, concurrently bool) ([]dialect.Blocker, error) {
	all, err := f.Fake.RefreshBlockers(view, on, concurrently)
	for i := range all {
		all[i] = dialect.Blocker{Reason: all[i].Reason}
	}
	return all, err
}

// Classify returns only the sentinel.
func (f foreigner) Classify(failure dialect.Failure) error {
	if e := new(foreignError); errors.As(failure.Err, &e) {
		failure.Err = e.fake
	}
	right := f.Fake.Classify(failure)
	for _, s := range []error{
		massive.ErrInvalid, massive.ErrNotFound, massive.ErrUnsupported, massive.ErrPermission, massive.ErrReadOnly, massive.ErrNotPopulated,
		massive.ErrNoUniqueIndex, massive.ErrDuplicateRows, massive.ErrBusy, massive.ErrDeadlock, massive.ErrServerTimeout, massive.ErrTxAborted,
		massive.ErrExhausted, massive.ErrOutOfRange, massive.ErrLabelExists, massive.ErrLabelUnknown,
	} {
		if errors.Is(right, s) {
			return s
		}
	}
	return right
}

// A foreignError hides an error of the fake. Only the dialect knows the fake's error.
type foreignError struct{ fake *sqltest.Error }

func (e *foreignError) Error() string { return "Error 1000 (HY000)" }

func abroad(err error) error {
	if e := new(sqltest.Error); errors.As(err, &e) {
		return &foreignError{e}
	}
	return err
}

type foreignConnector struct {
	fake  *sqltest.Fake
	alone bool
}

// stub has the methods of the fake's connections.
type stub interface {
	driver.Conn
	driver.ExecerContext
	driver.QueryerContext
	driver.ConnBeginTx
	driver.NamedValueChecker
	driver.SessionResetter
	driver.Validator
	driver.Pinger
}

func (c foreignConnector) Connect(ctx context.Context) (driver.Conn, error) {
	whole, err := c.fake.DB().Conn(ctx)
	if err != nil {
		return nil, err
	}
	f := &foreignConn{whole: whole, fake: c.fake, alone: c.alone}
	return f, whole.Raw(func(inner any) error {
		f.stub = inner.(stub) //nolint:forcetypeassert // always a stub
		return nil
	})
}

func (c foreignConnector) Driver() driver.Driver { return c.fake.DB().Driver() }

type foreignConn struct {
	stub
	whole *sql.Conn // the fake's connection
	fake  *sqltest.Fake
	alone bool
	inTx  bool
}

// Close removes the fake's connection from its pool, in any state.
func (c *foreignConn) Close() error {
	_ = c.whole.Raw(func(any) error { return driver.ErrBadConn })
	return nil
}

func (c *foreignConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	tx, err := c.stub.BeginTx(ctx, opts)
	c.inTx = err == nil
	return foreignTx{tx, c}, err
}

type foreignTx struct {
	driver.Tx
	conn *foreignConn
}

func (t foreignTx) Commit() error   { t.conn.inTx = false; return t.Tx.Commit() }
func (t foreignTx) Rollback() error { t.conn.inTx = false; return t.Tx.Rollback() }

// ExecContext and QueryContext set a savepoint before each statement of a transaction if
// statements fail alone.
func (c *foreignConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (r driver.Result, err error) {
	err = c.around(ctx, query, func() error {
		r, err = c.stub.ExecContext(ctx, query, args)
		return err
	})
	return r, err
}

func (c *foreignConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	all := &foreignRows{}
	err := c.around(ctx, query, func() error {
		rows, err := c.stub.QueryContext(ctx, query, args)
		if err != nil {
			return err
		}
		all.columns = rows.Columns()
		for all.err == nil {
			row := make([]driver.Value, len(all.columns))
			if all.err = rows.Next(row); all.err == nil {
				all.rows = append(all.rows, row)
			}
		}
		if all.err != io.EOF { //nolint:errorlint // as drivers return it
			return all.err
		}
		return nil
	})
	if err != nil && len(all.rows) == 0 {
		return nil, err
	}
	if err != nil {
		all.err = err
	}
	if strings.HasPrefix(query, "sqltest: "+string(dialect.OpSelect)) {
		slices.Reverse(all.rows)
	}
	return all, nil
}

func (c *foreignConn) around(ctx context.Context, query string, do func() error) error {
	if !c.alone || !c.inTx || strings.Contains(query, " savepoint ") {
		return abroad(do())
	}
	const name = "statement"
	q, ignoring := onConn{c.stub}, context.WithoutCancel(ctx)
	if err := c.fake.SetSavepoint(ignoring, q, name); err != nil {
		return abroad(err)
	}
	err := do()
	if err != nil {
		_ = c.fake.RollbackToSavepoint(ignoring, q, name) // the connection may be gone
	} else {
		err = c.fake.ReleaseSavepoint(ignoring, q, name)
	}
	return abroad(err)
}

// onConn is a querier on a connection, for savepoints.
type onConn struct{ stub stub }

func (q onConn) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	var named []driver.NamedValue
	for i, a := range args {
		named = append(named, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	return q.stub.ExecContext(ctx, query, named)
}

func (onConn) QueryContext(context.Context, string, ...any) (*sql.Rows, error) {
	return nil, errors.ErrUnsupported
}

func (onConn) QueryRowContext(context.Context, string, ...any) *sql.Row { return nil }

type foreignRows struct {
	columns []string
	rows    [][]driver.Value
	err     error
}

func (r *foreignRows) Columns() []string { return r.columns }
func (r *foreignRows) Close() error      { return nil }

func (r *foreignRows) Next(dest []driver.Value) error {
	if len(r.rows) == 0 {
		return r.err
	}
	copy(dest, r.rows[0])
	r.rows = r.rows[1:]
	return nil
}

func TestForeign(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		longest int
		harness conformance.Harness
	}{
		"no limit of names":     {0, conformance.Harness{}},
		"no limit in bytes":     {0, conformance.Harness{MaxNameLength: 30}},
		"longer names":          {128, conformance.Harness{NoRights: true, NoNoteOthers: true}},
		"statements fail alone": {30, conformance.Harness{StatementsFailAlone: true}},
		"no last value":         {128, conformance.Harness{NextOnly: true, NoRights: true}},
		"restarts are free": {0, conformance.Harness{
			Restarts: conformance.MovesFree, Caches: conformance.NoCache, NoRights: true, NoLockTimeout: true,
		}},
		"views alone fail alone": {0, conformance.Harness{StatementsFailAlone: true, LacksKinds: []dialect.Kind{dialect.KindEnum, dialect.KindSequence}}},
		"enums alone fail alone": {0, conformance.Harness{StatementsFailAlone: true, LacksKinds: []dialect.Kind{dialect.KindMatview, dialect.KindSequence}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.harness.Open = func(t *testing.T, cat sqltest.Catalog) conformance.Database {
				t.Helper()
				f := foreign(t, cat, c.longest, c.harness)
				return lacking{Fake: f.Fake, kinds: c.harness.LacksKinds, nameLength: c.harness.MaxNameLength, over: f, db: f.db}
			}
			conformance.Run(t, c.harness)
		})
	}
}
