package sqltest_test

// A fake and a real Postgres with the same catalog, and the steps that tests take on
// both.

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/registry"
	"github.com/massivedb/massive-go/sqltest"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

// An action is the operation of a step.
type action string

const (
	begin               action = "begin"
	beginReadOnly       action = "begin read-only"
	commit              action = "commit"
	rollback            action = "rollback"
	nextValue           action = "next value"
	lastValue           action = "last value"
	state               action = "state"
	reset               action = "reset"
	resetTo             action = "reset to"
	restart             action = "restart"
	nextValues          action = "next values"
	nextBlock           action = "next block"
	setValue            action = "set to"
	setUncalled         action = "set, not called, to"
	behind              action = "behind"
	catchUp             action = "catch up"
	exhaustion          action = "exhaustion" // of all sequences
	refresh             action = "refresh"
	refreshConcurrently action = "refresh concurrently"
	refreshIfPossible   action = "refresh concurrently if possible"
	refreshNoData       action = "refresh with no data"
	refreshBoth         action = "refresh concurrently with no data"
	refreshIfOlder      action = "refresh if older"
	freshness           action = "freshness" // of all views
	canRefresh          action = "can refresh"
	refreshAll          action = "refresh all"
	refreshOnPool       action = "refresh all, on the pool,"
	selectRows          action = "select"
	getRow              action = "get"
	countRows           action = "count"
	streamRows          action = "rows"
	streamSome          action = "rows, up to the first"
	definition          action = "definition"
	addLabel            action = "add label"
	ensureLabel         action = "ensure label"
	renameLabel         action = "rename label"
	usedBy              action = "used by"
	appendLabel         action = "append label" // AppendLocalLabels
	setSavepoint        action = "set savepoint"
	rollbackSavepoint   action = "roll back to savepoint"
	releaseSavepoint    action = "release savepoint"
	verify              action = "verify"
	verifyMore          action = "verify, allowing extra," // labels or columns
	watch               action = "watch"                   // the changes that a watch would report now
	look                action = "look"                    // everything, after a reload in the session
	reload              action = "reload"
	change              action = "change"
)

// A step is an operation of one session, or an operation without a session, such as
// reload or change.
type step struct {
	session int
	do      action
	name    string // the structure or the savepoint
	value   int64  // the value of ResetTo and SetValue, the number of NextValues, or the seconds of RefreshIfOlderThan
	change  sqltest.Change

	label, other  string // the label to add or to rename, and its neighbour or its new text
	before, after bool   // whether an added label comes before or after other; both false for the end

	unlessBusy, soon bool // the options SkipIfBusy, and LockTimeout with a very short timeout
	analyze          bool // the option Analyze

	run run // of refreshAll and refreshOnPool
}

// A run has the options of a plan.
type run struct {
	views                []string // all if empty
	upstream, downstream bool
	stop, savepoints     bool
	parallel             int // 0 if not set
	mode                 action
}

// soon is a lock timeout that ends before another session releases a lock. It is longer
// than the lock that autovacuum takes to truncate a catalog table, which would look like
// a busy structure.
const soon = 100 * time.Millisecond

// options returns the refresh options of a step.
func (st step) options(mode action) (opts []massive.RefreshOption) {
	switch mode {
	case refreshConcurrently:
		opts = append(opts, massive.Concurrently())
	case refreshIfPossible:
		opts = append(opts, massive.ConcurrentlyIfPossible())
	case refreshNoData:
		opts = append(opts, massive.WithNoData())
	case refreshBoth:
		opts = append(opts, massive.Concurrently(), massive.WithNoData())
	}
	if st.analyze {
		opts = append(opts, massive.Analyze())
	}
	if st.unlessBusy {
		opts = append(opts, massive.SkipIfBusy())
	}
	if st.soon {
		opts = append(opts, massive.LockTimeout(soon))
	}
	return opts
}

