package postgres

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/querier"
)

// message sends several statements in one message and returns the result of the last one.
// Drivers send an ExecContext without arguments as one message, unless the querier
// prepares each statement. GORM does that with PrepareStmt. Then the server rejects the
// text, and message returns [dialect.ErrUnsupported].
//
// It can't be known in advance whether a querier prepares, and the rejection would fail
// its transaction. So in a transaction of an unknown type, message sets a savepoint and
// rolls back to it after a rejection.
func message(ctx context.Context, q dialect.Querier, text string) (sql.Result, error) {
	if !querier.IsForeignTransaction(q) {
		result, err := q.ExecContext(ctx, text)
		return result, refused(q, err)
	}
	const savepoint = "massive_message"
	var p postgres
	if err := p.SetSavepoint(ctx, q, savepoint); err != nil {
		return nil, err
	}
	result, err := q.ExecContext(ctx, text)
	switch {
	case err == nil:
		err = p.ReleaseSavepoint(ctx, q, savepoint)
	case prepared(err):
		if errBack := p.RollbackToSavepoint(ctx, q, savepoint); errBack != nil {
			return nil, fmt.Errorf("%w; and the transaction is lost: %w", refused(q, err), errBack)
		}
	}
	return result, refused(q, err)
}

// refused explains the rejection of several statements. It returns any other error
// unchanged.
func refused(q dialect.Querier, err error) error {
	if !prepared(err) {
		return err
	}
	return fmt.Errorf("%w: it sends several statements in one message, and %T prepares each statement; "+
		"pass the *sql.DB, *sql.Conn or *sql.Tx that it wraps: %w", dialect.ErrUnsupported, q, err)
}

// prepared reports whether the server rejected preparing several statements at once.
// Syntax errors have the same SQLSTATE, but another routine.
func prepared(err error) bool {
	return sqlState(err) == syntaxError && raisedBy(serverRoutine(err), parseRoutine)
}
