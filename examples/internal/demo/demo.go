// Package demo has the code that the examples share and that does not use the library:
// start and end of a program, its flags, and a temporary database.
package demo

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "github.com/lib/pq"

	"github.com/massivedb/massive-go/sqltest/pgtest"
)

// Main runs a program until it ends or is interrupted. If it fails, Main prints the error
// and exits with status 1.
func Main(name string, run func(ctx context.Context, out io.Writer, args []string) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, os.Args[1:]); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		}
		stop()
		os.Exit(1)
	}
}

// Parse parses a program's arguments and returns the driver. Further adds flags, if it is
// not nil.
func Parse(name string, args []string, further func(*flag.FlagSet)) (driver string, err error) {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.StringVar(&driver, "driver", "pgx", "pgx or postgres (lib/pq)")
	if further != nil {
		further(flags)
	}
	switch err := flags.Parse(args); {
	case err != nil:
		return "", err
	case flags.NArg() > 0:
		return "", fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case driver != "pgx" && driver != "postgres":
		return "", fmt.Errorf("unknown driver %q: use pgx or postgres (lib/pq)", driver)
	}
	return driver, nil
}

// A Database is a new database on a temporary server, which stops when the program ends.
type Database struct {
	*sql.DB
	DSN  string
	made *pgtest.Database
}

// Open creates a database and runs the SQL in schema.
func Open(ctx context.Context, driver, schema string) (_ *Database, err error) {
	server, err := pgtest.Shared()
	if err != nil {
		return nil, err
	}
	made, err := server.CreateDatabase(ctx)
	if err != nil {
		return nil, err
	}
	d := &Database{DSN: made.DSN(), made: made}
	if d.DB, err = sql.Open(driver, d.DSN); err == nil {
		_, err = d.ExecContext(ctx, schema)
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// Close closes the pool and drops the database.
func (d *Database) Close() (err error) {
	if d.DB != nil {
		err = d.DB.Close()
	}
	return errors.Join(err, d.made.Drop(context.Background())) // also after an interrupt
}
