package dockerpg

// A container that lives for as long as this process holds its standard input.

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

// The name of a container says how old it is: the prefix, the time in seconds since 1970, the process's id and a random
// text. One older than stale that was never started belongs to a process that was killed.
const (
	prefix = "massive_test_"
	stale  = time.Hour
)

// patiently returns a context for the calls that must not end with the caller's.
func patiently() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), time.Minute)
}

// keeper is what a container runs: the image's own program in the background, and in the foreground nothing
// but the wait for the end of standard input. The daemon lets that end when its connection to this process
// does, whatever this process comes to; and with its first process a container ends, and is removed. When the
// server ends by itself the container stays, so that its log can be read.
const keeper = `{ "$@"; echo "` + ended + `"; } </dev/null & exec cat`

const ended = "pgtest: the server has ended"

// A container is one that run has started.
type container struct {
	client *docker.Client
	id     string
	dsn    string   // of the server in it
	stdin  net.Conn // the container lives until this is closed
}

// run starts a container whose server can be reached from this machine only, and with a password only, since
// other users of the machine reach it too.
func run(ctx context.Context, client *docker.Client, name string, image *docker.Image, args []string) (_ *container, err error) {
	const port = "5432/tcp"
	password := rand.Text()
	var command []string
	if image.Config != nil {
		command = image.Config.Entrypoint
	}
	command = slices.Concat(command, []string{"postgres"}, args)
	// This runs to its end whatever ctx does: cut short, the daemon makes the container all the same.
	unhurried, cancel := patiently()
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

// attach connects to the standard input of a container. The library would do it too, but spends goroutines on
// it, and those of a server are not for the process to find. What counts is only that the connection is open.
//
// See https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach.
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
	_ = response.Body.Close() // it has none
	if response.StatusCode != http.StatusSwitchingProtocols {
		return nil, fmt.Errorf("attach to the container: %s", response.Status)
	}
	return conn, nil
}

// log returns the end of what the image's program and the server have logged, and whether the server has ended.
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

// stop ends the container and returns when it is gone. It is called once.
func (c *container) stop() error {
	if c.stdin != nil {
		c.stdin.Close()
	}
	ctx, cancel := patiently()
	defer cancel()
	return remove(ctx, c.client, c.id)
}

// remove removes a container, also while the daemon is about it for its own reasons.
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

// sweep removes the containers of some age that were never started: those of processes that were killed between
// the making and the starting. What keeps it from doing so is no reason not to start a server.
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
