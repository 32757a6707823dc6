package postgres

import (
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"github.com/massivedb/massive-go/dialect"
)

// failure returns the Failure of an operation on app.daily or public.order_no, as the
// core passes it to Classify.
func failure(op dialect.Op, err error) dialect.Failure {
	f := dialect.Failure{Op: op, Err: err}
	switch op {
	case dialect.OpLoad, dialect.OpReload:
	case dialect.OpDefinition, dialect.OpRefresh, dialect.OpRefreshConcurrently, dialect.OpSelect:
		f.Name = dialect.Name{Schema: "app", Name: "daily"}
		f.Matview = &dialect.MatviewDef{
			Object:  dialect.Object{Name: f.Name},
			Columns: []dialect.Column{{Name: "day", Type: "date"}, {Name: "Odd Name", Type: "text"}},
		}
	default:
		f.Name = dialect.Name{Schema: "public", Name: "order_no"}
		f.Sequence = &dialect.SequenceDef{
			Object: dialect.Object{Name: f.Name}, Type: "smallint", Start: 7, Increment: 2, Min: 5, Max: 99,
		}
	}
	return f
}

// checkClass checks that Classify returns an error that wraps want, or nil if want is
// nil.
func checkClass(t *testing.T, f dialect.Failure, want error) {
	t.Helper()
	got := New().Classify(f)
	switch {
	case want == nil && got != nil:
		t.Errorf("%s × %s (%v): classified as %q; want nil", f.Op, sqlState(f.Err), f.Err, got)
	case !errors.Is(got, want):
		t.Errorf("%s × %s (%v): classified as %v; want %q", f.Op, sqlState(f.Err), f.Err, got, want)
	case got != nil && errors.Is(got, f.Err):
		t.Errorf("%s × %s: %q wraps the driver's error, which the core does", f.Op, sqlState(f.Err), got)
	}
}

