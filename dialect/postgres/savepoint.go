package postgres

import (
	"context"

	"github.com/massivedb/massive-go/dialect"
)

func (postgres) SetSavepoint(ctx context.Context, q dialect.Querier, name string) error {
	_, err := q.ExecContext(ctx, "SAVEPOINT "+dialect.Name{Name: name}.Quoted())
	return err
}

// RollbackToSavepoint also releases the savepoint, since ROLLBACK TO alone keeps it. It
// sends two messages, because the querier may prepare each statement (see message).
func (p postgres) RollbackToSavepoint(ctx context.Context, q dialect.Querier, name string) error {
	_, err := q.ExecContext(ctx, "ROLLBACK TO SAVEPOINT "+dialect.Name{Name: name}.Quoted())
	if err != nil {
		return err
	}
	return p.ReleaseSavepoint(ctx, q, name)
}

func (postgres) ReleaseSavepoint(ctx context.Context, q dialect.Querier, name string) error {
	_, err := q.ExecContext(ctx, "RELEASE SAVEPOINT "+dialect.Name{Name: name}.Quoted())
	return err
}
