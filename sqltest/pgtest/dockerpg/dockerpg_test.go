package dockerpg

// These tests need a daemon and an image, which .ci/docker-postgres provides. They are
// not parallel, because each checks all containers of the process.

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ory/dockertest/v3"
	"github.com/ory/dockertest/v3/docker"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

// timeout limits how long a test waits for a server, or for the removal of a container.
const timeout = time.Minute

func TestMain(m *testing.M) {
	if role := os.Getenv("DOCKERPG_ROLE"); role != "" {
		play(role)
	}
	os.Exit(m.Run())
}

// play starts a server, prints "started", waits for the end of standard input, and ends
// the process as the role says.
func play(role string) {
	if _, err := pgtest.Start(context.Background(), Provider()); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("started")
	_, _ = io.Copy(io.Discard, os.Stdin)
	switch role {
	case "exit":
		os.Exit(0)
	case "panic":
		panic("role panic")
	case "wait":
		time.Sleep(time.Minute)
	}
}

// withRole returns a command that runs this test binary in a role.
func withRole(role string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "DOCKERPG_ROLE="+role)
	return cmd
}

var drivers = []string{"postgres", "pgx"}

func query(t *testing.T, db *sql.DB, text string) string {
	t.Helper()
	var result string
	if err := db.QueryRowContext(t.Context(), text).Scan(&result); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return result
}

// dockerClient returns a client for the daemon. When the test ends, it checks that this
// process has no additional containers.
func dockerClient(t *testing.T) *docker.Client {
	t.Helper()
	if os.Getenv("MASSIVE_POSTGRES_RUNG") != "docker" {
		t.Skip("MASSIVE_POSTGRES_RUNG is not docker: .ci/docker-postgres runs this test")
	}
	pool, err := dockertest.NewPool("")
	noError(t, err)
	before := containersOf(t, pool.Client, os.Getpid())
	t.Cleanup(func() {
		if now := containersOf(t, pool.Client, os.Getpid()); len(now) > len(before) {
			t.Errorf("left behind: %q, before: %q", now, before)
		}
	})
	return pool.Client
}

// containersOf returns the names of the containers that a process created, running or
// not.
func containersOf(t *testing.T, client *docker.Client, pid int) []string {
	t.Helper()
	containers, err := client.ListContainers(docker.ListContainersOptions{
		All: true, Filters: map[string][]string{"name": {fmt.Sprintf("%s[0-9]+_%d_", prefix, pid)}},
	})
	noError(t, err)
	var names []string
	for _, c := range containers {
		for _, name := range c.Names {
			names = append(names, strings.TrimPrefix(name, "/"))
		}
	}
	return names
}

// connect connects to a server once.
func connect(ctx context.Context, dsn string) error {
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	return db.PingContext(ctx)
}

func startInDocker(t *testing.T, opts ...pgtest.Option) *pgtest.Server {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	server, err := pgtest.Start(ctx, append(opts, Provider())...)
	noError(t, err)
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	return server
}