// plan returns the plan options of a step.
func (st step) plan() []massive.PlanOption {
	var opts []massive.PlanOption
	r := st.run
	if r.views != nil {
		opts = append(opts, massive.Views(r.views...))
	}
	for _, o := range []struct {
		given  bool
		option func() massive.PlanOption
	}{
		{r.upstream, massive.Upstream}, {r.downstream, massive.Downstream},
		{r.stop, massive.StopOnError}, {r.savepoints, massive.Savepoints},
	} {
		if o.given {
			opts = append(opts, o.option())
		}
	}
	if r.parallel > 0 {
		opts = append(opts, massive.Parallel(r.parallel))
	}
	if how := st.options(r.mode); how != nil {
		opts = append(opts, massive.RefreshWith(how...))
	}
	return opts
}

func (st step) String() string {
	switch st.do {
	case change:
		text, err := json.Marshal(st.change)
		if err != nil {
			text = fmt.Appendf(nil, "%+v", st.change)
		}
		return fmt.Sprintf("   %T %s", st.change, text)
	case reload:
		return "   reload"
	case resetTo:
		return fmt.Sprintf("%d: reset %s to %d", st.session, st.name, st.value)
	case addLabel, ensureLabel, renameLabel:
		return fmt.Sprintf("%d: %s %s %q, %q (before %v, after %v)", st.session, st.do, st.name, st.label, st.other, st.before, st.after)
	case nextValues, setValue, setUncalled:
		return fmt.Sprintf("%d: %s %s %d", st.session, st.do, st.name, st.value)
	case refresh, refreshConcurrently, refreshIfPossible, refreshNoData, refreshBoth:
		return fmt.Sprintf("%d: %s %s (analyze %v, unless busy %v, soon %v)", st.session, st.do, st.name, st.analyze, st.unlessBusy, st.soon)
	case refreshIfOlder:
		return fmt.Sprintf("%d: %s %s (%ds, if possible %v, unless busy %v, soon %v)", st.session, st.do, st.name, st.value, st.before, st.unlessBusy, st.soon)
	case refreshAll, refreshOnPool:
		return fmt.Sprintf("%d: %s %+v (analyze %v, unless busy %v, soon %v)", st.session, st.do, st.run, st.analyze, st.unlessBusy, st.soon)
	case appendLabel:
		return fmt.Sprintf("   %s %s %q", st.do, st.name, st.label)
	case verify, verifyMore:
		return fmt.Sprintf("%d: %s %s: labels %q, %q, or rows (wide %v)", st.session, st.do, st.name, st.label, st.other, st.after)
	case watch:
		return "   watch"
	default:
		return fmt.Sprintf("%d: %s %s", st.session, st.do, st.name)
	}
}

// An outcome is the result of a step as text, with the SQLSTATE and the text of its
// error.
type outcome struct{ text, state, says string }

// blocked is the outcome of a step that waited for another session's transaction and was
// cancelled.
var blocked = outcome{text: "blocked"}

func (o outcome) String() string {
	if o.says == "" {
		return o.text
	}
	return o.text + " (" + o.says + ")"
}

// same reports whether two outcomes are equal. If a structure was dropped, a server that
// still caches its name may return an internal error.
func (o outcome) same(p outcome) bool {
	return o.text == p.text && (o.state == p.state || o.state == "" || p.state == "" || o.state == "XX000" || p.state == "XX000")
}

// sentinels has the sentinels that an error can wrap.
var sentinels = []error{
	massive.ErrInvalid, massive.ErrNotFound, massive.ErrUnsupported, massive.ErrPermission, massive.ErrReadOnly,
	massive.ErrNotPopulated, massive.ErrNoUniqueIndex, massive.ErrDuplicateRows, massive.ErrBusy, massive.ErrDeadlock,
	massive.ErrServerTimeout, massive.ErrTxAborted, massive.ErrExhausted, massive.ErrOutOfRange, massive.ErrLabelExists,
	massive.ErrLabelUnknown, massive.ErrLabelUncommitted, massive.ErrDrift, context.Canceled, context.DeadlineExceeded,
	sql.ErrNoRows,
}

// failure returns the outcome of an error: the operation, the structure and the
// sentinels.
func failure(err error) outcome {
	var words []string
	var e *massive.Error
	if errors.As(err, &e) {
		words = append(words, string(e.Op), e.Name.String()+":")
	}
	known := len(words)
	for _, s := range sentinels {
		if errors.Is(err, s) {
			words = append(words, s.Error())
		}
	}
	if len(words) == known {
		words = append(words, "some error")
	}
	o := outcome{text: strings.Join(words, " "), says: err.Error()}
	var s interface{ SQLState() string }
	if errors.As(err, &s) {
		o.state = s.SQLState()
	}
	return o
}

