//go:build unix

package pgtest

// The source download. Most of these tests need an ordinary user, and relocatable
// binaries in MASSIVE_POSTGRES_BIN for the test's repository. .ci/download-postgres
// provides both. The tests are not parallel, because they set environment variables.

import (
	"archive/zip"
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// packed returns the binaries in the repository's format: an archive in an archive.
var packed = sync.OnceValues(func() ([]byte, error) {
	native := filepath.Dir(os.Getenv("MASSIVE_POSTGRES_BIN"))
	tar := exec.Command("tar", "-C", native, "--hard-dereference", "-I", "xz -0", "-c", "bin", "lib", "share")
	var complaint strings.Builder
	tar.Stderr = &complaint
	txz, err := tar.Output()
	if err != nil {
		return nil, fmt.Errorf("tar: %w: %s", err, &complaint)
	}
	var jar strings.Builder
	archive := zip.NewWriter(&jar)
	file, err := archive.Create("postgres-linux-x86_64.txz")
	if err != nil {
		return nil, err
	}
	_, err = file.Write(txz)
	err = errors.Join(err, archive.Close())
	return []byte(jar.String()), err
})

// A repository serves the binaries under any version that begins with 15.
type repository struct {
	*httptest.Server
	requests int    // for an archive
	sum      string // the checksum; "" for the right one
	hanging  chan struct{}
}

// downloading returns a config with a repository, a cache and a temporary directory. When
// the test ends, only the binaries may be left.
func downloading(t *testing.T, version string) (config, *repository) {
	t.Helper()
	if os.Getenv("MASSIVE_POSTGRES_RUNG") != "download" {
		t.Skip("MASSIVE_POSTGRES_RUNG is not download: .ci/download-postgres runs this test")
	}
	if os.Geteuid() == 0 {
		t.Fatal("this test needs an ordinary user")
	}
	jar, err := packed()
	noError(t, err)
	r := &repository{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		switch {
		case !strings.Contains(request.URL.Path, "/io/zonky/test/postgres/embedded-postgres-binaries-") || !strings.Contains(request.URL.Path, "/15"):
			http.NotFound(w, request)
		case strings.HasSuffix(request.URL.Path, ".sha256"):
			sum := sha256.Sum256(jar)
			if r.sum == "" {
				r.sum = hex.EncodeToString(sum[:])
			}
			fmt.Fprint(w, r.sum)
		case r.hanging != nil:
			w.Write(jar[:len(jar)/2])
			w.(http.Flusher).Flush()
			<-r.hanging
		default:
			r.requests++
			w.Write(jar)
		}
	}))
	t.Cleanup(r.Close)

	c := locally(t)
	home, temp := t.TempDir(), t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CACHE_HOME", home)
	t.Setenv("TMPDIR", temp)
	t.Setenv("MASSIVE_POSTGRES_REPOSITORY", r.URL)
	t.Setenv("MASSIVE_POSTGRES_VERSION", version)
	c.getenv, c.repository = os.Getenv, maven
	t.Cleanup(func() {
		if files, _ := filepath.Glob(filepath.Join(temp, "*")); len(files) > 0 {
			t.Errorf("left behind: %q", files)
		}
		if files := cached(t); len(files) > 1 || len(files) == 1 && filepath.Base(files[0]) != "postgres-"+version {
			t.Errorf("left behind: %q", files)
		}
	})
	return c, r
}

// cached returns the files in the cache.
func cached(t *testing.T) []string {
	t.Helper()
	cache, err := os.UserCacheDir()
	noError(t, err)
	files, _ := filepath.Glob(filepath.Join(cache, "massive-go", "*"))
	return files
}

func TestDownloadServer(t *testing.T) {
	c, repository := downloading(t, "15.18.0")
	c.settings = []string{"wal_level=logical"}
	for range 2 {
		server := startLocally(t, c)
		want := fmt.Sprintf("a download of version 15.18.0 (PostgreSQL %s); forced by MASSIVE_POSTGRES_RUNG", server.version)
		if server.Origin() != want {
			t.Errorf("origin %q, want %q", server.Origin(), want)
		}
		database, err := server.CreateDatabase(t.Context())
		noError(t, err)
		for _, driver := range drivers {
			if got := query(t, database.Open(t, driver), `SHOW wal_level`); got != "logical" {
				t.Errorf("%s: wal_level is %q, want logical", driver, got)
			}
		}
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	}
	if repository.requests != 1 {
		t.Errorf("%d downloads, want one", repository.requests)
	}
}