func TestServer(t *testing.T) {
	client := dockerClient(t)
	goroutines := runtime.NumGoroutine()
	server := startInDocker(t, pgtest.Setting("wal_level", "logical"), pgtest.Setting("application_name", "it's two words"),
		pgtest.Setting("max_connections", "7"))
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > goroutines; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, want %d:\n%s", runtime.NumGoroutine(), goroutines, stacks[:runtime.Stack(stacks, true)])
		}
	}
	database, err := server.CreateDatabase(t.Context())
	noError(t, err)
	version, _, _ := strings.Cut(query(t, database.Open(t, "pgx"), `SHOW server_version`), " ")
	want := fmt.Sprintf("Docker image %s (PostgreSQL %s); forced by MASSIVE_POSTGRES_RUNG", os.Getenv("MASSIVE_POSTGRES_IMAGE"), version)
	if server.Origin() != want {
		t.Errorf("origin %q, want %q", server.Origin(), want)
	}
	for _, driver := range drivers {
		db := database.Open(t, driver)
		for setting, want := range map[string]string{
			"wal_level": "logical", "max_connections": "7", "fsync": "off", "server_encoding": "UTF8", "lc_collate": "C",
		} {
			if strings.HasPrefix(setting, "lc_") && version >= "16" {
				continue // no settings any more
			}
			if got := query(t, db, `SHOW `+setting); got != want {
				t.Errorf("%s: %s is %q, want %q", driver, setting, got, want)
			}
		}
	} // Stop ends the connections that are still open.

	names := containersOf(t, client, os.Getpid())
	if len(names) != 1 {
		t.Fatalf("containers %q, want one", names)
	}
	state, err := client.InspectContainer(names[0])
	noError(t, err)
	for port, bindings := range state.NetworkSettings.Ports {
		for _, binding := range bindings {
			if binding.HostIP != "127.0.0.1" {
				t.Errorf("port %s is bound to %s, want 127.0.0.1", port, binding.HostIP)
			}
		}
	}
	if err := connect(t.Context(), server.DSN("")+" password=wrong"); err == nil {
		t.Error("the server accepts a wrong password")
	}

	for range 2 {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
		var gone *docker.NoSuchContainer
		if _, err := client.InspectContainer(state.ID); !errors.As(err, &gone) {
			t.Errorf("after Stop the container exists: %v", err)
		}
	}
}

func TestServerDoesNotStart(t *testing.T) {
	dockerClient(t)
	_, err := pgtest.Start(t.Context(), Provider(), pgtest.Setting("no_such_setting", "1"))
	if err == nil || !strings.Contains(err.Error(), `unrecognized configuration parameter "no_such_setting"`) || errors.Is(err, pgtest.ErrNoPostgres) {
		t.Errorf("error %v, want the server's error", err)
	}
}

func TestStartEndsWithItsContext(t *testing.T) {
	dockerClient(t)
	for _, after := range []time.Duration{0, 5 * time.Millisecond, 30 * time.Millisecond, 100 * time.Millisecond, 300 * time.Millisecond} {
		t.Run(after.String(), func(t *testing.T) {
			dockerClient(t)
			ctx, cancel := context.WithTimeout(t.Context(), after)
			defer cancel()
			server, err := pgtest.Start(ctx, Provider())
			if err == nil {
				err = errors.Join(server.Stop(), context.DeadlineExceeded) // in time
			}
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v, want context.DeadlineExceeded", err)
			}
		})
	}
}

func TestUnreferencedServerRuns(t *testing.T) {
	client := dockerClient(t)
	server, err := pgtest.Start(t.Context(), Provider())
	noError(t, err)
	dsn := server.DSN("")
	server = nil
	for range 3 {
		runtime.GC()
		time.Sleep(20 * time.Millisecond)
	}
	if err := connect(t.Context(), dsn); err != nil {
		t.Error(err)
	}
	for _, name := range containersOf(t, client, os.Getpid()) {
		if err := remove(t.Context(), client, name); err != nil {
			t.Error(err)
		}
	}
}

func TestMissingImage(t *testing.T) {
	dockerClient(t)
	for _, image := range []string{"127.0.0.1:1/none:1", "127.0.0.1:1/none", "127.0.0.1:1/none@sha256:" + strings.Repeat("0", 64), "NOT an image"} {
		t.Setenv("MASSIVE_POSTGRES_IMAGE", image)
		if _, err := pgtest.Start(t.Context(), Provider()); err == nil || !strings.Contains(err.Error(), image) || errors.Is(err, pgtest.ErrNoPostgres) {
			t.Errorf("error %v, want one that names %s", err, image)
		}
	}
}