// answer returns the outcome of an operation that returns a value.
func answer[T any](v T, err error) outcome {
	if err != nil {
		return failure(err)
	}
	return outcome{text: fmt.Sprint(v)}
}

// A side is a database, fake or real, with sessions.
type side struct {
	t        testing.TB
	db       *sql.DB
	dialect  dialect.Dialect
	m        *massive.DB
	do       func(testing.TB, ...sqltest.Change)
	sessions [3]*session

	watched *registry.Registry // what the last watch published

	hasty bool                  // the catalog's LockTimeout keeps operations from waiting
	waits func(s *session) bool // reports whether the session waits for another session
	ended func(pid int)         // waits until the server has closed a connection; nil for the fake
	pid   func(c *sql.Conn) int // returns the backend of a connection; nil for the fake
}

// A session is a connection, sometimes in a transaction.
type session struct {
	conn *sql.Conn
	tx   *sql.Tx
	pid  int
}

func (s *session) querier() massive.Querier {
	if s.tx != nil {
		return s.tx
	}
	return s.conn
}

// fakeSide returns a side with a fake that holds the catalog.
func fakeSide(t testing.TB, c sqltest.Catalog, opts ...massive.LoadOption) *side {
	t.Helper()
	f := sqltest.New(c)
	s := &side{t: t, db: f.DB(), do: f.Do, hasty: c.LockTimeout > 0, waits: func(*session) bool { return f.Waits() }}
	s.open(f, opts)
	return s
}

// A server is a database of a real Postgres. Sides use it one after the other.
type server struct {
	*pgtest.Database
	watch *sql.DB // of a role that sees all sessions
}

// schemas are the schemas that these catalogs use.
var schemas = []string{"public", "app", "X.y"}

func newServer(t testing.TB) *server {
	t.Helper()
	d := pgtest.NewDatabase(t)
	s := &server{d, d.Open(t, "pgx", "default_query_exec_mode=simple_protocol")}
	d.Fill(t, sqltest.Catalog{})
	return s
}

// side returns a side that holds the catalog only. The previous side must be closed.
func (sv *server) side(t testing.TB, driver string, c sqltest.Catalog, opts ...massive.LoadOption) *side {
	t.Helper()
	sv.Exec(t, fmt.Sprintf(`SET client_min_messages = warning;
		DROP SCHEMA IF EXISTS public, app, "X.y", log, massive_rows CASCADE;
		CREATE SCHEMA public; CREATE SCHEMA massive_rows; GRANT USAGE ON SCHEMA public, massive_rows TO %s;
		ALTER DATABASE %[1]s RESET lock_timeout`, sv.Name()))
	sv.Fill(t, c)
	s := &side{t: t, db: sv.Open(t, driver), do: sv.Do, hasty: c.LockTimeout > 0}
	s.pid = func(conn *sql.Conn) (pid int) {
		noError(t, conn.QueryRowContext(context.Background(), "SELECT pg_backend_pid()").Scan(&pid))
		return pid
	}
	s.waits = func(waiting *session) bool {
		return sv.ask(t, fmt.Sprintf("SELECT pg_blocking_pids(%d) && ARRAY[%d, %d, %d]",
			waiting.pid, s.sessions[0].pid, s.sessions[1].pid, s.sessions[2].pid))
	}
	s.ended = func(pid int) {
		for sv.ask(t, fmt.Sprintf("SELECT count(pg_terminate_backend(pid)) > 0 FROM pg_stat_activity WHERE pid = %d", pid)) {
			time.Sleep(time.Millisecond)
		}
	}
	s.open(postgres.New(), opts)
	return s
}

func (sv *server) ask(t testing.TB, query string) (yes bool) {
	t.Helper()
	noError(t, sv.watch.QueryRowContext(context.Background(), query).Scan(&yes))
	return yes
}

