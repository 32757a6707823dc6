// Package dockerpg starts a throwaway Postgres server in Docker, for pgtest. It is a
// separate module, so that pgtest does not depend on a Docker client.
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
// pgtest tries Docker after local binaries and before a download. With
// MASSIVE_POSTGRES_RUNG=docker, it tries only Docker.
//
// MASSIVE_POSTGRES_IMAGE sets the image; the default is postgres:17-alpine. The package
// pulls the image if it is missing. The image must accept POSTGRES_PASSWORD and arguments
// for the server, as the official image does. The server listens on a port of 127.0.0.1,
// so the Docker daemon must run on this machine. Its password is random. DOCKER_HOST sets
// the daemon's address.
//
// No container is left behind, however the process ends. There is one exception: if a
// process is killed between creating and starting a container, the container stays. A
// later start removes it when it is more than an hour old.
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

// Provider returns the Docker provider for [pgtest.Start] and [pgtest.Shared]. If no
// daemon answers, or if the default image can't be pulled, pgtest tries the next source.
// If the image in MASSIVE_POSTGRES_IMAGE can't be pulled, that is an error.
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

// imageNamed returns an image. It pulls the image if it is missing.
func imageNamed(ctx context.Context, client *docker.Client, name string) (*docker.Image, error) {
	image, err := client.InspectImage(name)
	if !errors.Is(err, docker.ErrNoSuchImage) {
		return image, err
	}
	pull := docker.PullImageOptions{Repository: name, Context: ctx}
	if !strings.Contains(name, "@") { // a name with a digest has no tag
		repository, tag := docker.ParseRepositoryTag(name)
		pull.Repository, pull.Tag = repository, cmp.Or(tag, "latest")
	}
	if err := client.PullImage(pull, docker.AuthConfiguration{}); err != nil {
		return nil, fmt.Errorf("pull %s: %w", name, err)
	}
	return client.InspectImage(name)
}
