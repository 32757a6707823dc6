package main

import (
	"context"
	"database/sql"
)

// A mode is a driver, and the way that it sends statements.
type mode struct {
	name   string
	driver string
	params string // for the end of the DSN
}

// The modes that the library is measured on.
var (
	libpq      = mode{"lib/pq", "postgres", ""}
	pgxDefault = mode{"pgx", "pgx", ""}
	pgxExec    = mode{"pgx exec", "pgx", " default_query_exec_mode=exec"}
	pgxSimple  = mode{"pgx simple", "pgx", " default_query_exec_mode=simple_protocol"}

	everyMode = []mode{libpq, pgxDefault, pgxExec, pgxSimple}
)

func (m mode) String() string { return m.name }

// open makes a pool of one connection, so that whatever runs in turn runs on the same one.
func (m mode) open(ctx context.Context, dsn string) (*sql.DB, error) {
	db, err := sql.Open(m.driver, dsn+m.params)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if err := db.PingContext(ctx); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}
