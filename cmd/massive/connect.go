package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/stdlib"
)

// cancelTimeout limits how long a cancelled statement may take to end on the server.
const cancelTimeout = 5 * time.Second

// connect opens a pool and connects once. Its errors don't contain the password.
func connect(ctx context.Context, url string) (*sql.DB, error) {
	from := "--database-url"
	if url == "" {
		url, from = os.Getenv("DATABASE_URL"), "$DATABASE_URL"
	}
	if url == "" {
		from = "the variables PG*"
	}
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, exit{exitUsage, fmt.Errorf("%s: %s", from, parseProblem(err))}
	}
	if strings.Contains(url, "://") && strings.Contains(config.Database, "@") { // a password with a slash
		return nil, exit{exitUsage, fmt.Errorf("%s: %s", from, malformed)}
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "massive"
	}
	config.RuntimeParams["client_encoding"] = "UTF8"
	if config.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement {
		config.DefaultQueryExecMode = pgx.QueryExecModeExec // works behind transaction poolers, too
	}
	// pgx would only close the connection, and a refresh would continue on the server.
	config.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: c, DeadlineDelay: cancelTimeout}
	}
	pool := stdlib.OpenDB(*config)
	if err := pool.PingContext(ctx); err != nil {
		pool.Close()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		hint := ""
		if url == "" {
			hint = "\nset --database-url, $DATABASE_URL or $PGHOST"
		}
		return nil, exit{exitNoServer, fmt.Errorf("no connection (by %s): %w%s", from, err, hint)}
	}
	return pool, nil
}

const malformed = "not a URL such as postgres://user@host:5432/database, and not keywords and values such as " +
	`"host=localhost dbname=shop"; percent-encode special characters in a URL's password`

// parseProblem returns why a connection string can't be used. It never quotes the
// string: a password with special characters can be in any part of it.
func parseProblem(err error) string {
	var parse *pgconn.ParseConfigError
	if !errors.As(err, &parse) || strings.Contains(err.Error(), "failed to parse as") {
		return malformed
	}
	_, problem, _ := strings.Cut(err.Error(), "`: ")
	return problem
}
