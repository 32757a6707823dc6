package postgres

import (
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/massivedb/massive-go/dialect"
)

// The SQLSTATEs that Classify uses
// (https://www.postgresql.org/docs/current/errcodes-appendix.html).
const (
	featureNotSupported  = "0A000"
	invalidText          = "22P02"
	duplicateObject      = "42710"
	undefinedObject      = "42704"
	unsafeNewLabel       = "55P04"
	cardinalityViolation = "21000"
	numericOutOfRange    = "22003"
	invalidParameter     = "22023"
	sequenceLimit        = "2200H"
	uniqueViolation      = "23505"
	readOnlyTransaction  = "25006"
	failedTransaction    = "25P02"
	invalidSchema        = "3F000"
	deadlockDetected     = "40P01"
	permissionDenied     = "42501"
	syntaxError          = "42601"
	undefinedColumn      = "42703"
	undefinedFunction    = "42883"
	cannotCast           = "42846"
	wrongObjectType      = "42809"
	undefinedTable       = "42P01"
	internalError        = "XX000"
	dataCorrupted        = "XX001"
	undefinedFile        = "58P01"
	notInPrerequisite    = "55000"
	lockNotAvailable     = "55P03"
	queryCanceled        = "57014"
	idleInTransaction    = "25P03"
	transactionTimeout   = "25P04"
	tooManyConnections   = "53300"
	protocolViolation    = "08P01"
	connectionException  = "08"  // a class, not a code
	operatorIntervention = "57P" // a prefix; it excludes query_canceled, which is 57014
)

// Routines in the server's source that raise errors. They distinguish errors with the
// same SQLSTATE.
const (
	openRoutine       = "relation_open"
	scanRoutine       = "ExecOpenScanRelation"
	duplicatesRoutine = "refresh_by_match_merge"
	labelRoutine      = "enum_in"
	doRoutine         = "ExecuteDoStmt"
	planRoutine       = "RevalidateCachedQuery"
	parseRoutine      = "exec_parse_message"
)

// refreshRoutines implement REFRESH: in PostgreSQL up to 16, from 17 on, and in all
// versions.
var refreshRoutines = []string{"ExecRefreshMatView", "RefreshMatViewByOid", duplicatesRoutine}

// raisedBy reports whether one of the routines may have raised the error. An unknown
// routine, "", counts.
func raisedBy(routine string, routines ...string) bool {
	return routine == "" || slices.Contains(routines, routine)
}

// Classify uses the operation and the SQLSTATE. If these are ambiguous, it uses the
// server's routine, because messages may be translated.
func (postgres) Classify(f dialect.Failure) error {
	state := sqlState(f.Err)
	if unavailable(f.Err, state) {
		return dialect.ErrUnavailable
	}
	switch state {
	case "":
		if busyReading(f.Err) {
			return fmt.Errorf("%w: the connection is busy with rows that are still being read; finish the loop over "+
				"them first, or use another connection", dialect.ErrInvalid)
		}
	case permissionDenied:
		return permission(f)
	case readOnlyTransaction:
		return fmt.Errorf("%w: the transaction is read-only, or the server is a standby", dialect.ErrReadOnly)
	case deadlockDetected:
		return dialect.ErrDeadlock
	case lockNotAvailable:
		return fmt.Errorf("%w: another session holds its lock", dialect.ErrBusy)
	case queryCanceled, idleInTransaction, transactionTimeout:
		return fmt.Errorf("%w: the statement reached a timeout or was cancelled", dialect.ErrServerTimeout)
	case failedTransaction:
		return fmt.Errorf("%w: roll it back", dialect.ErrTxAborted)
	case unsafeNewLabel:
		return errUncommitted()
	case undefinedObject:
		if serverRoutine(f.Err) == doRoutine {
			return fmt.Errorf("%w: it needs PL/pgSQL, which the database lacks: CREATE EXTENSION plpgsql", dialect.ErrUnsupported)
		}
	case undefinedTable, invalidSchema:
		if missing(f, state) {
			return errGone()
		}
		return nil
	}
	switch {
	case f.Matview != nil:
		return classifyMatview(f)
	case f.Sequence != nil:
		return classifySequence(f)
	case f.Enum != nil:
		return classifyEnum(f)
	default:
		return nil
	}
}