func TestClassify(t *testing.T) {
	t.Parallel()
	var (
		// errAny marks a state that the server never raises for the operation.
		errAny = errors.New("any")

		none    error
		perm    = dialect.ErrPermission
		ro      = dialect.ErrReadOnly
		dead    = dialect.ErrDeadlock
		busy    = dialect.ErrBusy
		ended   = dialect.ErrServerTimeout
		aborted = dialect.ErrTxAborted
		gone    = dialect.ErrNotFound
		empty   = dialect.ErrNotPopulated
		index   = dialect.ErrNoUniqueIndex
		dup     = dialect.ErrDuplicateRows
		out     = dialect.ErrExhausted
		bounds  = dialect.ErrOutOfRange
		lost    = dialect.ErrUnavailable
	)
	ops := [...]dialect.Op{
		dialect.OpLoad, dialect.OpDefinition, dialect.OpRefresh, dialect.OpRefreshConcurrently, dialect.OpSelect,
		dialect.OpLastValue, dialect.OpNextValue, dialect.OpReset, dialect.OpResetTo, dialect.OpRestart,
	}
	for _, row := range []struct {
		state string
		text  string // %s is the full name, %n the schema, %r the bare name
		want  [len(ops)]error
	}{
		//                                            load     define   refresh  concurr. select   last     next     reset    reset to restart
		{"42501", `permission denied for %s`, [...]error{perm, perm, perm, perm, perm, perm, perm, perm, perm, perm}},
		{"25006", `cannot execute %s in a read-only transaction`, [...]error{ro, ro, ro, ro, ro, ro, ro, ro, ro, ro}},
		{"40P01", `deadlock detected`, [...]error{dead, dead, dead, dead, dead, dead, dead, dead, dead, dead}},
		{"55P03", `canceling statement due to lock timeout`, [...]error{busy, busy, busy, busy, busy, busy, busy, busy, busy, busy}},
		{"57014", `canceling statement due to user request`, [...]error{ended, ended, ended, ended, ended, ended, ended, ended, ended, ended}},
		{"25P03", `idle-in-transaction timeout`, [...]error{ended, ended, ended, ended, ended, ended, ended, ended, ended, ended}},
		{"25P04", `transaction timeout`, [...]error{ended, ended, ended, ended, ended, ended, ended, ended, ended, ended}},
		{"25P02", `current transaction is aborted`, [...]error{aborted, aborted, aborted, aborted, aborted, aborted, aborted, aborted, aborted, aborted}},
		{"42P01", `relation "%s" does not exist`, [...]error{none, gone, gone, gone, gone, gone, gone, gone, gone, gone}},
		{"3F000", `schema "%n" does not exist`, [...]error{none, gone, gone, gone, errAny, gone, gone, gone, gone, gone}},
		{"42809", `cannot open relation "%r"`, [...]error{none, gone, gone, gone, gone, gone, gone, gone, gone, gone}},
		{"42703", `column "last_value" does not exist`, [...]error{none, none, none, none, none, gone, none, none, none, none}},
		{"55000", `not in the prerequisite state`, [...]error{none, none, empty, index, empty, gone, none, none, none, none}},
		{"0A000", `something is not supported`, [...]error{none, none, none, none, none, none, none, none, none, none}},
		{"21000", `duplicate rows`, [...]error{none, none, none, dup, none, none, none, none, none, none}},
		{"23505", `could not create unique index`, [...]error{none, none, dup, dup, none, none, none, none, none, none}},
		{"2200H", `nextval: reached maximum value of sequence`, [...]error{none, none, none, none, none, errAny, out, errAny, errAny, errAny}},
		{"22003", `setval: value 0 is out of bounds`, [...]error{none, none, none, none, none, errAny, errAny, bounds, bounds, bounds}},
		{"22023", `RESTART value (0) cannot be less than MINVALUE (1)`, [...]error{none, none, none, none, none, errAny, errAny, bounds, bounds, bounds}},
		{"XX000", `something is broken`, [...]error{none, none, none, none, none, none, none, none, none, none}},
		{"22012", `division by zero`, [...]error{none, none, none, none, none, none, none, none, none, none}},
		{"42601", `syntax error`, [...]error{none, none, none, none, none, none, none, none, none, none}},
		{"08006", `connection failure`, [...]error{lost, lost, lost, lost, lost, lost, lost, lost, lost, lost}},
		{"57P01", `terminating connection due to administrator command`, [...]error{lost, lost, lost, lost, lost, lost, lost, lost, lost, lost}},
		{"57P03", `the database system is starting up`, [...]error{lost, lost, lost, lost, lost, lost, lost, lost, lost, lost}},
		{"53300", `sorry, too many clients already`, [...]error{lost, lost, lost, lost, lost, lost, lost, lost, lost, lost}},
		{"53100", `could not extend file`, [...]error{none, none, none, none, none, none, none, none, none, none}},
		{"", `no state at all`, [...]error{none, none, none, none, none, none, none, none, none, none}},
	} {
		for i, op := range ops {
			if row.want[i] == errAny { //nolint:errorlint // it must be the identical error
				continue
			}
			f := failure(op, nil)
			names := strings.NewReplacer("%s", f.Name.Schema+"."+f.Name.Name, "%n", f.Name.Schema, "%r", f.Name.Name)
			f.Err = &stateError{State: row.state, Text: names.Replace(row.text)}
			if row.state == "" {
				f.Err = errors.New(row.text)
			}
			checkClass(t, f, row.want[i])
		}
		// A reload is classified as a load.
		if row.want[0] != errAny { //nolint:errorlint // it must be the identical error
			checkClass(t, failure(dialect.OpReload, &stateError{State: row.state, Text: row.text}), row.want[0])
		}
	}
}

