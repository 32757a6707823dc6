package pgtest

// A server: how it is started, named in a DSN, given databases, and stopped.

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// A Server is a Postgres server that [Start] found or started. It is safe for concurrent use; the zero
// value is not usable.
type Server struct {
	dsn       string       // of its maintenance database
	version   string       // as the server reports it, such as 15.18
	origin    string       // where it comes from
	end       func() error // ends it; nil if somebody else runs it
	announced sync.Once    // by the first test that has a database on it

	stopping sync.Once
	unended  error // of what Stop did

	mu      sync.Mutex
	stopped bool                   // by Stop
	idle    []*pgconn.PgConn       // to the maintenance database, each for whoever needs one next
	made    map[*Database]struct{} // and not dropped yet, on a server that somebody else runs
}

// Start finds or starts a server, in the order that the package comment gives. It returns when the server
// takes connections; ctx limits how long that may take, and not how long the server lives: that is until
// [Server.Stop], or else as long as the process. If it fails, or ctx ends, it leaves nothing behind; for that
// it may have to wait until initdb is done, a second or so.
//
// The error is [ErrNoPostgres] if there is no Postgres to be had. It is errors.ErrUnsupported if there are
// settings among opts and the server is one that somebody else runs, which can't be given any.
func Start(ctx context.Context, opts ...Option) (*Server, error) {
	c := config{getenv: os.Getenv, places: places, tempDir: tempDir(), repository: maven}
	for _, option := range opts {
		if err := option(&c); err != nil {
			return nil, err
		}
	}
	return climb(ctx, c)
}

// An Option says what kind of server [Start] is to start.
type Option func(*config) error

// Setting gives the server a setting of its configuration, as in Setting("wal_level", "logical"). A later
// one of the same name wins. Where the server listens is pgtest's own affair: port and
// unix_socket_directories are refused.
//
// See https://www.postgresql.org/docs/current/runtime-config.html.
func Setting(name, value string) Option {
	return func(c *config) error {
		switch strings.ToLower(name) {
		case "port", "unix_socket_directories":
			return fmt.Errorf("pgtest: setting %s: pgtest chooses it", name)
		}
		c.settings = append(c.settings, name+"="+value)
		return nil
	}
}

// A config is what the rungs of the ladder go by.
type config struct {
	settings   []string            // name=value
	getenv     func(string) string // the environment
	places     []string            // patterns of the directories where packages put the server binaries
	tempDir    string              // where clusters go
	providers  []rung              // before the download
	repository string              // where there are binaries, unless MASSIVE_POSTGRES_REPOSITORY says otherwise; "" for nowhere
}

// Stop stops the server, without regard to those who use it, and returns when neither a process nor a file
// of it is left. A server that somebody else runs stays up: there it drops the databases that were made by way of this
// Server and are not dropped yet. Stopping again does nothing and returns the same error.
func (s *Server) Stop() error {
	s.stopping.Do(func() {
		if err := s.finish(); err != nil {
			s.unended = fmt.Errorf("pgtest: stop the server: %w", err)
		}
	})
	return s.unended
}

func (s *Server) finish() (err error) {
	s.mu.Lock()
	s.stopped = true
	left := slices.Collect(maps.Keys(s.made))
	s.mu.Unlock()
	if s.end == nil {
		ctx, cancel := patiently()
		defer cancel()
		for _, d := range left {
			err = errors.Join(err, d.Drop(ctx))
		}
	}
	s.mu.Lock()
	for _, conn := range s.idle {
		_ = conn.Close(context.Background())
	}
	s.idle = nil
	s.mu.Unlock()
	if s.end != nil {
		err = s.end()
	}
	return err
}

// Origin says, for people to read, where the server comes from, which version it is, and why better
// sources were passed over. Tests log it; a TestMain or a program may do so by itself.
func (s *Server) Origin() string { return s.origin }

// DSN returns what a driver needs to connect to a database of the server as a role that may do anything
// (or, on a server that somebody else runs, as the role of MASSIVE_POSTGRES_URL). It has the form of
// keywords and values that lib/pq and pgx both read; more of them may be appended after a space. An empty
// name stands for the maintenance database, postgres unless MASSIVE_POSTGRES_URL names another.
func (s *Server) DSN(database string) string {
	if database == "" {
		return s.dsn
	}
	return s.dsn + " dbname=" + quote(database) // the last one counts
}

// CreateDatabase makes an empty database, in UTF8 and ordered by bytes (the locale C) wherever the server
// comes from. It lasts until [Database.Drop], or as long as the server.
func (s *Server) CreateDatabase(ctx context.Context) (*Database, error) {
	// Nobody can be connected to template0, which would keep it from being copied.
	d, err := s.create(ctx, "template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'")
	if err != nil {
		return nil, fmt.Errorf("pgtest: create a database: %w", err)
	}
	return d, nil
}

func (s *Server) create(ctx context.Context, template string) (*Database, error) {
	d := &Database{server: s, name: fmt.Sprintf("%s%d_%d_%08x", prefix, time.Now().Unix(), os.Getpid(), rand.Uint32())}
	text := "CREATE DATABASE " + d.name + " TEMPLATE " + template
	if s.end != nil && s.major() >= 15 {
		// A third of the time that the default takes. It makes the server write a checkpoint, which is no matter
		// to one of ours and might be to somebody else's; before 15 there is no other way.
		text += " STRATEGY file_copy"
	}
	if err := s.maintain(ctx, text); err != nil {
		return nil, advised(err)
	}
	if s.end == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.made == nil {
			s.made = map[*Database]struct{}{}
		}
		s.made[d] = struct{}{}
	}
	return d, nil
}

