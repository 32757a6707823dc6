package registry

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

	"github.com/massivedb/massive-go/dialect"
)

// once does what must not be done twice, since the second time it would be told that the label is there, or is not. On a
// pool database/sql sends a statement again when its driver says that the connection is bad, and drivers say so too where
// the statement was done and the answer is lost. On a connection it doesn't; so this takes one, and has the pool throw
// away those that are dead.
func once(ctx context.Context, q dialect.Querier, do func(dialect.Querier) error) error {
	pool, ok := q.(interface {
		Conn(ctx context.Context) (*sql.Conn, error)
		Stats() sql.DBStats
	})
	if !ok {
		return do(q)
	}
	var dead error
	for range pool.Stats().OpenConnections + 2 {
		conn, err := pool.Conn(ctx)
		if err != nil {
			return err
		}
		if dead = conn.PingContext(ctx); dead == nil {
			defer conn.Close()
			return do(conn)
		}
		_ = conn.Close()
		if !errors.Is(dead, driver.ErrBadConn) {
			break
		}
	}
	return dead
}