// If a state is ambiguous, the server's routine or the name in the message decides.
func TestClassifyAmbiguousStates(t *testing.T) {
	t.Parallel()
	const (
		define, refresh, concurrently, selects = dialect.OpDefinition, dialect.OpRefresh, dialect.OpRefreshConcurrently, dialect.OpSelect
		last, next                             = dialect.OpLastValue, dialect.OpNextValue
	)
	for _, c := range []struct {
		op   dialect.Op
		err  stateError
		want error
	}{
		{concurrently, stateError{"55000", `cannot refresh materialized view "app.daily" concurrently`, "ExecRefreshMatView"}, dialect.ErrNoUniqueIndex},
		{concurrently, stateError{"55000", `cannot refresh materialized view "app.daily" concurrently`, "RefreshMatViewByOid"}, dialect.ErrNoUniqueIndex},
		{concurrently, stateError{"55000", `could not find suitable unique index`, "refresh_by_match_merge"}, dialect.ErrNoUniqueIndex},
		{concurrently, stateError{"55000", `materialized view "other" has not been populated`, "ExecOpenScanRelation"}, dialect.ErrNotPopulated},
		{refresh, stateError{"55000", `materialized view "other" has not been populated`, "ExecOpenScanRelation"}, dialect.ErrNotPopulated},
		{selects, stateError{"55000", `materialized view "daily" has not been populated`, "ExecOpenScanRelation"}, dialect.ErrNotPopulated},
		{selects, stateError{"55000", `currval of sequence "s" is not yet defined in this session`, "currval_oid"}, nil},
		{refresh, stateError{"55000", `currval of sequence "s" is not yet defined in this session`, "currval_oid"}, nil},
		{concurrently, stateError{"55000", `currval of sequence "s" is not yet defined in this session`, "currval_oid"}, nil},

		{concurrently, stateError{"0A000", `CONCURRENTLY cannot be used when the materialized view is not populated`, "ExecRefreshMatView"}, dialect.ErrNotPopulated},
		{concurrently, stateError{"0A000", `CONCURRENTLY cannot be used when the materialized view is not populated`, ""}, dialect.ErrNotPopulated},
		{concurrently, stateError{"0A000", `"daily" is not a materialized view`, "ExecRefreshMatView"}, dialect.ErrNotFound},
		{refresh, stateError{"0A000", `"daily" is not a materialized view`, "ExecRefreshMatView"}, dialect.ErrNotFound},
		{refresh, stateError{"0A000", `"daily" is not a materialized view`, "RefreshMatViewByOid"}, dialect.ErrNotFound},
		{refresh, stateError{"0A000", `set-valued function called in context that cannot accept a set`, "ExecInitFunc"}, nil},
		{refresh, stateError{"22012", `division by zero`, "ExecRefreshMatView"}, nil},

		{concurrently, stateError{"21000", `new data for materialized view "daily" contains duplicate rows`, "refresh_by_match_merge"}, dialect.ErrDuplicateRows},
		{concurrently, stateError{"21000", `more than one row returned by a subquery used as an expression`, "ExecSetParamPlan"}, nil},
		{refresh, stateError{"21000", `more than one row returned by a subquery used as an expression`, "ExecSetParamPlan"}, nil},

		{selects, stateError{"42P01", `relation "app.daily" does not exist`, "parserOpenTable"}, dialect.ErrNotFound},
		{selects, stateError{"42P01", `Relation »app.daily« existiert nicht`, "parserOpenTable"}, dialect.ErrNotFound},
		{selects, stateError{"42P01", `la relation « app.daily » n'existe pas`, "parserOpenTable"}, dialect.ErrNotFound},
		{selects, stateError{"42P01", `relation "app.daily-old" does not exist`, "parserOpenTable"}, nil},
		{selects, stateError{"42P01", `relation "app.daily$old" does not exist`, "parserOpenTable"}, nil},
		{selects, stateError{"42P01", `relation "app.daily old" does not exist`, "parserOpenTable"}, nil},
		{selects, stateError{"42P01", `relation "my app.daily" does not exist`, "parserOpenTable"}, nil},
		{selects, stateError{"42P01", `relation "other" does not exist`, "parserOpenTable"}, nil},
		{selects, stateError{"42P01", `relation "app.daily_old" does not exist`, "parserOpenTable"}, nil},
		{selects, stateError{"42P01", `relation "myapp.daily" does not exist`, "parserOpenTable"}, nil},
		{selects, stateError{"3F000", `schema "other" does not exist`, "get_namespace_oid"}, nil},
		{selects, stateError{"42809", `DISTINCT specified, but upper is not an aggregate function`, "ParseFuncOrColumn"}, nil},
		{selects, stateError{"42703", `column "day" does not exist`, ""}, dialect.ErrNotFound},
		{selects, stateError{"42703", `Spalte »Odd Name« existiert nicht`, ""}, dialect.ErrNotFound},
		{selects, stateError{"42703", `column "no_such" does not exist`, ""}, nil},
		{selects, stateError{"42703", `column "day" does not exist`, "errorMissingColumn"}, nil},
		{selects, stateError{"42703", `column daily.day does not exist`, "errorMissingColumn"}, nil},
		{refresh, stateError{"42703", `column "day" does not exist`, "errorMissingColumn"}, nil},
		{refresh, stateError{"42P01", `relation "app.daily" does not exist`, "RangeVarGetRelidExtended"}, dialect.ErrNotFound},
		{refresh, stateError{"42P01", `relation "used_by_a_function" does not exist`, "parserOpenTable"}, nil},
		{concurrently, stateError{"42P01", `relation "used_by_a_function" does not exist`, "parserOpenTable"}, nil},
		{refresh, stateError{"3F000", `schema "app" does not exist`, "get_namespace_oid"}, dialect.ErrNotFound},
		{refresh, stateError{"3F000", `schema "used_by_a_function" does not exist`, "get_namespace_oid"}, nil},

		{next, stateError{"42809", `"order_no" is not a sequence`, "init_sequence"}, dialect.ErrNotFound},
		{next, stateError{"XX000", `could not open relation with OID 16400`, "relation_open"}, dialect.ErrNotFound},
		{last, stateError{"XX000", `could not open relation with OID 16400`, "relation_open"}, dialect.ErrNotFound},
		{next, stateError{"XX000", `cache lookup failed for relation 16400`, "init_sequence"}, nil},
		{dialect.OpLoad, stateError{"XX000", `could not open relation with OID 16400`, "relation_open"}, nil},
		{last, stateError{"42703", `column "last_value" does not exist`, "errorMissingColumn"}, dialect.ErrNotFound},
	} {
		checkClass(t, failure(c.op, &c.err), c.want)
	}

	checkClass(t, failure(define, sql.ErrNoRows), dialect.ErrNotFound)
	checkClass(t, failure(define, fmt.Errorf("scan: %w", sql.ErrNoRows)), dialect.ErrNotFound)
	checkClass(t, failure(selects, sql.ErrNoRows), nil)
}

