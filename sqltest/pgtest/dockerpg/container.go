package dockerpg

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/ory/dockertest/v3"
	"github.com/ory/dockertest/v3/docker"
)

// The name of a container contains its age: the prefix, the Unix time in seconds, the
// process ID and a random text. If a container is older than stale and was never started,
// its process was killed.
const (
	prefix = "massive_test_"
	stale  = time.Hour
)

// withTimeout returns a context for calls that must not end with the caller's context.
func withTimeout() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), time.Minute)
}

// keeper is the container's first process. It runs the image's program in the background,
// and waits for the end of standard input. The daemon closes standard input when its
// connection to this process ends, in any way. Then the first process ends, and the
// daemon removes the container. If the server ends by itself, the container stays, so
// that pgtest can read its log.
const keeper = `{ "$@"; echo "` + ended + `"; } </dev/null & exec cat`

const ended = "pgtest: the server has ended"

// A container is a container that run started. It runs until stdin is closed.
type container struct {
	client *docker.Client
	id     string
	dsn    string // of its server
	stdin  net.Conn
}

// run starts a container. Its server is reachable only from this machine. It needs a
// password, because other users of this machine reach it, too.
func run(ctx context.Context, client *docker.Client, name string, image *docker.Image, args []string) (_ *container, err error) {
	const port = "5432/tcp"
	password := rand.Text()
	var command []string
	if image.Config != nil {
		command = image.Config.Entrypoint
	}
	command = slices.Concat(command, []string{"postgres"}, args)
	// ctx does not cancel this call, because the daemon would create the container
	// anyway.
	unhurried, cancel := withTimeout()
	defer cancel()
	created, err := client.CreateContainer(docker.CreateContainerOptions{
		Name: fmt.Sprintf("%s%d_%d_%s", prefix, time.Now().Unix(), os.Getpid(), strings.ToLower(rand.Text()[:8])),
		Config: &docker.Config{
			Image:        name,
			Entrypoint:   []string{"sh", "-c", keeper, "pgtest-keeper"},
			Cmd:          command,
			Env:          []string{"POSTGRES_PASSWORD=" + password, "POSTGRES_INITDB_ARGS=--encoding=UTF8 --no-locale --no-sync"},
			ExposedPorts: map[docker.Port]struct{}{port: {}},
			AttachStdin:  true,
			OpenStdin:    true,
			StdinOnce:    true,
		},
		HostConfig: &docker.HostConfig{
			AutoRemove:   true,
			PortBindings: map[docker.Port][]docker.PortBinding{port: {{HostIP: "127.0.0.1"}}},
		},
		Context: unhurried,
	})
	if err != nil {
		return nil, err
	}
	c := &container{client: client, id: created.ID}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.stop())
		}
	}()
	if c.stdin, err = attach(ctx, client, c.id); err != nil {
		return nil, err
	}
	if err := client.StartContainerWithContext(c.id, nil, ctx); err != nil {
		return nil, err
	}
	started, err := client.InspectContainerWithContext(c.id, ctx)
	if err != nil {
		return nil, err
	}
	host, number, err := net.SplitHostPort((&dockertest.Resource{Container: started}).GetHostPort(port))
	if err != nil {
		return nil, fmt.Errorf("the container has no port on this machine: %w", err)
	}
	c.dsn = fmt.Sprintf("host=%s port=%s user=postgres password=%s dbname=postgres sslmode=disable", host, number, password)
	return c, nil
}

// attach connects to the standard input of a container. The library can do it, too, but
// it starts goroutines, which a test's check for leaked goroutines would find. Nothing is
// sent; the connection only stays open.
//
// See
// https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach.
func attach(ctx context.Context, client *docker.Client, id string) (_ net.Conn, err error) {
	endpoint, err := url.Parse(client.Endpoint())
	if err != nil {
		return nil, err
	}
	var conn net.Conn
	switch {
	case endpoint.Scheme == "unix" || endpoint.Scheme == "npipe":
		conn, err = client.Dialer.Dial(endpoint.Scheme, endpoint.Path)
	case client.TLSConfig != nil:
		conn, err = (&tls.Dialer{Config: client.TLSConfig}).DialContext(ctx, "tcp", endpoint.Host)
	default:
		conn, err = client.Dialer.Dial("tcp", endpoint.Host)
	}
	if err != nil {
		return nil, err
	}
	inTime := context.AfterFunc(ctx, func() { conn.Close() })
	defer func() {
		if !inTime() {
			err = context.Cause(ctx)
		}
		if err != nil {
			conn.Close()
		}
	}()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://docker/containers/"+id+"/attach?stream=1&stdin=1", nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Connection", "Upgrade")
	request.Header.Set("Upgrade", "tcp")
	if err := request.Write(conn); err != nil {
		return nil, err
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), request)
	if err != nil {
		return nil, err
	}
	_ = response.Body.Close() // it is empty
	if response.StatusCode != http.StatusSwitchingProtocols {
		return nil, fmt.Errorf("attach to the container: %s", response.Status)
	}
	return conn, nil
}

// log returns the last lines of the container's log, and whether the server has ended.
func (c *container) log() (text string, over bool) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var log bytes.Buffer
	err := c.client.Logs(docker.LogsOptions{
		Context: ctx, Container: c.id, Stdout: true, Stderr: true, Tail: "20", OutputStream: &log, ErrorStream: &log,
	})
	if err != nil {
		return "no log: " + err.Error(), false
	}
	text = strings.TrimSpace(log.String())
	return text, strings.HasSuffix(text, ended)
}

// stop ends the container, and returns after it is removed. It is called once.
func (c *container) stop() error {
	if c.stdin != nil {
		c.stdin.Close()
	}
	ctx, cancel := withTimeout()
	defer cancel()
	return remove(ctx, c.client, c.id)
}

// remove removes a container, even if the daemon is already removing it.
func remove(ctx context.Context, client *docker.Client, id string) error {
	for {
		err := client.RemoveContainer(docker.RemoveContainerOptions{ID: id, Force: true, RemoveVolumes: true, Context: ctx})
		var gone *docker.NoSuchContainer
		if errors.As(err, &gone) {
			return nil
		}
		var refused *docker.Error
		removing := errors.As(err, &refused) && refused.Status == http.StatusConflict
		if err != nil && !removing {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// sweep removes containers that were never started and are older than age. Their
// processes were killed before the start. It ignores errors, because they don't prevent
// the start of a server.
func sweep(ctx context.Context, client *docker.Client, age time.Duration) {
	containers, err := client.ListContainers(docker.ListContainersOptions{
		All: true, Filters: map[string][]string{"name": {"^/" + prefix}, "status": {"created"}}, Context: ctx,
	})
	if err != nil {
		return
	}
	for _, c := range containers {
		if time.Since(time.Unix(c.Created, 0)) > age {
			_ = remove(ctx, client, c.ID)
		}
	}
}