// drop drops a database, and the role that was made for it.
func (s *Server) drop(ctx context.Context, d *Database) error {
	text := "DROP DATABASE IF EXISTS " + d.name
	if s.major() > 12 {
		text += " WITH (FORCE)"
	}
	err := s.maintain(ctx, text)
	if err == nil && d.Role() == d.name {
		err = s.maintain(ctx, "DROP ROLE IF EXISTS "+d.name)
	}
	if errors.Is(err, errStopped) {
		return nil
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.made, d)
	return nil
}

// errStopped is what a stopped server has to say.
var errStopped = errors.New("the server was stopped")

// major is the number that the server's version begins with.
func (s *Server) major() int {
	text, _, _ := strings.Cut(s.version, ".")
	major, _ := strconv.Atoi(text)
	return major
}

// maintain runs a statement in the maintenance database, on a connection that is kept: to connect takes longer than
// to make a database or to drop it.
func (s *Server) maintain(ctx context.Context, statement string) error {
	conn, err := s.maintenance(ctx)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement).ReadAll()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		_ = conn.Close(ctx)
	} else if !conn.IsClosed() {
		s.idle = append(s.idle, conn)
	}
	return err
}

func (s *Server) maintenance(ctx context.Context) (*pgconn.PgConn, error) {
	for {
		s.mu.Lock()
		if s.stopped && s.end != nil {
			s.mu.Unlock()
			return nil, errStopped
		}
		n := len(s.idle)
		if n == 0 {
			s.mu.Unlock()
			return pgconn.Connect(ctx, s.dsn)
		}
		conn := s.idle[n-1]
		s.idle = s.idle[:n-1]
		s.mu.Unlock()
		if conn.Ping(ctx) == nil {
			return conn, nil
		}
		_ = conn.Close(ctx) // the server has ended it
	}
}

// The name of a database that pgtest makes says how old it is: the prefix, the time in seconds since 1970,
// the process's id and a random number. One older than stale that nobody uses belongs to a process that
// did not live to drop it.
const (
	prefix = "massive_test_"
	stale  = time.Hour
)

// sweep drops the stale databases with the prefix, and their roles, on a server that outlives the processes that use it.
func sweep(ctx context.Context, conn *pgconn.PgConn, prefix string) error {
	results, err := conn.Exec(ctx, `
		SELECT datname
		FROM pg_catalog.pg_database
		WHERE pg_catalog.substring(datname::text, '^`+prefix+`([0-9]{1,18})_')::bigint
				< `+fmt.Sprint(time.Now().Add(-stale).Unix())+`
			AND NOT EXISTS (
				SELECT FROM pg_catalog.pg_stat_activity
				WHERE pg_stat_activity.datname = pg_database.datname)`).ReadAll()
	if err != nil {
		return fmt.Errorf("look for stale databases: %w", err)
	}
	for _, row := range results[0].Rows {
		if err := sweepAway(ctx, conn, "DATABASE", string(row[0])); err != nil {
			return err
		}
	}
	for _, row := range results[0].Rows { // the roles that Fill made, which may own something in several of them
		if err := sweepAway(ctx, conn, "ROLE", string(row[0])); err != nil {
			return err
		}
	}
	return nil
}

func sweepAway(ctx context.Context, conn *pgconn.PgConn, kind, name string) error {
	_, err := conn.Exec(ctx, "DROP "+kind+" IF EXISTS "+name).ReadAll()
	// It may be another role's, or just being swept by another process: then it is not ours to drop.
	var refused *pgconn.PgError
	if err != nil && !errors.As(err, &refused) {
		return fmt.Errorf("drop the stale %s %s: %w", strings.ToLower(kind), name, err)
	}
	return nil
}

// launched holds what every server of ours lives by, from its start to its stop: a file or a connection that
// closes when the process ends. A server may be in use by its DSN when nothing else refers to it; the garbage
// collector must not close that.
var launched sync.Map

// hasty are the arguments of a server of ours. They give up the safety of the data for speed, and let many
// tests run at once.
var hasty = []string{
	"-F", // no fsync
	"-c", "synchronous_commit=off",
	"-c", "max_locks_per_transaction=512", // a test may make thousands of tables, beside others
	"-c", "full_page_writes=off",
	"-c", "max_connections=200",
}

// await returns the version of a server once it takes connections. Until then it tries again after every
// pause; it gives up when ctx ends, or pause returns an error.
func await(ctx context.Context, dsn string, pause func() error) (version string, err error) {
	config, err := pgconn.ParseConfig(dsn)
	if err != nil {
		return "", err
	}
	for {
		conn, err := pgconn.ConnectConfig(ctx, config)
		if err == nil {
			return versionOf(conn), conn.Close(ctx)
		}
		var refused *pgconn.PgError
		if errors.As(err, &refused) && refused.Code != "57P03" { // cannot_connect_now
			return "", err
		}
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		if err := pause(); err != nil {
			return "", err
		}
	}
}

// execute runs SQL text on a connection of its own, which leaves no pool and no goroutine to care for.
func execute(ctx context.Context, dsn, text string) error {
	conn, err := pgconn.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, text).ReadAll()
	return errors.Join(err, conn.Close(ctx))
}

// versionOf returns the server's version as it is usually written, such as 15.18, without what a
// distribution adds.
func versionOf(conn *pgconn.PgConn) string {
	version, _, _ := strings.Cut(conn.ParameterStatus("server_version"), " ")
	return version
}

// quote quotes a value of a DSN.
func quote(value string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value) + "'"
}