func TestClassifyReadsDriverErrors(t *testing.T) {
	t.Parallel()
	for driver, err := range map[string]func(state, routine string) error{
		"lib/pq": func(state, routine string) error {
			return &pq.Error{Code: pqerror.Code(state), Message: "said so", Routine: routine}
		},
		"pgx": func(state, routine string) error {
			return &pgconn.PgError{Code: state, Message: "said so", Routine: routine}
		},
		"pgx, wrapped": func(state, routine string) error {
			return fmt.Errorf("query: %w", &pgconn.PgError{Code: state, Message: "said so", Routine: routine})
		},
	} {
		if got := sqlState(err("2200H", "")); got != "2200H" {
			t.Errorf("%s: state %q; want 2200H", driver, got)
		}
		if got := serverRoutine(err("2200H", "nextval_internal")); got != "nextval_internal" {
			t.Errorf("%s: routine %q; want nextval_internal", driver, got)
		}
		checkClass(t, failure(dialect.OpNextValue, err("2200H", "nextval_internal")), dialect.ErrExhausted)
		checkClass(t, failure(dialect.OpRefreshConcurrently, err("21000", "refresh_by_match_merge")), dialect.ErrDuplicateRows)
		checkClass(t, failure(dialect.OpRefreshConcurrently, err("21000", "ExecSetParamPlan")), nil)
	}
}

// The error's position decides whether the missing column is the view's or in the tail.
func TestClassifyMissingColumn(t *testing.T) {
	t.Parallel()
	const head, counts = len(`SELECT "day", "Odd Name" FROM "app"."daily"`), len(counting)
	for _, c := range []struct {
		op   dialect.Op
		at   int
		want error
	}{
		{dialect.OpSelect, 8, dialect.ErrNotFound},
		{dialect.OpSelect, head, dialect.ErrNotFound},
		{dialect.OpSelect, head + 2, nil},
		{dialect.OpCount, counts + 8, dialect.ErrNotFound},
		{dialect.OpCount, counts + head, dialect.ErrNotFound},
		{dialect.OpCount, counts + head + 2, nil},
		{dialect.OpRefresh, 8, nil},
	} {
		for _, err := range []error{
			&pq.Error{Code: undefinedColumn, Message: `column "day" does not exist`, Position: strconv.Itoa(c.at)},
			&pgconn.PgError{Code: undefinedColumn, Message: `column "day" does not exist`, Position: int32(c.at)},
		} {
			f := failure(dialect.OpSelect, err)
			f.Op = c.op
			checkClass(t, f, c.want)
		}
	}
}

// A protocol violation is a driver's error, except a fatal one of PgBouncer.
func TestClassifyProtocolViolation(t *testing.T) {
	t.Parallel()
	for severity, want := range map[string]error{"ERROR": nil, "FATAL": dialect.ErrUnavailable} {
		checkClass(t, failure(dialect.OpLoad, &pq.Error{Code: protocolViolation, Severity: severity}), want)
		checkClass(t, failure(dialect.OpLoad, &pgconn.PgError{Code: protocolViolation, Severity: severity}), want)
	}
}

