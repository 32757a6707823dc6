// Package dockerpg starts a throwaway Postgres in Docker, for pgtest. It is a module of its own, so that pgtest does not
// depend on a client for Docker.
//
// A program passes the provider to [pgtest.Start], and a TestMain to [pgtest.Shared]:
//
//	func TestMain(m *testing.M) {
//		_, err := pgtest.Shared(dockerpg.Provider())
//		if err != nil && !errors.Is(err, pgtest.ErrNoPostgres) {
//			log.Panic(err)
//		}
//		m.Run()
//	}
//
// pgtest tries Docker after local binaries and before a download. With MASSIVE_POSTGRES_RUNG=docker it tries nothing else.
//
// The image is MASSIVE_POSTGRES_IMAGE, by default postgres:17-alpine. It is pulled unless it is there. It must understand
// what the official image does: POSTGRES_PASSWORD, and arguments for the server. The server listens on a port of 127.0.0.1
// and has a random password, so the daemon must run on this machine. DOCKER_HOST says where it listens.
//
// No container is left behind, however the process ends. If a process is killed between making a container and
// starting it, that container stays. The next start removes it if it is more than an hour old.
package dockerpg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/ory/dockertest/v3"
	"github.com/ory/dockertest/v3/docker"
	dockeropts "github.com/ory/dockertest/v3/docker/opts"

	"github.com/massivedb/massive-go/sqltest/pgtest"
)

const defaultImage = "postgres:17-alpine"

// Provider returns the provider for [pgtest.Start] and [pgtest.Shared]. If no daemon answers, or the default image is not
// there and can't be pulled, pgtest looks further. An image of MASSIVE_POSTGRES_IMAGE that can't be had is an error.
func Provider() pgtest.Option {
	return pgtest.Provider("Docker", "run a Docker daemon", start)
}

// start starts a server in a container.
func start(ctx context.Context, args []string) (*pgtest.Instance, error) {
	endpoint := cmp.Or(os.Getenv("DOCKER_HOST"), dockeropts.DefaultHost)
	pool, err := dockertest.NewPool(endpoint)
	if err != nil {
		return nil, pgtest.Unavailable(fmt.Sprintf("no daemon: %v", err))
	}
	client := pool.Client
	answer, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := client.PingWithContext(answer); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, pgtest.Unavailable(fmt.Sprintf("no daemon answers at %s: %v", endpoint, err))
	}
	sweep(ctx, client, stale)

	name := cmp.Or(os.Getenv("MASSIVE_POSTGRES_IMAGE"), defaultImage)
	image, err := imageNamed(ctx, client, name)
	if err != nil && name == defaultImage && ctx.Err() == nil {
		return nil, pgtest.Unavailable(err.Error())
	}
	if err != nil {
		return nil, err
	}
	container, err := run(ctx, client, name, image, args)
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", name, err)
	}
	return &pgtest.Instance{
		DSN:    container.dsn,
		Origin: "Docker image " + name,
		Log:    container.log,
		Stop:   container.stop,
	}, nil
}

// imageNamed returns an image, pulling it if it is not there.
func imageNamed(ctx context.Context, client *docker.Client, name string) (*docker.Image, error) {
	image, err := client.InspectImage(name)
	if !errors.Is(err, docker.ErrNoSuchImage) {
		return image, err
	}
	pull := docker.PullImageOptions{Repository: name, Context: ctx}
	if !strings.Contains(name, "@") { // which is a digest's, and says it all
		repository, tag := docker.ParseRepositoryTag(name)
		pull.Repository, pull.Tag = repository, cmp.Or(tag, "latest")
	}
	if err := client.PullImage(pull, docker.AuthConfiguration{}); err != nil {
		return nil, fmt.Errorf("pull %s: %w", name, err)
	}
	return client.InspectImage(name)
}