func TestConcurrentDownloads(t *testing.T) {
	c, _ := downloading(t, "15.18.0")
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			server, err := findServer(t.Context(), c)
			if err != nil {
				t.Error(err)
				return
			}
			if err := server.Stop(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestDownloadFails(t *testing.T) {
	for _, test := range []struct {
		name, version, sum, url string
		want                    string // in the error
	}{
		{name: "no such version", version: "99.0.0", want: "99.0.0"},
		{name: "no version", version: "../15", want: "is not a version"},
		{name: "another sum", version: "15.18.0", sum: strings.Repeat("0", 64), want: "checksums do not match"},
		{name: "no repository", version: "15.18.0", url: "http://127.0.0.1:1", want: "unable to connect to http://127.0.0.1:1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, repository := downloading(t, test.version)
			repository.sum = test.sum
			if test.url != "" {
				t.Setenv("MASSIVE_POSTGRES_REPOSITORY", test.url)
			}
			_, err := findServer(t.Context(), c)
			if err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, ErrNoPostgres) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}

// If no variable requests a download, a failed download is ErrNoPostgres.
func TestUnrequestedDownloadFails(t *testing.T) {
	downloading(t, "")
	c := noPostgres()
	c.repository = "http://127.0.0.1:1"
	_, err := findServer(t.Context(), c)
	if !errors.Is(err, ErrNoPostgres) || !strings.Contains(err.Error(), "unable to connect to http://127.0.0.1:1") {
		t.Errorf("error %v, want ErrNoPostgres", err)
	}
}

func TestDownloadEndsWithItsContext(t *testing.T) {
	c, repository := downloading(t, "15.18.0")
	repository.hanging = make(chan struct{})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := findServer(ctx, c); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want context.DeadlineExceeded", err)
	}
	close(repository.hanging)
	fetching.Lock() // waits for the background download
	defer fetching.Unlock()
}

func TestDownloadNothingIsLeftBehind(t *testing.T) {
	for _, test := range []struct {
		name, role string
		hanging    bool
		send       syscall.Signal
	}{
		{name: "exit", role: "exit"},
		{name: "killed", role: "wait", send: syscall.SIGKILL},
		{name: "interrupted", role: "wait", send: syscall.SIGINT},
		{name: "killed while it downloads", role: "wait", hanging: true, send: syscall.SIGKILL},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, repository := downloading(t, "15.18.0")
			if test.hanging {
				repository.hanging = make(chan struct{})
				defer close(repository.hanging)
			}
			cmd := withRole(test.role, "TMPDIR="+c.tempDir)
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			stdout, err := cmd.StdoutPipe()
			noError(t, err)
			noError(t, cmd.Start())
			defer cmd.Process.Kill()
			if test.hanging {
				for deadline := time.Now().Add(timeout); len(cached(t)) == 0 && time.Now().Before(deadline); {
					time.Sleep(time.Millisecond)
				}
				time.Sleep(100 * time.Millisecond)
			} else if lines := bufio.NewScanner(stdout); !lines.Scan() || lines.Text() != "started" {
				t.Fatalf("the process says %q", lines.Text())
			}
			if test.send != 0 {
				syscall.Kill(-cmd.Process.Pid, test.send)
			}
			cmd.Wait()

			ended := time.Now()
			gone := func() bool {
				if test.hanging {
					// The library's log is not in the stage directory, and its name is
					// unknown.
					for _, log := range libraryLogsIn(c.tempDir) {
						os.Remove(log)
					}
					return empty(t, c.tempDir) && len(cached(t)) == 0
				}
				return empty(t, c.tempDir)
			}
			for time.Since(ended) < timeout && !gone() {
				time.Sleep(10 * time.Millisecond)
			}
			t.Logf("cleaned up after %v", time.Since(ended))
		})
	}
}

func TestDownloadAsRoot(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("not root")
	}
	c := noPostgres()
	c.repository = "http://127.0.0.1:1"
	if _, err := findServer(t.Context(), c); !errors.Is(err, ErrNoPostgres) || !strings.Contains(err.Error(), "a download: not as root") {
		t.Errorf("error %v, want ErrNoPostgres that says that root can't download", err)
	}
}
