package postgres

import (
	"context"

	"github.com/massivedb/massive-go/dialect"
)

var _ dialect.Savepointer = postgres{}

func (postgres) SetSavepoint(ctx context.Context, q dialect.Querier, name string) error {
	_, err := q.ExecContext(ctx, "SAVEPOINT "+dialect.Name{Name: name}.Quoted())
	return err
}

// RollbackToSavepoint is two statements in one message: ROLLBACK TO alone keeps the savepoint.
func (postgres) RollbackToSavepoint(ctx context.Context, q dialect.Querier, name string) error {
	name = dialect.Name{Name: name}.Quoted()
	_, err := q.ExecContext(ctx, "ROLLBACK TO SAVEPOINT "+name+"; RELEASE SAVEPOINT "+name)
	return err
}

func (postgres) ReleaseSavepoint(ctx context.Context, q dialect.Querier, name string) error {
	_, err := q.ExecContext(ctx, "RELEASE SAVEPOINT "+dialect.Name{Name: name}.Quoted())
	return err
}
