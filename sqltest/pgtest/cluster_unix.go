//go:build unix

package pgtest

// A cluster of local server binaries: its files, its server, and the watchdog that ends both when this
// process does.

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

// watchdog is the shell script that runs initdb and the server. This process holds the one end of a pipe,
// the watchdog reads the other, and the system closes ours whatever this process comes to.
//
//go:embed watchdog.sh
var watchdog string

// secluded are the arguments that have a cluster's server listen nowhere but on a socket in a directory that
// only the server's user may enter.
var secluded = []string{"-p", "5432", "-c", "listen_addresses="}

// A cluster is a data directory and the server that runs on it.
type cluster struct {
	dir      string    // all its files: data, log, socket
	watchdog *exec.Cmd // runs initdb and the server, and removes dir after them
	owner    *os.File  // the server runs until this is closed
	server   *os.File  // reads as ended when neither initdb nor the server runs
}

// launch sets a watchdog to make a cluster in a directory that does not exist yet.
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

	arguments := slices.Concat([]string{"-c", watchdog, "pgtest-watchdog", dir, bin}, secluded, hasty)
	for _, setting := range settings {
		arguments = append(arguments, "-c", setting)
	}
	cmd := exec.Command("/bin/sh", arguments...)
	cmd.Dir = "/"
	cmd.Env = environment()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stdout
	// A session of its own is out of reach of Ctrl-C, so that the watchdog has the time to clean up.
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

// dsn names the maintenance database. It leaves nothing that matters to the environment (PGHOST and such).
func (c *cluster) dsn() string {
	return "host=" + quote(c.dir) + " port=5432 user=postgres dbname=postgres sslmode=disable"
}

// await returns the server's version once it takes connections. It gives up when ctx ends, or the server.
func (c *cluster) await(ctx context.Context) (version string, err error) {
	var said bytes.Buffer // by the watchdog, if it got no further than to complain
	version, err = await(ctx, c.dsn(), func() error {
		_ = c.server.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		if _, err := said.ReadFrom(c.server); !errors.Is(err, os.ErrDeadlineExceeded) {
			return fmt.Errorf("the server does not start: %s%s", &said, c.logged())
		}
		return nil
	})
	if err != nil && ctx.Err() != nil {
		return "", fmt.Errorf("%w: %s", err, c.logged())
	}
	return version, err
}

// logged returns the end of what initdb and the server have logged.
func (c *cluster) logged() string {
	log, err := os.ReadFile(filepath.Join(c.dir, "log"))
	if err != nil {
		return "nothing logged"
	}
	const most = 20
	lines := strings.Split(strings.TrimSpace(string(log)), "\n")
	return strings.Join(lines[max(0, len(lines)-most):], "\n")
}

// stop ends the server, or initdb's work as soon as that is done, and returns when everything of the cluster
// is gone. It is called once.
func (c *cluster) stop() error {
	c.owner.Close()
	_ = c.watchdog.Wait() // what counts is not how it ended but what it left
	c.server.Close()
	launched.Delete(c)
	return os.RemoveAll(c.dir)
}

// unprivileged returns whom to run as when this process is root, as which the server refuses to run; else nil.
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
	return nil, errors.New("a server does not run as root, and there is no user postgres or nobody to run it as")
}

// environment returns that of this process less what would change a server (PGDATA, PGPORT and the like),
// and with the locale and the time zone that a cluster is to have everywhere. (On macOS the server may refuse
// to start without LC_ALL. The watchdog needs a few commands, wherever PATH points.)
func environment() []string {
	kept := slices.DeleteFunc(os.Environ(), func(variable string) bool { return strings.HasPrefix(variable, "PG") })
	return append(kept, "LC_ALL=C", "TZ=UTC", "PATH="+os.Getenv("PATH")+":/usr/bin:/bin")
}

// clusterDir chooses a directory for a cluster: below tempDir, or below /tmp if that is too long for the
// path of a socket, or closed to the user whom a server of root's runs as.
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
