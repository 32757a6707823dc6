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

// A workbench has the server of a run and its databases.
type workbench struct {
	effort
	server    *pgtest.Server
	version   string
	databases map[string]*pgtest.Database // by the SQL that created them
	progress  io.Writer
	began     time.Time

	// ballast stands for the data of a program. Without it, the garbage collector would return
	// a load's memory to the system each time.
	ballast []byte
}

func newWorkbench(ctx context.Context, how effort, progress io.Writer) (*workbench, error) {
	w := &workbench{effort: how, databases: map[string]*pgtest.Database{}, progress: progress, began: time.Now(), ballast: make([]byte, 64<<20)}
	// Autovacuum would disturb measurements. Catalogs are vacuumed when a database is created.
	server, err := pgtest.Start(ctx, pgtest.Setting("autovacuum", "off"))
	if errors.Is(err, errors.ErrUnsupported) { // MASSIVE_POSTGRES_URL: its settings can't be changed
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
		failed = errors.Join(failed, d.Drop(context.Background())) // even after an interrupt
	}
	return errors.Join(failed, w.server.Stop())
}

// say prints progress.
func (w *workbench) say(format string, args ...any) {
	fmt.Fprintf(w.progress, "%5.0f s  %s\n", time.Since(w.began).Seconds(), fmt.Sprintf(format, args...))
}

// database returns the database that the SQL creates. It creates each only once.
func (w *workbench) database(ctx context.Context, made string) (*pgtest.Database, error) {
	if d := w.databases[made]; d != nil {
		return d, nil
	}
	d, err := w.server.CreateDatabase(ctx)
	if err != nil {
		return nil, err
	}
	w.databases[made] = d
	// lib/pq uses the simple protocol here, so a DO block may commit.
	db, err := libpq.open(ctx, d.DSN(), new(wire))
	if err != nil {
		return nil, err
	}
	defer db.Close()
	for _, text := range []string{made, vacuum} {
		if _, err := db.ExecContext(ctx, text); err != nil {
			return nil, fmt.Errorf("create a database: %w", err)
		}
	}
	return d, nil
}

// vacuum vacuums the catalogs that a load reads. All relations would take too long.
const vacuum = `VACUUM ANALYZE pg_catalog.pg_class, pg_catalog.pg_type, pg_catalog.pg_attribute, pg_catalog.pg_index,
	pg_catalog.pg_depend, pg_catalog.pg_rewrite, pg_catalog.pg_sequence, pg_catalog.pg_enum, pg_catalog.pg_description,
	pg_catalog.pg_constraint, pg_catalog.pg_attrdef, pg_catalog.pg_namespace, pg_catalog.pg_proc`

// structures returns SQL that creates views with an index, enums and sequences, as many of
// each, and unrelated tables. It commits before the server's lock table is full.
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

// A mode is a driver and its way to send statements.
type mode struct {
	name   string
	driver string
	params string // for the end of the DSN
}

// The modes of all lines.
var (
	libpq      = mode{"lib/pq", "postgres", ""}
	pgxDefault = mode{"pgx", "pgx", ""}
	pgxExec    = mode{"pgx exec", "pgx", " default_query_exec_mode=exec"}
	pgxSimple  = mode{"pgx simple", "pgx", " default_query_exec_mode=simple_protocol"}

	everyMode    = []mode{libpq, pgxDefault, pgxExec, pgxSimple}
	defaultModes = []mode{libpq, pgxDefault}
	oneMode      = []mode{pgxDefault} // also for lines that use no driver
)

// open opens a pool of one connection, so that all sides share it.
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

// A stage sets up one line for one mode.
type stage struct {
	*workbench
	mode    mode
	wire    wire
	closers []func() error // called in reverse order
}

// open opens a pool of one connection to a database. The stage closes it.
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

// load opens a pool, and loads the structures of its database.
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