func (s *side) open(d dialect.Dialect, opts []massive.LoadOption) {
	s.t.Helper()
	s.dialect = d
	var err error
	if s.m, err = massive.Load(context.Background(), s.db, d, opts...); err != nil {
		s.t.Fatal(err)
	}
	if s.watched, err = registry.Load(context.Background(), s.db, d, everything); err != nil {
		s.t.Fatal(err)
	}
	for i := range s.sessions {
		s.sessions[i] = s.connect()
	}
}

// everything is a filter that loads all structures.
var everything = registry.Selection{KeySequences: true}

func (s *side) connect() *session {
	s.t.Helper()
	conn, err := s.db.Conn(context.Background())
	if err != nil {
		s.t.Fatal(err)
	}
	made := &session{conn: conn}
	if s.pid != nil {
		made.pid = s.pid(conn)
	}
	return made
}

func (s *side) close() {
	for _, x := range s.sessions {
		if x.tx != nil {
			_ = x.tx.Rollback()
		}
		x.conn.Close()
	}
	s.db.Close()
}

// reconnect replaces a session's connection after a cancelled operation.
func (s *side) reconnect(i int) {
	s.t.Helper()
	x := s.sessions[i]
	if x.tx != nil {
		_ = x.tx.Rollback()
	}
	if x.conn.PingContext(context.Background()) == nil {
		s.t.Errorf("the connection of a cancelled operation still works, want it closed")
	}
	x.conn.Close()
	if s.ended != nil {
		s.ended(x.pid)
	}
	s.sessions[i] = s.connect()
}

// take takes a step. An operation that has not returned after patience may be waiting for
// a lock.
func (s *side) take(st step, patience time.Duration) outcome {
	s.t.Helper()
	if st.do == change {
		s.do(s.t, st.change)
		return outcome{text: "done"}
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan outcome, 1)
	go func() { done <- s.perform(ctx, st) }()
	for start := time.Now(); ; {
		select {
		case o := <-done:
			return o
		case <-time.After(patience):
		}
		waits := !st.soon && !s.hasty && s.waits(s.sessions[st.session])
		if !waits && time.Since(start) < 20*time.Second {
			patience = min(max(patience, 50*time.Microsecond), time.Millisecond)
			continue
		}
		cancel()
		o := <-done
		if !waits {
			return outcome{text: "no answer, and no lock either"}
		}
		if !strings.Contains(o.text, context.Canceled.Error()) {
			return o // it returned in this moment
		}
		s.reconnect(st.session)
		return blocked
	}
}

func (s *side) perform(ctx context.Context, st step) outcome {
	x := s.sessions[st.session]
	w := s.m.With(x.querier())
	switch st.do {
	case begin, beginReadOnly:
		var err error
		x.tx, err = x.conn.BeginTx(context.Background(), &sql.TxOptions{ReadOnly: st.do == beginReadOnly})
		return answer("begun", err)
	case commit, rollback:
		end := x.tx.Commit
		if st.do == rollback {
			end = x.tx.Rollback
		}
		x.tx = nil
		return answer("ended", end())
	case reload:
		changes, err := s.m.Reload(ctx)
		return answer(nameless(changes), err)
	case look:
		changes, err := w.Reload(ctx)
		return answer(fmt.Sprint(nameless(changes), snapshot(w)), err)
	case nextValue, lastValue, state, reset, resetTo, restart, nextValues, nextBlock, setValue, setUncalled, behind, catchUp:
		return onSequence(ctx, w, st)
	case addLabel, ensureLabel, renameLabel, usedBy:
		return onEnum(ctx, w, st)
	case appendLabel:
		return answer("appended", s.m.AppendLocalLabels(st.name, st.label))
	case setSavepoint, rollbackSavepoint, releaseSavepoint:
		return s.onSavepoint(ctx, x.querier(), st)
	case exhaustion:
		return used(w.Exhaustion(ctx, massive.AtLeast(0)))
	case verify, verifyMore:
		return onExpectation(ctx, w, st)
	case watch:
		return s.look(ctx)
	case freshness:
		return aged(w.Freshness(ctx))
	case refreshAll:
		return onPlan(ctx, w, st)
	case refreshOnPool:
		return onPlan(ctx, s.m, st)
	default:
		return onMatview(ctx, w, st)
	}
}

