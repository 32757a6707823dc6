package pgtest

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

// A Server is a Postgres server that [Start] found or started. It is safe for concurrent
// use. The zero value is not usable; call [Start] or [Shared].
type Server struct {
	dsn       string       // of its maintenance database
	version   string       // as the server reports it, for example 15.18
	origin    string       // for people: its source and version
	end       func() error // ends it; nil for an external server
	announced sync.Once    // the first test on it logs its origin

	stopping sync.Once
	stopErr  error // the result of Stop

	mu      sync.Mutex
	stopped bool                   // Stop was called
	idle    []*pgconn.PgConn       // unused connections to the maintenance database
	made    map[*Database]struct{} // on an external server, the databases that are not dropped yet
}

// Start returns a server from the first available source in the package comment. It
// returns when the server accepts connections. ctx limits the start only: the server runs
// until [Server.Stop], or until the process ends. If Start fails, or ctx ends, it leaves
// nothing behind. For that, it may wait about a second for initdb.
//
// Errors: [ErrNoPostgres] if no source is available; [errors.ErrUnsupported] if opts has
// a [Setting] and the server is external.
func Start(ctx context.Context, opts ...Option) (*Server, error) {
	c := config{getenv: os.Getenv, places: places, tempDir: tempDir(), repository: maven}
	for _, option := range opts {
		if err := option(&c); err != nil {
			return nil, err
		}
	}
	return findServer(ctx, c)
}

// An Option configures [Start] and [Shared]: [Setting], [Provider].
type Option func(*config) error

// Setting sets a configuration parameter of the server, for example Setting("wal_level",
// "logical"). If a name is repeated, the last value counts. port and
// unix_socket_directories are errors, because pgtest chooses them.
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

// A config has the inputs of the sources.
type config struct {
	settings   []string            // name=value
	getenv     func(string) string // the environment
	places     []string            // patterns for directories where packages install server binaries
	tempDir    string              // the parent directory of clusters
	providers  []source            // tried before the download
	repository string              // the default for MASSIVE_POSTGRES_REPOSITORY; "" for none
}

// Stop stops the server, even if it has connections. It returns when all processes and
// files of the server are gone. Stop does not stop an external server, but drops all
// databases that were created through s. A second call does nothing and returns the same
// error.
func (s *Server) Stop() error {
	s.stopping.Do(func() {
		if err := s.finish(); err != nil {
			s.stopErr = fmt.Errorf("pgtest: stop the server: %w", err)
		}
	})
	return s.stopErr
}

func (s *Server) finish() (err error) {
	s.mu.Lock()
	s.stopped = true
	left := slices.Collect(maps.Keys(s.made))
	s.mu.Unlock()
	if s.end == nil {
		ctx, cancel := withTimeout()
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

// Origin describes the server for people: its source, its version, and why pgtest did not
// use an earlier source. Tests log it. A TestMain or a program can log it, too.
func (s *Server) Origin() string { return s.origin }

// DSN returns a connection string for a database of the server, for lib/pq and pgx. Its
// role is a superuser, or the role of MASSIVE_POSTGRES_URL on an external server. It has
// the form of keywords and values. More of them can be appended after a space. If
// database is empty, DSN uses the maintenance database: the database in
// MASSIVE_POSTGRES_URL, or else postgres.
func (s *Server) DSN(database string) string {
	if database == "" {
		return s.dsn
	}
	return s.dsn + " dbname=" + quote(database) // the last dbname counts
}

// CreateDatabase creates an empty database. Its encoding is UTF8 and its locale is C, on
// every server. It exists until [Database.Drop], or as long as the server.
func (s *Server) CreateDatabase(ctx context.Context) (*Database, error) {
	// template0 accepts no connections, and a connection would block the copy.
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
		// It takes a third of the default's time. It writes a checkpoint, which could
		// disturb users of an external server. Before 15 there is no other strategy.
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

// drop drops a database and the role that was created for it.
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

// errStopped is the error of operations on a stopped server.
var errStopped = errors.New("the server was stopped")

// major returns the server's major version.
func (s *Server) major() int {
	text, _, _ := strings.Cut(s.version, ".")
	major, _ := strconv.Atoi(text)
	return major
}

// maintain runs a statement in the maintenance database. It keeps the connection, because
// connecting takes longer than creating or dropping a database.
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

// The name of a pgtest database contains its age: the prefix, the Unix time in seconds,
// the process ID and a random number. If a database is older than stale and has no
// connections, its process ended before it could drop the database.
const (
	prefix = "massive_test_"
	stale  = time.Hour
)

// sweep drops the stale databases with the prefix, and their roles, on an external
// server.
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
		if err := dropStale(ctx, conn, "DATABASE", string(row[0])); err != nil {
			return err
		}
	}
	for _, row := range results[0].Rows { // after the databases, because a role of Fill may own objects in several
		if err := dropStale(ctx, conn, "ROLE", string(row[0])); err != nil {
			return err
		}
	}
	return nil
}

func dropStale(ctx context.Context, conn *pgconn.PgConn, kind, name string) error {
	_, err := conn.Exec(ctx, "DROP "+kind+" IF EXISTS "+name).ReadAll()
	// The server rejects the drop if it belongs to another role, or if another process
	// drops it now.
	var refused *pgconn.PgError
	if err != nil && !errors.As(err, &refused) {
		return fmt.Errorf("drop the stale %s %s: %w", strings.ToLower(kind), name, err)
	}
	return nil
}

// launched has the clusters and instances between start and stop. Each holds a file or
// connection that keeps its server running. The garbage collector must not close it while
// only a DSN refers to the server.
var launched sync.Map

// fastArgs are the arguments for servers that pgtest starts. They trade data safety for
// speed, and allow many parallel tests.
var fastArgs = []string{
	"-F", // no fsync
	"-c", "synchronous_commit=off",
	"-c", "max_locks_per_transaction=512", // parallel tests may each create thousands of tables
	"-c", "full_page_writes=off",
	"-c", "max_connections=200",
}

// await waits until a server accepts connections, and returns its version. It calls pause
// between attempts. It returns an error if ctx ends, or if pause returns an error.
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

// execute runs SQL text on a new connection, without a pool and its goroutines.
func execute(ctx context.Context, dsn, text string) error {
	conn, err := pgconn.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, text).ReadAll()
	return errors.Join(err, conn.Close(ctx))
}

// versionOf returns the server's version, for example 15.18, without the distribution's
// suffix.
func versionOf(conn *pgconn.PgConn) string {
	version, _, _ := strings.Cut(conn.ParameterStatus("server_version"), " ")
	return version
}

// quote quotes a value of a DSN.
func quote(value string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value) + "'"
}