// If a process is killed before it starts its container, a later start removes the
// container.
func TestStaleContainersAreSwept(t *testing.T) {
	client := dockerClient(t)
	create := func(name string) {
		_, err := client.CreateContainer(docker.CreateContainerOptions{
			Name:   name,
			Config: &docker.Config{Image: os.Getenv("MASSIVE_POSTGRES_IMAGE"), Cmd: []string{"true"}},
		})
		noError(t, err)
	}
	before := len(containersOf(t, client, os.Getpid()))
	create(fmt.Sprintf("%s0_%d_dead", prefix, os.Getpid()))
	sweep(t.Context(), client, time.Hour)
	if now := containersOf(t, client, os.Getpid()); len(now) != before+1 {
		t.Errorf("containers %q, want %d and the new one", now, before)
	}
	sweep(t.Context(), client, -time.Hour)
	if now := containersOf(t, client, os.Getpid()); len(now) != before {
		t.Errorf("containers %q, want %d, all of them running", now, before)
	}
}

func TestNothingIsLeftBehind(t *testing.T) {
	client := dockerClient(t)
	for _, test := range []struct {
		name, role string
		after      time.Duration // or when the server has started
		send       os.Signal
	}{
		{name: "exit", role: "exit"},
		{name: "panic", role: "panic"},
		{name: "killed", role: "wait", send: os.Kill},
		{name: "interrupted", role: "wait", send: os.Interrupt},
		{name: "terminated", role: "wait", send: syscall.SIGTERM},
		{name: "killed while it starts", role: "wait", after: 500 * time.Millisecond, send: os.Kill},
	} {
		t.Run(test.name, func(t *testing.T) {
			cmd := withRole(test.role)
			stdout, err := cmd.StdoutPipe()
			noError(t, err)
			noError(t, cmd.Start())
			defer cmd.Process.Kill()
			if test.after > 0 {
				time.Sleep(test.after)
			} else if lines := bufio.NewScanner(stdout); !lines.Scan() || lines.Text() != "started" {
				t.Fatalf("the process says %q", lines.Text())
			}
			if test.send != nil {
				if len(containersOf(t, client, cmd.Process.Pid)) == 0 {
					t.Error("no container before the signal")
				}
				cmd.Process.Signal(test.send)
			}
			cmd.Wait()

			ended := time.Now()
			for len(containersOf(t, client, cmd.Process.Pid)) > 0 {
				if time.Since(ended) > timeout {
					t.Fatalf("left behind: %q", containersOf(t, client, cmd.Process.Pid))
				}
				time.Sleep(10 * time.Millisecond)
			}
			t.Logf("removed after %v", time.Since(ended))
		})
	}
}

// The shared server can be in Docker, and the library works on it.
func TestSharedServer(t *testing.T) {
	dockerClient(t)
	server, err := pgtest.Shared(Provider())
	noError(t, err)
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	database := pgtest.NewDatabase(t)
	database.Exec(t, `CREATE SEQUENCE order_no START 7`)
	for i, driver := range drivers {
		m, err := massive.Load(t.Context(), database.Open(t, driver), postgres.New())
		noError(t, err)
		s, err := m.Sequence("order_no")
		noError(t, err)
		if got, err := s.NextValue(t.Context()); err != nil || got != int64(7+i) {
			t.Errorf("%s: next value %d, %v, want %d", driver, got, err, 7+i)
		}
	}
}

// This test needs no daemon.
func TestWithoutDaemon(t *testing.T) {
	t.Setenv("MASSIVE_POSTGRES_RUNG", "docker")
	for _, endpoint := range []string{"unix:///nonexistent/docker.sock", "tcp://127.0.0.1:1", "nonsense"} {
		t.Setenv("DOCKER_HOST", endpoint)
		_, err := start(t.Context(), nil)
		var why pgtest.Unavailable
		if !errors.As(err, &why) || !strings.HasPrefix(err.Error(), "no daemon") {
			t.Errorf("%s: error %v, want Unavailable, and that there is no daemon", endpoint, err)
		}
		_, err = pgtest.Start(t.Context(), Provider())
		if err == nil || !strings.Contains(err.Error(), "Docker, forced by MASSIVE_POSTGRES_RUNG: no daemon") ||
			!strings.Contains(err.Error(), "run a Docker daemon") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want a line that says there is no daemon, and what to do", endpoint, err)
		}
	}
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
