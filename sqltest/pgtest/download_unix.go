//go:build unix

package pgtest

// The source download: server binaries of the embedded-postgres project, from a Maven
// repository. They are downloaded once, kept, and used as local binaries.

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

const (
	maven          = "https://repo1.maven.org/maven2"
	defaultVersion = string(embeddedpostgres.V17)
)

// downloaded starts a cluster with downloaded server binaries. If ctx ends during the
// download, the download continues in the background. It can't be cancelled, and a later
// call uses it.
func downloaded(ctx context.Context, c config) (*Server, error) {
	if os.Geteuid() == 0 {
		return nil, Unavailable("not as root: the server's user can't read root's cache directory")
	}
	givenRepository, givenVersion := c.getenv("MASSIVE_POSTGRES_REPOSITORY"), c.getenv("MASSIVE_POSTGRES_VERSION")
	repository, version := cmp.Or(givenRepository, c.repository), cmp.Or(givenVersion, defaultVersion)
	if repository == "" {
		return nil, Unavailable("no repository")
	}
	dir, err := downloadDir(version)
	if err != nil {
		return nil, err
	}
	if !hasServer(filepath.Join(dir, "bin")) {
		fetched := make(chan error, 1)
		go func() { fetched <- fetch(repository, version, dir) }()
		select {
		case err = <-fetched:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		if err != nil && givenRepository == "" && givenVersion == "" {
			return nil, Unavailable(err.Error())
		}
		if err != nil {
			return nil, err
		}
	}
	return serve(ctx, c, filepath.Join(dir, "bin"), "a download of version "+version)
}

// downloadDir returns the directory where the binaries of a version are kept.
func downloadDir(version string) (string, error) {
	if version != filepath.Base(version) || version == ".." {
		return "", fmt.Errorf("MASSIVE_POSTGRES_VERSION: %q is not a version", version)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no cache directory: %w", err)
	}
	return filepath.Join(cache, "massive-go", "postgres-"+version), nil
}

// fetching serializes downloads, so that the second finds the binaries of the first.
var fetching sync.Mutex

// fetch downloads binaries into a directory. The directory appears complete, even if
// several processes download at the same time.
func fetch(repository, version, dir string) (err error) {
	fetching.Lock()
	defer fetching.Unlock()
	if hasServer(filepath.Join(dir, "bin")) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	stage, err := os.MkdirTemp(filepath.Dir(dir), "download-")
	if err != nil {
		return err
	}
	removed, err := removeAfterwards(stage)
	if err != nil {
		return errors.Join(err, os.RemoveAll(stage))
	}
	defer removed()

	// The library downloads and unpacks the binaries, then creates and starts a cluster.
	// Only the first two steps are needed. With PG_VERSION, the library takes the data
	// directory for a cluster. pg_ctl rejects it.
	data, native := filepath.Join(stage, "data"), filepath.Join(stage, "native")
	if err := os.Mkdir(data, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(data, "PG_VERSION"), []byte(version), 0o600); err != nil {
		return err
	}
	before := libraryLogsIn(os.TempDir())
	err = embeddedpostgres.NewDatabase(embeddedpostgres.DefaultConfig().
		Version(embeddedpostgres.PostgresVersion(version)).
		BinaryRepositoryURL(strings.TrimSuffix(repository, "/")).
		CachePath(filepath.Join(stage, "archive")).
		RuntimePath(filepath.Join(stage, "runtime")).
		BinariesPath(native).
		DataPath(data).
		Port(0). // no real port
		Logger(io.Discard)).Start()
	http.DefaultClient.CloseIdleConnections() // the library's connections have goroutines
	after := slices.DeleteFunc(libraryLogsIn(os.TempDir()), func(log string) bool { return slices.Contains(before, log) })
	if len(after) == 1 { // with several, another process may own one
		_ = os.Remove(after[0])
	}
	if err == nil || !strings.HasPrefix(err.Error(), "could not start postgres") {
		return fmt.Errorf("version %s: %w", version, err)
	}
	if !hasServer(filepath.Join(native, "bin")) {
		return fmt.Errorf("version %s: no initdb and postgres in the download", version)
	}
	if err := os.Rename(native, dir); err != nil && !hasServer(filepath.Join(dir, "bin")) {
		return err
	}
	return nil
}

// libraryLogsIn returns the library's log files in a directory. The library does not
// remove them.
func libraryLogsIn(dir string) []string {
	logs, _ := filepath.Glob(filepath.Join(dir, "embedded_postgres_log*"))
	return logs
}

// removeAfterwards starts a shell that removes a directory when remove is called, or when
// the process ends. remove waits for the shell.
func removeAfterwards(dir string) (remove func(), err error) {
	stdin, owner, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer stdin.Close()
	const script = `trap '' HUP INT QUIT TERM; while read -r _; do :; done; rm -rf "$1"`
	cmd := exec.Command("/bin/sh", "-c", script, "pgtest-remover", dir)
	cmd.Dir = "/"
	cmd.Stdin = stdin
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		owner.Close()
		return nil, err
	}
	return func() {
		owner.Close()
		_ = cmd.Wait()
	}, nil
}