func onSequence(ctx context.Context, m *massive.DB, st step) outcome {
	q, err := m.Sequence(st.name)
	if err != nil {
		return outcome{text: err.Error()}
	}
	switch st.do {
	case nextValue:
		return answer(q.NextValue(ctx))
	case lastValue:
		return answer(q.LastValue(ctx))
	case state:
		return answer(q.State(ctx))
	case reset:
		return answer("done", q.Reset(ctx))
	case nextValues:
		return answer(q.NextValues(ctx, int(st.value)))
	case nextBlock:
		return answer(q.NextBlock(ctx))
	case setValue, setUncalled:
		return answer("done", q.SetValue(ctx, st.value, st.do == setValue))
	case behind:
		return answer(q.Lag(ctx))
	case catchUp:
		return answer(q.CatchUp(ctx))
	case resetTo:
		return answer("done", q.ResetTo(ctx, st.value))
	default:
		return answer("done", q.Restart(ctx))
	}
}

func onEnum(ctx context.Context, m *massive.DB, st step) outcome {
	b, err := massive.BindEnum[string](m, st.name)
	if err != nil {
		return outcome{text: err.Error()}
	}
	var at []massive.Place
	switch {
	case st.before:
		at = append(at, massive.Before(st.other))
	case st.after:
		at = append(at, massive.After(st.other))
	}
	switch st.do {
	case addLabel:
		err = b.AddValue(ctx, st.label, at...)
	case ensureLabel:
		var added bool
		added, err = b.EnsureValue(ctx, st.label, at...)
		return answer(fmt.Sprint("added ", added, " ", b.Values()), err)
	case renameLabel:
		err = b.RenameValue(ctx, st.label, st.other)
	default:
		e, _ := b.Enum()
		return answer(e.UsedBy(ctx))
	}
	return answer(b.Values(), err)
}

// used returns an exhaustion report as text, sorted by name, without the texts of errors.
func used(e massive.Exhaustion, err error) outcome {
	if err != nil {
		return failure(err)
	}
	lines := []string{fmt.Sprint(e.Looked)}
	for _, u := range e.Above {
		lines = append(lines, fmt.Sprint(u, u.State))
	}
	for _, u := range e.Unknown {
		lines = append(lines, u.Sequence.String()+" "+failure(u.Err).text)
	}
	return outcome{text: strings.Join(lines, "\n")}
}

func onMatview(ctx context.Context, m *massive.DB, st step) outcome {
	v, err := m.Matview(st.name)
	if err != nil {
		return outcome{text: err.Error()}
	}
	switch st.do {
	case definition:
		// The fake returns the Query of its catalog.
		_, err := v.Definition(ctx)
		return answer("defined", err)
	case selectRows:
		return answer(rowsOf(ctx, v))
	case getRow:
		return answer("a row", get(ctx, v))
	case countRows:
		return answer(v.Count(ctx, ""))
	case streamRows, streamSome:
		return answer(streamed(ctx, v, st.do == streamSome))
	case canRefresh:
		return outcome{text: blockers(v)}
	}
	var r massive.RefreshResult
	if st.do == refreshIfOlder {
		mode := refresh
		if st.before {
			mode = refreshIfPossible
		}
		r, err = v.RefreshIfOlderThan(ctx, time.Duration(st.value)*time.Second, st.options(mode)...)
	} else {
		r, err = v.Refresh(ctx, st.options(st.do)...)
	}
	r.Duration = 0
	o := answer(r, err)
	if r.Recorded {
		o.text += " recorded"
	}
	if err != nil && r != (massive.RefreshResult{}) {
		o.text += " " + r.String()
	}
	return o
}

// aged returns the freshness of all views as text. Instead of a time it has the names of
// the views whose rows are as of that time.
func aged(all []dialect.Freshness, err error) outcome {
	if err != nil {
		return failure(err)
	}
	lines := []string{}
	for _, f := range all {
		var data []string
		for _, g := range all {
			if !f.DataAsOf.IsZero() && f.DataAsOf.Equal(g.AsOf) {
				data = append(data, g.Name.String())
			}
		}
		lines = append(lines, fmt.Sprint(f.Name, " ", f.Doubt, ", known ", !f.AsOf.IsZero(), " ", !f.DataAsOf.IsZero(), " of ", data,
			", refreshed ", !f.Finished.IsZero(), " ", f.Concurrently, ", failures ", f.Failures, ", running ", f.Running != nil))
	}
	return outcome{text: strings.Join(lines, "\n")}
}

