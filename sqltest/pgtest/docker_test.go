package pgtest

// The rung of Docker. These tests want a daemon and an image, which .ci/docker-postgres sees to. They are not
// parallel: each looks at all the containers that the process has.

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ory/dockertest/v3"
	"github.com/ory/dockertest/v3/docker"
	dockeropts "github.com/ory/dockertest/v3/docker/opts"
)

// forced skips a test that wants more of a machine than one can expect, unless the machine is made for it.
func forced(t *testing.T, rung string) {
	t.Helper()
	if os.Getenv("MASSIVE_POSTGRES_RUNG") != rung {
		t.Skipf("MASSIVE_POSTGRES_RUNG is not %s: .ci/%[1]s-postgres runs this test", rung)
	}
}

// dockerClient returns a client of the daemon. When the test ends there may be no more containers of this process
// than now.
func dockerClient(t *testing.T) *docker.Client {
	t.Helper()
	forced(t, "docker")
	pool, err := dockertest.NewPool("")
	if err != nil {
		t.Fatal(err)
	}
	before := containersOf(t, pool.Client, os.Getpid())
	t.Cleanup(func() {
		if now := containersOf(t, pool.Client, os.Getpid()); len(now) > len(before) {
			t.Errorf("left behind: %q, before: %q", now, before)
		}
	})
	return pool.Client
}

