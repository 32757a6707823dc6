// Package server starts a temporary MariaDB for tests and for the example, from the
// binaries of Debian's package mariadb-server. It works as root and as an ordinary user.
// The server listens on a Unix socket in a directory of its own. It ends with this
// process.
package server

import (
	"cmp"
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql" // for Await and Open
)

//go:embed watchdog.sh
var watchdog string

// ErrMissing means that the server's binaries are not installed.
var ErrMissing = errors.New("there is no MariaDB server: apt-get install mariadb-server")

// A Server is a running server.
type Server struct {
	dir   string
	owner io.Closer
	shell *exec.Cmd
}

// fast makes a server fast, and lose data if the machine crashes.
var fast = []string{
	"--character-set-server=utf8mb4", "--collation-server=utf8mb4_bin", "--innodb-flush-log-at-trx-commit=0",
	"--innodb-buffer-pool-size=32M", "--innodb-log-file-size=16M", "--innodb-doublewrite=0", "--skip-name-resolve",
	"--performance-schema=0",
}

// Start starts a server with further settings, such as --innodb-doublewrite=1. Errors:
// [ErrMissing].
func Start(ctx context.Context, settings ...string) (*Server, error) {
	path := os.Getenv("PATH") + ":/usr/sbin:/usr/bin:/bin"
	if !slices.ContainsFunc(filepath.SplitList(path), func(dir string) bool {
		_, err := os.Stat(filepath.Join(dir, "mariadbd"))
		return err == nil
	}) {
		return nil, ErrMissing
	}
	dir := filepath.Join(cmp.Or(os.Getenv("TMPDIR"), "/tmp"), fmt.Sprintf("mariadb-%08x", rand.Uint32()))
	shell := exec.Command("/bin/sh", slices.Concat([]string{"-c", watchdog, "mariadb-watchdog", dir}, fast, settings)...)
	shell.Dir, shell.Env = "/", append(os.Environ(), "PATH="+path, "LC_ALL=C")
	owner, err := shell.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := shell.Start(); err != nil {
		return nil, err
	}
	s := &Server{dir, owner, shell}
	if err := s.Await(ctx); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

// Await waits until the server accepts connections, a minute at most.
func (s *Server) Await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	db, err := sql.Open("mysql", s.DSN(""))
	if err != nil {
		return err
	}
	defer db.Close()
	for {
		err := db.PingContext(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			return fmt.Errorf("MariaDB does not start: %w\n%s", err, log)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// DSN returns the DSN of a database, for the server's root. Settings are those of the
// driver, such as timeout=1s.
func (s *Server) DSN(database string, settings ...string) string {
	return s.As("root", database, settings...)
}

// As returns the DSN for a user without a password.
func (s *Server) As(user, database string, settings ...string) string {
	return user + "@unix(" + filepath.Join(s.dir, "sock") + ")/" + database + "?" + strings.Join(settings, "&")
}

// Kill kills the server, which starts again by itself.
func (s *Server) Kill() error {
	text, err := os.ReadFile(filepath.Join(s.dir, "pid"))
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return err
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	return process.Kill()
}

// Stop ends the server and removes its files.
func (s *Server) Stop() {
	_ = s.owner.Close()
	_ = s.shell.Wait() // its exit status does not matter
}

var shared = sync.OnceValues(func() (*Server, error) { return Start(context.Background()) })

// Shared returns the server of this test binary, and starts it if necessary.
func Shared(tb testing.TB) *Server {
	tb.Helper()
	s, err := shared()
	Require(tb, err)
	return s
}

// Require ends the test if a server did not start. If the binaries are missing, it skips
// the test, unless MASSIVE_REQUIRE_MARIADB is set.
func Require(tb testing.TB, err error) {
	tb.Helper()
	switch {
	case err == nil:
	case errors.Is(err, ErrMissing) && os.Getenv("MASSIVE_REQUIRE_MARIADB") == "":
		tb.Skipf("NOT RUN: %v; MASSIVE_REQUIRE_MARIADB=1 makes this an error", err)
	default:
		tb.Fatal(err)
	}
}
