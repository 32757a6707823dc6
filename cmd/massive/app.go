package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
)

// The exit codes. An interrupted command exits with 128 and the number of the signal.
const (
	exitOK       = 0
	exitFindings = 1 // findings, or an operation that failed for another reason
	exitUsage    = 2
	exitNoServer = 3
	exitRefresh  = 4 // a refresh failed
)

// An app is one run of the command.
type app struct {
	in       *os.File
	out      *printer // data
	progress *printer // progress, questions and warnings

	url              string
	json             bool
	include, exclude []string
	ledger           string   // its schema
	owners           []string // roles that may own the ledger

	ran bool // the command line is right, and the command has begun
}

// An exit is an error with the exit code of the process. Its text is empty if the command
// has already printed everything.
type exit struct {
	code int
	err  error
}

func (e exit) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e exit) Unwrap() error { return e.err }

// usage returns an error in the command line.
func usage(format string, args ...any) error { return exit{exitUsage, fmt.Errorf(format, args...)} }

// code returns the exit code for a command's error.
func (a *app) code(err error) int {
	var e exit
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &e):
		return e.code
	case !a.ran, errors.Is(err, massive.ErrInvalid):
		return exitUsage
	case errors.Is(err, massive.ErrUnavailable):
		return exitNoServer
	default:
		return exitFindings
	}
}

// root returns the command with its subcommands.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "massive",
		Short: "Materialized views, enums and sequences of a PostgreSQL database",
		Long: `massive lists, checks and refreshes the materialized views, enums and sequences of a
PostgreSQL database.

The database is that of --database-url, or else of $DATABASE_URL, or else of the
variables of libpq: PGHOST, PGDATABASE, PGUSER, PGPASSWORD, PGSERVICE and so on. A
password in a flag is visible to other users of the machine; use a variable instead.

Data goes to standard output. Progress, questions and errors go to standard error.
Colors are used only on a terminal, and not if $NO_COLOR is set.

Exit codes: 0 success; 1 findings, or a failed operation; 2 a wrong command line; 3 no
connection to the server; 4 a refresh failed; 130 interrupted.`,
		Example: `  export DATABASE_URL=postgres://localhost/shop
  massive ls
  massive doctor
  massive refresh --if-possible`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetOut(a.out)
	root.SetErr(a.progress)
	flags := root.PersistentFlags()
	flags.StringVar(&a.url, "database-url", "", "`URL` of the database, or keywords and values (default $DATABASE_URL, then PG*)")
	flags.BoolVar(&a.json, "json", false, "print JSON")
	flags.StringArrayVar(&a.include, "include", nil, "look only at structures that match this `pattern`, such as stats.*; repeatable")
	flags.StringArrayVar(&a.exclude, "exclude", nil, "ignore structures that match this `pattern`; repeatable")
	flags.StringVar(&a.ledger, "ledger", os.Getenv("MASSIVE_LEDGER"), "`schema` of the ledger of refreshes (default $MASSIVE_LEDGER)")
	flags.StringArrayVar(&a.owners, "ledger-owner", nil, "trust this `role` as the ledger's owner, too; repeatable")
	root.AddCommand(a.ls(), a.show(), a.graph(), a.refresh(), a.freshness(), a.keepFresh(), a.replace(), a.ledgers(), a.sequences(), a.enums(), a.watch(), a.doctor(), a.reportFile(), a.generate(), a.version())
	return root
}

// run returns the RunE of a command that needs no database.
func (a *app) run(f func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		a.ran = true
		return f(c.Context(), args)
	}
}

// A session is a database and its structures.
type session struct {
	*massive.DB
	pool *sql.DB
}

// with returns the RunE of a command that loads structures of these kinds, or of all.
func (a *app) with(f func(ctx context.Context, s session, args []string) error, only ...massive.Kind) func(*cobra.Command, []string) error {
	return a.run(func(ctx context.Context, args []string) error {
		s, err := a.load(ctx, only...)
		if err != nil {
			return err
		}
		defer s.pool.Close()
		return f(ctx, s, args)
	})
}

// load connects and loads structures of these kinds, or of all, with the sequences of
// primary keys.
func (a *app) load(ctx context.Context, only ...massive.Kind) (session, error) {
	pool, err := connect(ctx, a.url)
	if err != nil {
		return session{}, err
	}
	var opts []massive.LoadOption
	if len(only) > 0 {
		opts = append(opts, massive.Only(only...))
	}
	if len(only) == 0 || slices.Contains(only, massive.KindSequence) {
		opts = append(opts, massive.WithKeySequences())
	}
	if len(a.include) > 0 {
		opts = append(opts, massive.Include(a.include...))
	}
	if len(a.exclude) > 0 {
		opts = append(opts, massive.Exclude(a.exclude...))
	}
	if a.ledger != "" && (len(only) == 0 || slices.Contains(only, massive.KindMatview)) {
		var trusted []massive.LedgerOption
		if len(a.owners) > 0 {
			trusted = append(trusted, massive.LedgerOwners(a.owners...))
		}
		opts = append(opts, massive.WithLedger(a.ledger, trusted...))
	}
	m, err := massive.Load(ctx, pool, postgres.New(), opts...)
	if err != nil {
		pool.Close()
		return session{}, err
	}
	for _, p := range m.UnmatchedPatterns() {
		a.warn("the pattern " + p + " matches nothing")
	}
	if len(a.include)+len(a.exclude) == 0 {
		for _, x := range m.Excluded() { // a name that is not UTF-8
			a.warn(x.Kind.String() + " " + x.Name.String() + " is not listed: " + x.Why)
		}
	}
	return session{m, pool}, nil
}

func (a *app) warn(text string) { a.progress.line("warning: " + text) }