// unavailable reports whether the server was not reached, accepts no connection, or ended
// this one. If PgBouncer has no server, it reports a fatal protocol violation. Any other
// protocol violation is a driver's error, and the connection still works.
func unavailable(err error, state string) bool {
	switch state {
	case "":
		return unreached(err)
	case protocolViolation:
		return errorField(err, "Severity") == "FATAL"
	default:
		return state == tooManyConnections || strings.HasPrefix(state, connectionException) ||
			strings.HasPrefix(state, operatorIntervention)
	}
}

// unreached reports whether a driver found no server that matches target_session_attrs
// and sslmode. pgx returns a ConnectError for every failed attempt. lib/pq returns the
// texts below. The core recognizes network errors without a dialect.
func unreached(err error) bool {
	var certificate *tls.CertificateVerificationError
	var alert tls.AlertError
	var header tls.RecordHeaderError
	return errors.As(err, &certificate) || errors.As(err, &alert) || errors.As(err, &header) || chain(err, func(err error) bool {
		switch text := err.Error(); text {
		case "pq: SSL is not enabled on the server", "session is read-only", "session is not read-only",
			"server is in hot standby mode", "server is not in hot standby mode":
			return true
		default:
			t := reflect.TypeOf(err)
			return t.Kind() == reflect.Pointer && t.Elem().Name() == "ConnectError"
		}
	})
}

// busyReading reports whether a driver did not send a statement because the rows of
// another statement are still being read. Both drivers return only a text.
func busyReading(err error) bool {
	return chain(err, func(err error) bool {
		text := err.Error()
		return text == "conn busy" || text == "pq: there is already a query being processed on this connection"
	})
}

// chain reports whether is returns true for err or an error that it wraps.
func chain(err error, is func(error) bool) bool {
	if err == nil {
		return false
	}
	if is(err) {
		return true
	}
	switch w := err.(type) { //nolint:errorlint // it walks the chain itself
	case interface{ Unwrap() error }:
		return chain(w.Unwrap(), is)
	case interface{ Unwrap() []error }:
		return slices.ContainsFunc(w.Unwrap(), func(err error) bool { return chain(err, is) })
	default:
		return false
	}
}

// lacksColumn reports whether the missing column is in SelectMatview's column list, not
// in the caller's tail. The two may have the same name. The server returns the position
// in the statement, in characters, unless the column is in a function that the tail
// calls. If the error has neither a position nor a routine, as in the fake, the name
// decides.
func lacksColumn(f dialect.Failure) bool {
	at, err := strconv.Atoi(errorField(f.Err, "Position"))
	if err != nil || at == 0 {
		return serverRoutine(f.Err) == "" &&
			slices.ContainsFunc(f.Matview.Columns, func(c dialect.Column) bool { return names(f.Err, c.Name) })
	}
	head := selectText(f.Matview, "")
	if f.Op == dialect.OpCount {
		head = counting + head
	}
	return at <= utf8.RuneCountInString(head)
}

func classifyMatview(f dialect.Failure) error {
	ifPossible := f.Op == dialect.OpRefreshIfPossible
	concurrently := f.Op == dialect.OpRefreshConcurrently
	refresh := concurrently || ifPossible || f.Op == dialect.OpRefresh
	read := f.Op == dialect.OpSelect || f.Op == dialect.OpCount
	routine := serverRoutine(f.Err)
	switch state := sqlState(f.Err); {
	case state == "" && f.Op == dialect.OpDefinition && errors.Is(f.Err, sql.ErrNoRows):
		return errGone()
	case state == undefinedColumn && read && lacksColumn(f):
		return fmt.Errorf("%w: it was recreated or altered since it was loaded; Reload, and look it up again", dialect.ErrNotFound)
	case state == wrongObjectType && names(f.Err, f.Name.Name):
		return errGone()
	case state == notInPrerequisite && (concurrently || ifPossible) && raisedBy(routine, refreshRoutines...):
		return noUniqueIndex(f.Matview)
	case state == notInPrerequisite && read && raisedBy(routine, scanRoutine):
		return fmt.Errorf("%w: refresh it first", dialect.ErrNotPopulated)
	case state == notInPrerequisite && refresh && raisedBy(routine, scanRoutine):
		return fmt.Errorf("%w: first refresh the views that it reads", dialect.ErrNotPopulated)
	case state == featureNotSupported && concurrently && strings.Contains(f.Err.Error(), "CONCURRENTLY"):
		return fmt.Errorf("%w: refresh it once without Concurrently", dialect.ErrNotPopulated)
	case state == featureNotSupported && read && routine == planRoutine:
		// A driver that caches prepared statements, as pgx does, gets this once per
		// connection.
		return errors.New("the view was recreated with other columns since this connection prepared the statement: try again")
	case state == featureNotSupported && refresh && slices.Contains(refreshRoutines, routine):
		return errGone()
	case state == cardinalityViolation && (concurrently || ifPossible) && raisedBy(routine, duplicatesRoutine),
		state == uniqueViolation && refresh:
		return fmt.Errorf("%w: its query returns rows that its unique index can't tell apart", dialect.ErrDuplicateRows)
	default:
		return nil
	}
}

