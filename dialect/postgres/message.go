package postgres

// Several statements in one message.

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/querier"
)

// message sends a text of several statements and returns the result of the last one. Drivers send
// an ExecContext without arguments as one message, unless the querier prepares each statement, as
// GORM's does with PrepareStmt: then the server refuses the text, and so does message, with
// [dialect.ErrUnsupported].
//
// A querier does not tell whether it prepares. A refusal would fail its transaction; so in a
// transaction of an unknown type message sets a savepoint, and goes back to it after a refusal.
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

// refused explains the refusal of a text of several statements. Any other error stays as it is.
func refused(q dialect.Querier, err error) error {
	if !prepared(err) {
		return err
	}
	return fmt.Errorf("%w: it takes several statements in one message, and %T prepares each statement; "+
		"pass the *sql.DB, *sql.Conn or *sql.Tx that it wraps: %w", dialect.ErrUnsupported, q, err)
}

// prepared reports whether the server refused to prepare several statements at once. Errors of
// syntax have the same SQLSTATE; their routine is the parser's.
func prepared(err error) bool {
	return sqlState(err) == syntaxError && raisedBy(serverRoutine(err), parseRoutine)
}
