package registry

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

	"github.com/massivedb/massive-go/dialect"
)

// withoutRetry calls do with a querier that does not retry statements. A pool of
// database/sql sends a statement again if the driver returns driver.ErrBadConn, and
// drivers return it also if the statement ran and its answer was lost. The second ALTER
// TYPE would then fail with a wrong error. So withoutRetry takes one connection from the
// pool, after it has pinged it. A failed ping makes the pool close a dead connection.
func withoutRetry(ctx context.Context, q dialect.Querier, do func(dialect.Querier) error) error {
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