func classifySequence(f dialect.Failure) error {
	s := f.Sequence
	reads := f.Op == dialect.OpLastValue || f.Op == dialect.OpLag || f.Op == dialect.OpCatchUp
	switch sqlState(f.Err) {
	case notInPrerequisite, undefinedColumn: // a view or another relation has taken its name
		if reads {
			return errGone()
		}
	case sequenceLimit:
		return fmt.Errorf("%w: it runs from %d to %d by %d; give it a wider bound (MAXVALUE or MINVALUE), or a bigger type; "+
			"CYCLE or a reset would return the same values again", dialect.ErrExhausted, s.Min, s.Max, s.Increment)
	case numericOutOfRange, invalidParameter:
		if f.Op == dialect.OpLag || f.Op == dialect.OpCatchUp {
			return beyondColumn(s)
		}
		if f.Op == dialect.OpReset {
			return fmt.Errorf("%w: it runs from %d to %d; Restart starts it over at its declared start, %d",
				dialect.ErrOutOfRange, s.Min, s.Max, s.Start)
		}
		return fmt.Errorf("%w: it runs from %d to %d", dialect.ErrOutOfRange, s.Min, s.Max)
	case wrongObjectType:
		return errGone()
	case internalError:
		// A transaction older than the drop resolves the name from its cache, and then
		// can't open it.
		if serverRoutine(f.Err) == openRoutine {
			return errGone()
		}
	}
	return nil
}

// beyondColumn is the error for a column whose values leave no next value to the
// sequence.
func beyondColumn(s *dialect.SequenceDef) error {
	return fmt.Errorf("%w: it runs from %d to %d, and its column's furthest value leaves no next value, in the sequence or in the column's type",
		dialect.ErrOutOfRange, s.Min, s.Max)
}

func classifyEnum(f dialect.Failure) error {
	switch state := sqlState(f.Err); {
	case f.Op == dialect.OpUseLabel:
		if state == invalidText && raisedBy(serverRoutine(f.Err), labelRoutine) && mentions(beforeLabel(f.Err), dialect.Name{Name: f.Name.Name}.String()) {
			return fmt.Errorf("%w: its labels are [%s]", dialect.ErrLabelUnknown, dialect.Few(f.Enum.Labels, " ", strconv.Quote))
		}
	case state == "" && errors.Is(f.Err, sql.ErrNoRows), state == undefinedObject, state == wrongObjectType:
		return errGone()
	case state == duplicateObject:
		return dialect.ErrLabelExists
	case state == invalidParameter:
		return fmt.Errorf("%w: its labels were [%s] when it was loaded", dialect.ErrLabelUnknown,
			dialect.Few(f.Enum.Labels, " ", strconv.Quote))
	}
	return nil
}

// errUncommitted explains a rule of the server
// (https://www.postgresql.org/docs/current/sql-altertype.html): an index that other
// sessions read must not contain a label that a rollback would remove.
func errUncommitted() error {
	return fmt.Errorf("%w: a label that was added in a transaction can be used only after its commit: commit before "+
		"the statement that uses it, or add the label in a separate transaction", dialect.ErrLabelUncommitted)
}

// missing reports whether the server did not find the structure itself, instead of a name
// in a view's query or in the caller's tail. All other SQL names only the structure.
func missing(f dialect.Failure, state string) bool {
	switch {
	case f.Sequence != nil, f.Enum != nil && f.Op != dialect.OpUseLabel, f.Op == dialect.OpDefinition:
		return true
	case f.Matview == nil:
		return false
	case state == invalidSchema:
		return names(f.Err, f.Name.Schema)
	default:
		return names(f.Err, f.Name.Schema+"."+f.Name.Name)
	}
}

// beforeLabel returns the server's message up to the label, which is in quotation marks
// after a colon.
func beforeLabel(err error) string {
	text := err.Error()
	if i := labelAt.FindStringIndex(text); i != nil {
		return text[:i[0]]
	}
	return text
}

var labelAt = regexp.MustCompile("[:：][ \u00a0]*[\"«»„“”]")