// blockers returns the blockers of a view in both modes, without the names of roles.
func blockers(v massive.Matview) string {
	var lines []string
	for _, mode := range []massive.RefreshMode{massive.ModeBlocking, massive.ModeConcurrent} {
		err := v.CheckRefresh(mode)
		if err == nil {
			continue
		}
		lines = append(lines, failure(err).text)
		var all massive.Blockers
		if !errors.As(err, &all) {
			lines = append(lines, "no Blockers")
		}
		for _, h := range all {
			if h.Reason == massive.BlockerNotAllowed {
				h = dialect.Blocker{Reason: h.Reason}
			}
			lines = append(lines, h.Error())
		}
	}
	return fmt.Sprintf("%q", lines)
}

// onPlan makes a plan, runs it, and returns both as text.
func onPlan(ctx context.Context, m *massive.DB, st step) outcome {
	p, err := m.PlanRefresh(st.plan()...)
	if err != nil {
		return outcome{text: err.Error()}
	}
	var b strings.Builder
	for _, s := range p.Steps {
		fmt.Fprintln(&b, s.Name, s.Mode, s.Why, s.Level)
		for _, w := range s.Warnings {
			if strings.HasPrefix(w, massive.BlockerNotAllowed.String()) { // it contains the name of a role
				w = massive.BlockerNotAllowed.String()
			}
			fmt.Fprintln(&b, "  !", w)
		}
	}
	for _, l := range p.Excluded {
		fmt.Fprintln(&b, "excluded", l.Name, l.Why, l.Related)
	}
	report, err := p.Run(ctx)
	fmt.Fprintln(&b, "at a time", p.Parallel, p.WhyParallel, report.Parallel)
	for _, v := range report.Views {
		why := v.Reason
		if v.Outcome == massive.OutcomeSkippedUpstream && report.Parallel > 1 {
			why = "which of those that it depends on failed first is chance"
		}
		if v.Err != nil {
			f := failure(v.Err)
			why = f.text + " " + f.state
		}
		fmt.Fprintln(&b, v.Name, v.Outcome, v.Mode, v.Why, why)
	}
	o := answer("", err)
	o.text = b.String() + o.text
	return o
}

// onSavepoint calls the dialect's savepoint methods, as a run does.
func (s *side) onSavepoint(ctx context.Context, q massive.Querier, st step) outcome {
	switch st.do {
	case setSavepoint:
		return answer("set", s.dialect.SetSavepoint(ctx, q, st.name))
	case rollbackSavepoint:
		return answer("rolled back", s.dialect.RollbackToSavepoint(ctx, q, st.name))
	default:
		return answer("released", s.dialect.ReleaseSavepoint(ctx, q, st.name))
	}
}

// onExpectation verifies an enum of that name against the step's labels, and a view of
// that name against fixed rows.
func onExpectation(ctx context.Context, m *massive.DB, st step) outcome {
	var opts []massive.ExpectOption
	if st.do == verifyMore {
		opts = append(opts, massive.AllowExtra())
	}
	expected := massive.RowsAre[pair](st.name, opts...)
	if st.after {
		expected = massive.RowsAre[wide](st.name, opts...)
	}
	if !st.before {
		expected = massive.EnumIs(st.name, []string{st.label, st.other}, opts...)
	}
	err := m.Verify(ctx, expected)
	o := answer("as expected", err)
	var drifts massive.Drifts
	if errors.As(err, &drifts) {
		o.text += " " + drifts.Error()
	}
	return o
}