// containersOf returns the names of the containers that a process has made, running or not.
func containersOf(t *testing.T, client *docker.Client, pid int) []string {
	t.Helper()
	containers, err := client.ListContainers(docker.ListContainersOptions{
		All: true, Filters: map[string][]string{"name": {fmt.Sprintf("%s[0-9]+_%d_", prefix, pid)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range containers {
		names = append(names, c.Names...)
	}
	return names
}

// containerOf returns the container of a server.
func containerOf(t *testing.T, dsn string) (found *container) {
	t.Helper()
	launched.Range(func(key, _ any) bool {
		if c, ok := key.(*container); ok && c.dsn == dsn {
			found = c
		}
		return true
	})
	if found == nil {
		t.Fatal("the server has no container")
	}
	return found
}

// docking is the environment of this process, with settings for the server.
func docking(settings ...string) config {
	return config{getenv: os.Getenv, docker: dockeropts.DefaultHost, settings: settings}
}

func startInDocker(t *testing.T, c config) *Server {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	server, err := climb(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	return server
}

func TestDockerServer(t *testing.T) {
	client := dockerClient(t)
	goroutines := runtime.NumGoroutine()
	server := startInDocker(t, docking("wal_level=logical", "application_name=it's two words", "max_connections=7"))

	want := fmt.Sprintf("Docker image %s (PostgreSQL %s); the one rung by MASSIVE_POSTGRES_RUNG", os.Getenv("MASSIVE_POSTGRES_IMAGE"), server.version)
	if server.Origin() != want {
		t.Errorf("origin %q, want %q", server.Origin(), want)
	}
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > goroutines; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, want %d:\n%s", runtime.NumGoroutine(), goroutines, stacks[:runtime.Stack(stacks, true)])
		}
	}
	database, err := server.CreateDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, driver := range drivers {
		db := database.Open(t, driver)
		for setting, want := range map[string]string{
			"wal_level": "logical", "max_connections": "7", "fsync": "off", "server_encoding": "UTF8", "lc_collate": "C",
		} {
			if strings.HasPrefix(setting, "lc_") && server.version >= "16" {
				continue // no settings any more
			}
			if got := query(t, db, `SHOW `+setting); got != want {
				t.Errorf("%s: %s is %q, want %q", driver, setting, got, want)
			}
		}
	} // Stop ends the connections that are still open.

	container := containerOf(t, server.dsn)
	state, err := client.InspectContainer(container.id)
	if err != nil {
		t.Fatal(err)
	}
	for port, bindings := range state.NetworkSettings.Ports {
		for _, binding := range bindings {
			if binding.HostIP != "127.0.0.1" {
				t.Errorf("port %s is bound to %s, want 127.0.0.1", port, binding.HostIP)
			}
		}
	}
	if err := execute(t.Context(), server.dsn+" password=wrong", `SELECT 1`); err == nil {
		t.Error("any password will do")
	}

	for range 2 {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
		var gone *docker.NoSuchContainer
		if _, err := client.InspectContainer(container.id); !errors.As(err, &gone) {
			t.Errorf("after Stop the container is there: %v", err)
		}
	}
}

func TestDockerServerThatDoesNotStart(t *testing.T) {
	dockerClient(t)
	_, err := climb(t.Context(), docking("no_such_setting=1"))
	if err == nil || !strings.Contains(err.Error(), `unrecognized configuration parameter "no_such_setting"`) || errors.Is(err, ErrNoPostgres) {
		t.Errorf("error %v, want what the server says", err)
	}
}

func TestDockerStartEndsWithItsContext(t *testing.T) {
	dockerClient(t)
	for _, after := range []time.Duration{0, 5 * time.Millisecond, 30 * time.Millisecond, 100 * time.Millisecond, 300 * time.Millisecond} {
		t.Run(after.String(), func(t *testing.T) {
			dockerClient(t)
			ctx, cancel := context.WithTimeout(t.Context(), after)
			defer cancel()
			server, err := climb(ctx, docking())
			if err == nil {
				err = errors.Join(server.Stop(), context.DeadlineExceeded) // in time
			}
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v, want context.DeadlineExceeded", err)
			}
		})
	}
}

func TestDockerForgottenServerLives(t *testing.T) {
	dockerClient(t)
	server, err := climb(t.Context(), docking())
	if err != nil {
		t.Fatal(err)
	}
	dsn := server.DSN("")
	server = nil
	for range 3 {
		runtime.GC()
		time.Sleep(20 * time.Millisecond)
	}
	if err := execute(t.Context(), dsn, `SELECT 1`); err != nil {
		t.Error(err)
	}
	if err := containerOf(t, dsn).stop(); err != nil {
		t.Error(err)
	}
}

func TestDockerImageThatIsNot(t *testing.T) {
	dockerClient(t)
	for _, image := range []string{"127.0.0.1:1/none:1", "127.0.0.1:1/none", "127.0.0.1:1/none@sha256:" + strings.Repeat("0", 64), "NOT an image"} {
		c := docking()
		c.getenv = func(name string) string {
			if name == "MASSIVE_POSTGRES_IMAGE" {
				return image
			}
			return os.Getenv(name)
		}
		if _, err := climb(t.Context(), c); err == nil || !strings.Contains(err.Error(), image) || errors.Is(err, ErrNoPostgres) {
			t.Errorf("error %v, want one that names %s", err, image)
		}
	}
}

// A process that is killed may leave a container that it has not started yet.
func TestDockerIsSwept(t *testing.T) {
	client := dockerClient(t)
	create := func(name string) {
		_, err := client.CreateContainer(docker.CreateContainerOptions{
			Name:   name,
			Config: &docker.Config{Image: os.Getenv("MASSIVE_POSTGRES_IMAGE"), Cmd: []string{"true"}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	before := len(containersOf(t, client, os.Getpid()))
	create(fmt.Sprintf("%s0_%d_dead", prefix, os.Getpid()))
	sweepContainers(t.Context(), client, time.Hour)
	if now := containersOf(t, client, os.Getpid()); len(now) != before+1 {
		t.Errorf("containers %q, want %d and the one that is young", now, before)
	}
	sweepContainers(t.Context(), client, -time.Hour)
	if now := containersOf(t, client, os.Getpid()); len(now) != before {
		t.Errorf("containers %q, want %d, all that run", now, before)
	}
}

func TestDockerNothingIsLeftBehind(t *testing.T) {
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
			cmd := again(test.role)
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer cmd.Process.Kill()
			if test.after > 0 {
				time.Sleep(test.after)
			} else if lines := bufio.NewScanner(stdout); !lines.Scan() || lines.Text() != "started" {
				t.Fatalf("the process says %q", lines.Text())
			}
			if test.send != nil {
				if len(containersOf(t, client, cmd.Process.Pid)) == 0 {
					t.Error("no container to begin with")
				}
				cmd.Process.Signal(test.send)
			}
			cmd.Wait()

			ended := time.Now()
			for len(containersOf(t, client, cmd.Process.Pid)) > 0 {
				if time.Since(ended) > patience {
					t.Fatalf("left behind: %q", containersOf(t, client, cmd.Process.Pid))
				}
				time.Sleep(10 * time.Millisecond)
			}
			t.Logf("gone after %v", time.Since(ended))
		})
	}
}

func TestDockerWithoutDaemon(t *testing.T) {
	t.Parallel()
	for _, endpoint := range []string{"unix:///nonexistent/docker.sock", "tcp://127.0.0.1:1", "nonsense"} {
		c := nothing()
		c.docker = endpoint
		_, err := climb(t.Context(), c)
		if !errors.Is(err, ErrNoPostgres) || !strings.Contains(err.Error(), "Docker: no daemon") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want ErrNoPostgres on a line that says there is no daemon", endpoint, err)
		}
	}
}