// mentions reports whether the text contains the name as a whole word.
func mentions(text, name string) bool {
	word := func(r rune) bool {
		return r == '_' || r == '$' || r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r))
	}
	for {
		before, after, found := strings.Cut(text, name)
		if !found || name == "" {
			return false
		}
		left, _ := utf8.DecodeLastRuneInString(before)
		right, _ := utf8.DecodeRuneInString(after)
		if !word(left) && !word(right) {
			return true
		}
		text = after
	}
}

// names reports whether the server's message contains the name in quotation marks, in any
// language.
func names(err error, name string) bool {
	const marks, blanks = "\"«»„“”", " \u00a0" // French has blanks inside its marks
	for text := err.Error(); ; {
		before, after, found := strings.Cut(text, name)
		if !found {
			return false
		}
		left, _ := utf8.DecodeLastRuneInString(strings.TrimRight(before, blanks))
		right, _ := utf8.DecodeRuneInString(strings.TrimLeft(after, blanks))
		if strings.ContainsRune(marks, left) && strings.ContainsRune(marks, right) {
			return true
		}
		text = after
	}
}

// errGone is the error for a structure that was loaded and no longer exists.
func errGone() error {
	return fmt.Errorf("%w: dropped, renamed or replaced since it was loaded; Reload, and look it up again",
		dialect.ErrNotFound)
}

func permission(f dialect.Failure) error {
	if errors.Is(f.Err, dialect.ErrPermission) {
		return nil // on a ledger
	}
	if text := f.Err.Error(); f.Matview != nil && !mentions(text, f.Name.Name) && !mentions(text, f.Name.Schema) {
		return dialect.ErrPermission // on a relation in the view's query or the caller's tail
	}
	var needs string
	switch f.Op {
	case dialect.OpRefresh, dialect.OpRefreshConcurrently, dialect.OpRefreshIfPossible:
		needs = "be its owner or, from PostgreSQL 17, have MAINTAIN on it"
	case dialect.OpReset, dialect.OpResetTo, dialect.OpRestart, dialect.OpAddLabel, dialect.OpRenameLabel:
		needs = "be its owner"
	case dialect.OpNextValue, dialect.OpNextValues, dialect.OpNextBlock:
		needs = "have USAGE or UPDATE on it"
	case dialect.OpLastValue, dialect.OpSelect, dialect.OpCount:
		needs = "have SELECT on it"
	case dialect.OpSetValue:
		needs = "have UPDATE on it"
	case dialect.OpLag:
		needs = "have SELECT on it and on its column, and no row security may apply to it"
	case dialect.OpCatchUp:
		needs = "have SELECT on it and on its column and, to move it, be its owner, and no row security may apply to it"
	default:
		return dialect.ErrPermission
	}
	return fmt.Errorf("%w: the role must %s, and have USAGE on its schema", dialect.ErrPermission, needs)
}

// noUniqueIndex returns ErrNoUniqueIndex with the statement that fixes it.
func noUniqueIndex(view *dialect.MatviewDef) error {
	h := noIndex(view)
	if h.Fix == "" {
		return fmt.Errorf("%w, and no column that can have one", dialect.ErrNoUniqueIndex)
	}
	text := " on plain columns, without WHERE"
	if h.Reason == dialect.BlockerNoUniqueIndex {
		text = ": there is no unique index"
	}
	if h.Detail != "" {
		text += "; " + h.Detail
	}
	if strings.HasPrefix(h.Fix, "CREATE") {
		text += "; create one, on fewer columns if they identify a row"
	}
	return fmt.Errorf("%w%s: %s", dialect.ErrNoUniqueIndex, text, h.Fix)
}

// sqlState returns the error's SQLSTATE, or "" if it has none. Both drivers' errors have
// this method.
func sqlState(err error) string {
	var s interface{ SQLState() string }
	if errors.As(err, &s) {
		return s.SQLState()
	}
	return ""
}

// serverRoutine returns the routine in the server's source that raised the error, or "".
func serverRoutine(err error) string {
	return errorField(err, "Routine")
}

// errorField returns a field of the server's error, or "" if there is none. Both drivers
// have the same field names, and no method for them.
func errorField(err error, name string) string {
	var s interface{ SQLState() string }
	if !errors.As(err, &s) {
		return ""
	}
	v := reflect.Indirect(reflect.ValueOf(s))
	if v.Kind() != reflect.Struct {
		return ""
	}
	switch field := v.FieldByName(name); field.Kind() {
	case reflect.String:
		return field.String()
	case reflect.Int32:
		return strconv.FormatInt(field.Int(), 10)
	default:
		return ""
	}
}