// look polls as a watch does, and returns the changes that the watch would report.
func (s *side) look(ctx context.Context) outcome {
	const nothing = "nothing new"
	before := s.watched
	unchanged, err := registry.Unchanged(ctx, s.db, s.dialect, before.Sign())
	if err != nil {
		return failure(err)
	}
	if unchanged {
		return outcome{text: nothing}
	}
	next, err := registry.Load(ctx, s.db, s.dialect, everything)
	if err != nil {
		return failure(err)
	}
	s.watched = next
	if registry.Same(before, next) {
		return outcome{text: nothing}
	}
	return outcome{text: fmt.Sprint("new: ", nameless(registry.Diff(before, next)))}
}

// The rows of views. Columns of the same name have the same type.
type (
	pair struct {
		N int64
		S string
	}
	nullable struct {
		N *int64
		S *string
	}
	wide struct {
		F float64
		T time.Time
		B bool
		D []byte
	}
)

func (r nullable) String() string {
	text, _ := json.Marshal(r)
	return string(text)
}

func (r wide) String() string { return fmt.Sprint(r.F, r.T.UTC(), r.B, r.D) }

// narrow reports whether a view's rows are pairs or nullables.
func narrow(v massive.Matview) bool { return v.Columns()[0].Name == "n" }

func texts[T fmt.Stringer](rows []T) (all []string) {
	for _, r := range rows {
		all = append(all, r.String())
	}
	slices.Sort(all)
	return all
}

// rowsOf returns a view's rows as text, sorted.
func rowsOf(ctx context.Context, v massive.Matview) ([]string, error) {
	if narrow(v) {
		var dest []nullable
		err := v.Select(ctx, &dest, "")
		return texts(dest), err
	}
	var dest []wide
	err := v.Select(ctx, &dest, "")
	return texts(dest), err
}

// get gets one row of a view. Any row is right.
func get(ctx context.Context, v massive.Matview) error {
	if narrow(v) {
		return v.Get(ctx, &nullable{}, "")
	}
	return v.Get(ctx, &wide{}, "")
}

// streamed returns a view's rows as rowsOf does, or the number of rows before it stopped.
func streamed(ctx context.Context, v massive.Matview, first bool) (any, error) {
	if narrow(v) {
		return stream[nullable](ctx, v, first)
	}
	return stream[wide](ctx, v, first)
}

func stream[T fmt.Stringer](ctx context.Context, v massive.Matview, first bool) (any, error) {
	var rows []T
	for r, err := range massive.Rows[T](ctx, v, "") {
		if err != nil {
			return nil, err
		}
		rows = append(rows, r)
		if first {
			return len(rows), nil
		}
	}
	return texts(rows), nil
}

// nameless removes the names of roles from changes, since they differ between databases.
func nameless(changes massive.Changes) massive.Changes {
	for _, c := range changes {
		for i, d := range c.Details {
			if strings.HasPrefix(d, "owner ") {
				c.Details[i] = "another owner"
			}
		}
	}
	return changes
}

// snapshot returns a snapshot as text, without the parts that differ between databases.
func snapshot(m *massive.DB) string {
	var b strings.Builder
	us := m.Server().User
	fmt.Fprintln(&b, "\nsearch path", m.SearchPath())
	for _, v := range m.Matviews() {
		fmt.Fprintln(&b, v.Name(), v.Columns(), v.Indexes(), "populated", v.Populated(), "may refresh", v.MayRefresh(),
			"ours", v.Owner() == us, v.Comment(), "depends on", v.DependsOn(), "dependents", v.Dependents(), blockers(v))
	}
	fmt.Fprintln(&b, "graph", m.Graph())
	for _, e := range m.Enums() {
		fmt.Fprintln(&b, e.Name(), e.Values(), "ours", e.Owner() == us, e.Comment())
	}
	for _, q := range m.Sequences() {
		def := q.Def()
		def.ID, def.Owner = 0, fmt.Sprint("ours ", def.Owner == us)
		text, _ := json.Marshal(def)
		fmt.Fprintln(&b, string(text))
	}
	for _, o := range m.Excluded() {
		fmt.Fprintln(&b, "excluded", o.Kind, o.Name, o.Why)
	}
	for _, name := range []string{"a", "b", "c", "d"} {
		v, errV := m.Matview(name)
		e, errE := m.Enum(name)
		q, errQ := m.Sequence(name)
		fmt.Fprintln(&b, name, "is", v, errV, e, errE, q, errQ)
	}
	return b.String()
}
