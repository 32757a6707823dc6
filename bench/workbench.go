package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/lib/pq"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

// A workbench is the server that everything is measured on, with its databases.
type workbench struct {
	effort
	server    *pgtest.Server
	version   string
	databases map[string]*pgtest.Database // by the SQL that made them
	progress  io.Writer
	began     time.Time

	// ballast is the data of a user's program. Without it, each collection would return a
	// load's memory to the system.
	ballast []byte
}

func newWorkbench(ctx context.Context, how effort, progress io.Writer) (*workbench, error) {
	w := &workbench{effort: how, databases: map[string]*pgtest.Database{}, progress: progress, began: time.Now(), ballast: make([]byte, 64<<20)}
	// Autovacuum would run at times of its own. Catalogs are vacuumed when a database is made.
	server, err := pgtest.Start(ctx, pgtest.Setting("autovacuum", "off"))
	if errors.Is(err, errors.ErrUnsupported) { // the server is not ours to set
		server, err = pgtest.Start(ctx)
	}
	if err != nil {
		return nil, err
	}
	w.server = server
	w.say("%s", server.Origin())
	db, err := pgxDefault.open(ctx, server.DSN(""), new(wire))
	if err == nil {
		err = errors.Join(db.QueryRowContext(ctx, "SHOW server_version").Scan(&w.version), db.Close())
	}
	if err != nil {
		return nil, errors.Join(err, server.Stop())
	}
	return w, nil
}

func (w *workbench) close() (failed error) {
	for _, d := range w.databases {
		failed = errors.Join(failed, d.Drop(context.Background())) // also if the run is interrupted
	}
	return errors.Join(failed, w.server.Stop())
}

// say reports progress.
func (w *workbench) say(format string, args ...any) {
	fmt.Fprintf(w.progress, "%5.0f s  %s\n", time.Since(w.began).Seconds(), fmt.Sprintf(format, args...))
}

// database returns the database that was made by that SQL, or makes it.
func (w *workbench) database(ctx context.Context, made string) (*pgtest.Database, error) {
	if d := w.databases[made]; d != nil {
		return d, nil
	}
	d, err := w.server.CreateDatabase(ctx)
	if err != nil {
		return nil, err
	}
	w.databases[made] = d
	// lib/pq sends this by the simple protocol, in which a DO block may commit.
	db, err := libpq.open(ctx, d.DSN(), new(wire))
	if err != nil {
		return nil, err
	}
	defer db.Close()
	for _, text := range []string{made, vacuum} {
		if _, err := db.ExecContext(ctx, text); err != nil {
			return nil, fmt.Errorf("make a database: %w", err)
		}
	}
	return d, nil
}

// vacuum is for the catalogs that a load reads. To vacuum all relations takes too long.
const vacuum = `VACUUM ANALYZE pg_catalog.pg_class, pg_catalog.pg_type, pg_catalog.pg_attribute, pg_catalog.pg_index,
	pg_catalog.pg_depend, pg_catalog.pg_rewrite, pg_catalog.pg_sequence, pg_catalog.pg_enum, pg_catalog.pg_description,
	pg_catalog.pg_constraint, pg_catalog.pg_attrdef, pg_catalog.pg_namespace, pg_catalog.pg_proc`

// structures is SQL that makes so many views with an index, enums and sequences, and so
// many unrelated tables. It commits before the server's table of locks is full.
func structures(each, tables int) string {
	return fmt.Sprintf(`DO $$ BEGIN
  FOR i IN 1..%d LOOP
    EXECUTE pg_catalog.format('CREATE MATERIALIZED VIEW view_%%1$s AS SELECT 1 AS id, ''''::text AS note WHERE false', i);
    EXECUTE pg_catalog.format('CREATE UNIQUE INDEX view_%%1$s_idx ON view_%%1$s (id)', i);
    EXECUTE pg_catalog.format('CREATE TYPE enum_%%s AS ENUM (''sad'', ''ok'', ''happy'')', i);
    EXECUTE pg_catalog.format('CREATE SEQUENCE sequence_%%s', i);
    IF i %% 200 = 0 THEN COMMIT; END IF;
  END LOOP;
  FOR i IN 1..%d LOOP
    EXECUTE pg_catalog.format('CREATE TABLE table_%%s (id bigint, note text)', i);
    IF i %% 200 = 0 THEN COMMIT; END IF;
  END LOOP;
END $$`, each, tables)
}

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

	everyMode    = []mode{libpq, pgxDefault, pgxExec, pgxSimple}
	defaultModes = []mode{libpq, pgxDefault}
	oneMode      = []mode{pgxDefault} // for lines that use no driver
)

// open makes a pool of one connection, so that all sides run on the same one.
func (m mode) open(ctx context.Context, dsn string, w *wire) (*sql.DB, error) {
	var connector driver.Connector
	if m.driver == "postgres" {
		c, err := pq.NewConnector(dsn)
		if err != nil {
			return nil, err
		}
		c.Dialer(w)
		connector = c
	} else {
		c, err := pgx.ParseConfig(dsn + m.params)
		if err != nil {
			return nil, err
		}
		c.DialFunc = func(_ context.Context, network, address string) (net.Conn, error) { return w.Dial(network, address) }
		connector = stdlib.GetConnector(*c)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// A stage is where one line is set up for one mode.
type stage struct {
	*workbench
	mode    mode
	wire    wire
	closers []func() error // run from the last to the first
}

// open makes a pool of one connection to a database, and closes it when the line is done.
func (s *stage) open(ctx context.Context, made string) (*sql.DB, error) {
	d, err := s.database(ctx, made)
	if err != nil {
		return nil, err
	}
	db, err := s.mode.open(ctx, d.DSN(), &s.wire)
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, db.Close)
	return db, nil
}

// load opens a pool and loads the structures of its database.
func (s *stage) load(ctx context.Context, made string) (*massive.DB, *sql.DB, error) {
	db, err := s.open(ctx, made)
	if err != nil {
		return nil, nil, err
	}
	m, err := massive.Load(ctx, db, postgres.New())
	return m, db, err
}

func (s *stage) close() (failed error) {
	for _, end := range slices.Backward(s.closers) {
		failed = errors.Join(failed, end())
	}
	return failed
}
