package mariadb

import (
	"fmt"
	"reflect"

	"github.com/massivedb/massive-go/dialect"
)

// The numbers of the server's errors
// (https://mariadb.com/kb/en/mariadb-error-code-reference/).
const (
	noDatabase   = 1049
	noColumn     = 1054
	noTable      = 1146
	notASequence = 4089
	noSequence   = 4091
	accessDenied = 1142
	columnDenied = 1143
)

// sentinels has the errors whose meaning does not depend on the operation.
var sentinels = map[uint16]error{
	4084:         dialect.ErrExhausted,
	4085:         dialect.ErrOutOfRange,
	1044:         dialect.ErrPermission, // on a database
	accessDenied: dialect.ErrPermission,
	columnDenied: dialect.ErrPermission,
	1227:         dialect.ErrPermission, // needs a global right
	1290:         fmt.Errorf("%w: the server runs with read_only", dialect.ErrReadOnly),
	1792:         fmt.Errorf("%w: the transaction is read-only", dialect.ErrReadOnly),
	1205:         fmt.Errorf("%w: another session holds its lock", dialect.ErrBusy),
	1213:         dialect.ErrDeadlock,
	1317:         fmt.Errorf("%w: the statement was killed", dialect.ErrServerTimeout),
	1969:         fmt.Errorf("%w: the statement reached max_statement_time", dialect.ErrServerTimeout),
	1040:         dialect.ErrUnavailable, // too many connections
	1053:         dialect.ErrUnavailable, // the server shuts down
	1203:         dialect.ErrUnavailable, // too many connections of the user
	1927:         dialect.ErrUnavailable, // the connection was killed
}

// Classify uses the error's number.
func (mariadb) Classify(f dialect.Failure) error {
	n := number(f.Err)
	switch {
	case sentinels[n] != nil:
		return sentinels[n]
	case n != 0 && f.Sequence != nil && gone(f.Err):
		return errGone()
	case inChain(f.Err, func(err error) bool { return err.Error() == "invalid connection" }):
		return dialect.ErrUnavailable
	case inChain(f.Err, func(err error) bool { return err.Error() == "busy buffer" }):
		return fmt.Errorf("%w: the connection is busy with rows that are still being read; finish the loop over "+
			"them first, or use another connection", dialect.ErrInvalid)
	default:
		return nil
	}
}

func errGone() error {
	return fmt.Errorf("%w: it was dropped or renamed since it was loaded; Reload updates the snapshot", dialect.ErrNotFound)
}

// number returns the number of a server's error, or 0. The driver's error has no method
// for it, so number reads the field Number of the struct. That needs no import of the
// driver.
func number(err error) (n uint16) {
	inChain(err, func(err error) bool {
		v := reflect.ValueOf(err)
		if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
			return false
		}
		if field := v.Elem().FieldByName("Number"); field.IsValid() && field.Kind() == reflect.Uint16 {
			n = uint16(field.Uint()) //nolint:gosec // the field has this type
		}
		return n != 0
	})
	return n
}

// inChain reports whether err, or an error that it wraps, is as wanted.
func inChain(err error, is func(error) bool) bool {
	if err == nil {
		return false
	}
	if is(err) {
		return true
	}
	switch e := err.(type) { //nolint:errorlint // this walks the chain itself
	case interface{ Unwrap() error }:
		return inChain(e.Unwrap(), is)
	case interface{ Unwrap() []error }:
		for _, err := range e.Unwrap() {
			if inChain(err, is) {
				return true
			}
		}
	}
	return false
}
