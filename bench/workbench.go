package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/massivedb/massive-go/sqltest/pgtest"
)

// A workbench is the server that everything is measured on, with its databases.
type workbench struct {
	effort
	server    *pgtest.Server
	version   string
	databases map[string]*pgtest.Database // by what made them
	progress  io.Writer
	began     time.Time

	// ballast is the data of the program that the library is a part of: with next to none, each collection would give
	// a load's memory back to the system, and each load would ask for it anew.
	ballast []byte
}

func newWorkbench(ctx context.Context, how effort, progress io.Writer) (*workbench, error) {
	w := &workbench{effort: how, databases: map[string]*pgtest.Database{}, progress: progress, began: time.Now(), ballast: make([]byte, 64<<20)}
	// Autovacuum would come at times of its own. Databases are vacuumed and analyzed when they are made.
	server, err := pgtest.Start(ctx, pgtest.Setting("autovacuum", "off"))
	if errors.Is(err, errors.ErrUnsupported) {
		w.say("the server is somebody else's: its settings are as they are, autovacuum too")
		server, err = pgtest.Start(ctx)
	}
	if err != nil {
		return nil, err
	}
	w.server = server
	w.say("%s", server.Origin())
	w.version, err = w.ask(ctx, "SELECT pg_catalog.current_setting('server_version')")
	if err != nil {
		return nil, errors.Join(err, server.Stop())
	}
	return w, nil
}

func (w *workbench) close() error {
	var failed error
	for made := range w.databases {
		failed = errors.Join(failed, w.drop(made))
	}
	return errors.Join(failed, w.server.Stop())
}

// say tells whoever waits what is going on, and how many seconds it took to get there.
func (w *workbench) say(format string, args ...any) {
	fmt.Fprintf(w.progress, "%5.0f s  %s\n", time.Since(w.began).Seconds(), fmt.Sprintf(format, args...))
}

// ask is a text that the server's maintenance database answers.
func (w *workbench) ask(ctx context.Context, query string) (answer string, err error) {
	db, err := pgxDefault.open(ctx, w.server.DSN(""))
	if err != nil {
		return "", err
	}
	defer db.Close()
	err = db.QueryRowContext(ctx, query).Scan(&answer)
	return answer, err
}

// database is the one that was made by that SQL, or a new one.
func (w *workbench) database(ctx context.Context, made string) (*pgtest.Database, error) {
	if d := w.databases[made]; d != nil {
		return d, nil
	}
	d, err := w.server.CreateDatabase(ctx)
	if err != nil {
		return nil, err
	}
	w.databases[made] = d
	for _, texts := range [][]string{strings.Split(made, sideBySide), {analyzeCatalogs}} {
		failed := make(chan error)
		for _, text := range texts {
			go func() { failed <- execute(ctx, d.DSN(), text) }()
		}
		for range texts {
			err = errors.Join(err, <-failed)
		}
		if err != nil {
			return nil, fmt.Errorf("make a database: %w", err)
		}
	}
	return d, nil
}

// sideBySide stands between parts of what makes a database that are run at the same time.
const sideBySide = "\n-- and side by side with that\n"

// execute runs SQL on a connection of its own. Without arguments it goes by the simple protocol, where a DO block may
// commit as it goes.
func execute(ctx context.Context, dsn, text string) error {
	db, err := libpq.open(ctx, dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, text)
	return err
}

// drop gives a database's space back.
func (w *workbench) drop(made string) error {
	d := w.databases[made]
	if d == nil {
		return nil
	}
	delete(w.databases, made)
	return d.Drop(context.Background()) // also when the run is cut short
}

// analyzeCatalogs is what autovacuum would do before long. The many statements of its own that a VACUUM of
// everything would take are not needed: nothing else is read.
const analyzeCatalogs = `VACUUM ANALYZE pg_catalog.pg_class, pg_catalog.pg_type, pg_catalog.pg_attribute, pg_catalog.pg_index,
	pg_catalog.pg_depend, pg_catalog.pg_rewrite, pg_catalog.pg_sequence, pg_catalog.pg_enum, pg_catalog.pg_description,
	pg_catalog.pg_constraint, pg_catalog.pg_attrdef, pg_catalog.pg_namespace, pg_catalog.pg_proc`

// structures is SQL that makes so many of each kind: views of two columns with an index, enums of three labels,
// sequences; and so many tables that have nothing to do with them. Each half of them is made by a connection of its own,
// since a hundred thousand take a processor a minute, in transactions that a server's table of locks has room for.
func structures(each, tables int) string {
	return someStructures(1, each/2, 1, tables/2) + sideBySide + someStructures(each/2+1, each, tables/2+1, tables)
}

func someStructures(first, last, firstTable, lastTable int) string {
	return fmt.Sprintf(`DO $$ BEGIN
  FOR i IN %d..%d LOOP
    EXECUTE pg_catalog.format('CREATE MATERIALIZED VIEW view_%%s AS SELECT 1 AS id, ''''::text AS note WHERE false', i);
    EXECUTE pg_catalog.format('CREATE UNIQUE INDEX view_%%s_idx ON view_%%s (id)', i, i);
    EXECUTE pg_catalog.format('CREATE TYPE enum_%%s AS ENUM (''sad'', ''ok'', ''happy'')', i);
    EXECUTE pg_catalog.format('CREATE SEQUENCE sequence_%%s', i);
    IF i %% 200 = 0 THEN COMMIT; END IF;
  END LOOP;
  FOR i IN %d..%d LOOP
    EXECUTE pg_catalog.format('CREATE TABLE table_%%s (id bigint, note text)', i);
    IF i %% 200 = 0 THEN COMMIT; END IF;
  END LOOP;
END $$`, first, last, firstTable, lastTable)
}

// A stage is where one line is set up for one mode.
type stage struct {
	*workbench
	mode    mode
	pools   []*sql.DB
	closers []func() // what works through the pools, to be ended before them
}

// open makes a pool of one connection to a database; it is closed when the line is done.
func (s *stage) open(ctx context.Context, made string) (*sql.DB, error) {
	d, err := s.database(ctx, made)
	if err != nil {
		return nil, err
	}
	db, err := s.mode.open(ctx, d.DSN())
	if err != nil {
		return nil, err
	}
	s.pools = append(s.pools, db)
	return db, nil
}

func (s *stage) close() error {
	for _, end := range s.closers {
		end()
	}
	var failed error
	for _, db := range s.pools {
		failed = errors.Join(failed, db.Close())
	}
	return failed
}