type textState string

func (s textState) Error() string    { return string(s) }
func (s textState) SQLState() string { return string(s) }

type numberedRoutine struct{ Routine int }

func (numberedRoutine) Error() string    { return "" }
func (numberedRoutine) SQLState() string { return "21000" }

// An unknown driver's error may have any type.
func TestServerRoutine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{errors.New("x"), ""},
		{textState("21000"), ""},
		{numberedRoutine{7}, ""},
		{&numberedRoutine{7}, ""},
		{(*numberedRoutine)(nil), ""},
		{&stateError{State: "21000", Routine: "r"}, "r"},
		{fmt.Errorf("a: %w", fmt.Errorf("b: %w", &stateError{State: "21000", Routine: "r"})), "r"},
	} {
		if got := serverRoutine(c.err); got != c.want {
			t.Errorf("serverRoutine(%T) = %q; want %q", c.err, got, c.want)
		}
	}
	if got := sqlState(nil); got != "" {
		t.Errorf("sqlState(nil) = %q; want none", got)
	}
}

// A recreated view still exists, so no sentinel applies. The text says what to do.
func TestClassifyRecreatedView(t *testing.T) {
	t.Parallel()
	err := &stateError{"0A000", `cached plan must not change result type`, "RevalidateCachedQuery"}
	got := New().Classify(failure(dialect.OpSelect, err))
	if got == nil || errors.Is(got, dialect.ErrNotFound) || !strings.HasSuffix(got.Error(), "try again") {
		t.Errorf("got %v", got)
	}
	if got := New().Classify(failure(dialect.OpRefresh, err)); got != nil {
		t.Errorf("for a refresh, whose query may run prepared statements: got %v, want nil", got)
	}
}

// The texts say what to do.
func TestClassifyTexts(t *testing.T) {
	t.Parallel()
	const gone = `not found: dropped, renamed or replaced since it was loaded; Reload, and look it up again`
	for _, c := range []struct {
		op    dialect.Op
		state string
		want  string
	}{
		{dialect.OpLoad, "42501", `permission denied`},
		{dialect.OpDefinition, "42501", `permission denied`},
		{dialect.OpRefresh, "42501", `permission denied: the role must be its owner or, from PostgreSQL 17, have MAINTAIN on it, and have USAGE on its schema`},
		{dialect.OpRefreshConcurrently, "42501", `permission denied: the role must be its owner or, from PostgreSQL 17, have MAINTAIN on it, and have USAGE on its schema`},
		{dialect.OpSelect, "42501", `permission denied: the role must have SELECT on it, and have USAGE on its schema`},
		{dialect.OpLastValue, "42501", `permission denied: the role must have SELECT on it, and have USAGE on its schema`},
		{dialect.OpNextValue, "42501", `permission denied: the role must have USAGE or UPDATE on it, and have USAGE on its schema`},
		{dialect.OpReset, "42501", `permission denied: the role must be its owner, and have USAGE on its schema`},
		{dialect.OpResetTo, "42501", `permission denied: the role must be its owner, and have USAGE on its schema`},
		{dialect.OpRestart, "42501", `permission denied: the role must be its owner, and have USAGE on its schema`},
		{dialect.OpNextValue, "25006", `read-only: the transaction is read-only, or the server is a standby`},
		{dialect.OpRefresh, "40P01", `deadlock`},
		{dialect.OpRefresh, "55P03", `busy: another session holds its lock`},
		{dialect.OpRefresh, "57014", `ended by the server: the statement reached a timeout or was cancelled`},
		{dialect.OpNextValue, "25P02", `transaction already failed: roll it back`},
		{dialect.OpNextValue, "42P01", gone},
		{dialect.OpNextValue, "42809", gone},
		{dialect.OpSelect, "55000", `not populated: refresh it first`},
		{dialect.OpRefresh, "55000", `not populated: first refresh the views that it reads`},
		{dialect.OpRefresh, "23505", `duplicate rows: its query returns rows that its unique index can't tell apart`},
		{dialect.OpRefreshConcurrently, "21000", `duplicate rows: its query returns rows that its unique index can't tell apart`},
		{dialect.OpNextValue, "2200H", `exhausted: it runs from 5 to 99 by 2; give it a wider bound (MAXVALUE or MINVALUE), or a bigger type; CYCLE or a reset would return the same values again`},
		{dialect.OpReset, "22023", `out of range: it runs from 5 to 99; Restart starts it over at its declared start, 7`},
		{dialect.OpResetTo, "22023", `out of range: it runs from 5 to 99`},
		{dialect.OpRestart, "22003", `out of range: it runs from 5 to 99`},
	} {
		got := New().Classify(failure(c.op, &stateError{State: c.state, Text: "said so of daily"}))
		if got == nil || got.Error() != c.want {
			t.Errorf("%s × %s says\n\t%v\nwant\n\t%s", c.op, c.state, got, c.want)
		}
	}
	unpopulated := &stateError{State: "0A000", Text: "CONCURRENTLY cannot be used when the materialized view is not populated"}
	if got, want := New().Classify(failure(dialect.OpRefreshConcurrently, unpopulated)),
		`not populated: refresh it once without Concurrently`; got == nil || got.Error() != want {
		t.Errorf("a concurrent refresh of an unpopulated view says\n\t%v\nwant\n\t%s", got, want)
	}
}

