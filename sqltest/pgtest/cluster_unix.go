//go:build unix

package pgtest

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// watchdog is the shell script that runs initdb and the server. It reads from a pipe.
// This process holds the other end, which the system closes when the process ends in any
// way.
//
//go:embed watchdog.sh
var watchdog string

// privateArgs make the server listen only on a Unix socket, in a directory that only the
// server's user may enter.
var privateArgs = []string{"-p", "5432", "-c", "listen_addresses="}

// A cluster is a data directory, and the server that runs on it.
type cluster struct {
	dir      string    // has all files: data, log, socket
	watchdog *exec.Cmd // runs initdb and the server, then removes dir
	owner    *os.File  // the server runs until this is closed
	server   *os.File  // at EOF when neither initdb nor the server runs
}

// launch starts a watchdog, which creates a cluster in a new directory.
func launch(dir, bin string, settings []string) (*cluster, error) {
	credential, err := unprivileged()
	if err != nil {
		return nil, err
	}
	stdin, owner, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer stdin.Close()
	server, stdout, err := os.Pipe()
	if err != nil {
		owner.Close()
		return nil, err
	}
	defer stdout.Close()

	arguments := slices.Concat([]string{"-c", watchdog, "pgtest-watchdog", dir, bin}, privateArgs, fastArgs)
	for _, setting := range settings {
		arguments = append(arguments, "-c", setting)
	}
	cmd := exec.Command("/bin/sh", arguments...)
	cmd.Dir = "/"
	cmd.Env = environment()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stdout
	// Ctrl-C does not reach a new session, so the watchdog can clean up.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: credential}
	if err := cmd.Start(); err != nil {
		owner.Close()
		server.Close()
		return nil, err
	}
	c := &cluster{dir: dir, watchdog: cmd, owner: owner, server: server}
	launched.Store(c, nil)
	return c, nil
}

// dsn returns the DSN of the maintenance database. It sets every value that the
// environment (PGHOST and others) could set.
func (c *cluster) dsn() string {
	return "host=" + quote(c.dir) + " port=5432 user=postgres dbname=postgres sslmode=disable"
}

// await waits until the server accepts connections, and returns its version. It returns
// an error if ctx or the server ends.
func (c *cluster) await(ctx context.Context) (version string, err error) {
	var output bytes.Buffer // of a watchdog that fails before it starts the server
	version, err = await(ctx, c.dsn(), func() error {
		_ = c.server.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		if _, err := output.ReadFrom(c.server); !errors.Is(err, os.ErrDeadlineExceeded) {
			return fmt.Errorf("the server does not start: %s%s", &output, c.logged())
		}
		return nil
	})
	if err != nil && ctx.Err() != nil {
		return "", fmt.Errorf("%w: %s", err, c.logged())
	}
	return version, err
}

// logged returns the last lines of the log of initdb and the server.
func (c *cluster) logged() string {
	log, err := os.ReadFile(filepath.Join(c.dir, "log"))
	if err != nil {
		return "nothing logged"
	}
	const most = 20
	lines := strings.Split(strings.TrimSpace(string(log)), "\n")
	return strings.Join(lines[max(0, len(lines)-most):], "\n")
}

// stop ends the server, after initdb has finished. It returns when all processes and
// files of the cluster are gone. It is called once.
func (c *cluster) stop() error {
	c.owner.Close()
	_ = c.watchdog.Wait() // its exit status does not matter
	c.server.Close()
	launched.Delete(c)
	return os.RemoveAll(c.dir)
}

// unprivileged returns the user for the server if this process is root, because the
// server does not run as root. Otherwise it returns nil.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		account, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(account.Uid, 10, 32)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.ParseUint(account.Gid, 10, 32)
		if err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("the server does not run as root, and there is no user postgres or nobody to run it")
}

// environment returns this process's environment without variables that change a server,
// such as PGDATA and PGPORT. It sets the locale and the time zone, so that they are the
// same everywhere. On macOS the server may not start without LC_ALL. PATH always contains
// the commands that the watchdog needs.
func environment() []string {
	kept := slices.DeleteFunc(os.Environ(), func(variable string) bool { return strings.HasPrefix(variable, "PG") })
	return append(kept, "LC_ALL=C", "TZ=UTC", "PATH="+os.Getenv("PATH")+":/usr/bin:/bin")
}

// clusterDir chooses a directory for a cluster in tempDir. It chooses /tmp if the path is
// too long for a socket, or if the server's user can't enter tempDir.
func clusterDir(tempDir string) (string, error) {
	name := fmt.Sprintf("pgtest-%016x", rand.Uint64())
	dir, err := filepath.Abs(filepath.Join(tempDir, name))
	if err != nil {
		return "", err
	}
	const longest = 103 // macOS's limit; Linux's is 107
	tooLong := len(filepath.Join(dir, ".s.PGSQL.5432")) > longest
	info, err := os.Stat(filepath.Dir(dir))
	closed := os.Geteuid() == 0 && (err != nil || info.Mode().Perm()&0o003 != 0o003)
	if tooLong || closed {
		dir = filepath.Join("/tmp", name)
	}
	return dir, nil
}