// The statement in the error for a missing index is valid SQL.
func TestNoUniqueIndexProposesStatement(t *testing.T) {
	t.Parallel()
	missing := func(view *dialect.MatviewDef) string {
		err := New().Classify(dialect.Failure{
			Op: dialect.OpRefreshConcurrently, Name: view.Name, Matview: view, Err: &stateError{State: "55000"},
		})
		if !errors.Is(err, dialect.ErrNoUniqueIndex) {
			t.Fatalf("error %v; want one that wraps ErrNoUniqueIndex", err)
		}
		return err.Error()
	}
	view := &dialect.MatviewDef{
		Object:  dialect.Object{Name: dialect.Name{Schema: "My App", Name: "daily"}},
		Columns: []dialect.Column{{Name: "day"}, {Name: `Odd "Name`}},
	}
	if got, want := missing(view), `no usable unique index: there is no unique index; create one, on fewer columns if they `+
		`identify a row: CREATE UNIQUE INDEX ON `; !strings.HasPrefix(got, want) {
		t.Errorf("a view without an index:\n\t%s\nwant it to begin with\n\t%s", got, want)
	}
	_, proposal, _ := strings.Cut(missing(view), "CREATE UNIQUE INDEX ON ")
	on, columns, _ := strings.Cut(strings.TrimSuffix(proposal, ")"), " (")
	if got, err := dialect.ParseName(on); err != nil || got != view.Name {
		t.Errorf("the proposed index is on %s; want %s", on, view.Name)
	}
	for i, column := range strings.Split(columns, ", ") {
		if got, err := dialect.ParseName(column); err != nil || i > 1 || got.Name != view.Columns[i].Name {
			t.Errorf("the proposed index has the columns %s; want those of the view, quoted where they need it", columns)
		}
	}

	view.Indexes = []dialect.Index{
		{Name: "plain_idx", Unfit: "it is not unique"}, {Name: "Part", Unique: true, Unfit: "it is partial (it has a WHERE)"}, {Name: "fit_idx", Unique: true},
	}
	if got, want := missing(view), `no usable unique index on plain columns, without WHERE; index plain_idx can't be used: it is not unique; `+
		`index "Part" can't be used: it is partial (it has a WHERE); create one,`; !strings.HasPrefix(got, want) {
		t.Errorf("a view with unfit indexes:\n\t%s\nwant it to begin with\n\t%s", got, want)
	}
	if got := missing(view); strings.Contains(got, "fit_idx can't") {
		t.Errorf("a usable index is listed as unusable: %s", got)
	}

	// An index has 32 columns at most.
	view.Columns = nil
	for i := range 40 {
		view.Columns = append(view.Columns, dialect.Column{Name: fmt.Sprintf("c%d", i+1)})
	}
	if got := strings.ReplaceAll(missing(view), `"`, ``); !strings.HasSuffix(got, ", c31, c32)") {
		t.Errorf("a view of 40 columns: the proposal is\n\t%s\nwant the first 32 columns", got)
	}

	// Unquoted, order is a keyword.
	view.Columns = []dialect.Column{{Name: "order"}, {Name: "user"}}
	if got, want := missing(view), `("order", "user")`; !strings.HasSuffix(got, want) {
		t.Errorf("columns named as reserved words: the proposal is\n\t%s\nwant it to end in %s", got, want)
	}
}
