package pgtest

// Sources of servers that other modules provide, so that their dependencies are not in every user's module graph.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Provider adds a source of servers to the list in the package comment. [Start] tries it after local binaries and
// before the download. If several are added, Start tries them in the order of the options.
//
// Messages use the name, such as "Docker". In lower case the name is a value of MASSIVE_POSTGRES_RUNG. The remedy
// completes the message that there is no Postgres, such as "run a Docker daemon".
//
// Start calls start with the arguments for the program postgres. Start itself waits until the server takes
// connections. If the provider cannot work here, start returns [Unavailable], and the search goes on. Any
// other error ends the search. If start fails, it leaves nothing behind.
//
// The package github.com/massivedb/massive-go/sqltest/pgtest/dockerpg has a provider for Docker.
func Provider(name, remedy string, start func(ctx context.Context, args []string) (*Instance, error)) Option {
	return func(c *config) error {
		c.providers = append(c.providers, rung{word: strings.ToLower(name), name: name, remedy: remedy, try: provided(start)})
		return nil
	}
}

// An Instance is a server that a [Provider] has started. All fields are required.
type Instance struct {
	// DSN leads to the database postgres as a superuser. It has the form of keywords and values.
	DSN string

	// Origin says where the server comes from, such as "Docker image postgres:17-alpine". pgtest adds the version.
	Origin string

	// Log returns the last lines that the server has logged, and whether it has ended. pgtest calls it while it waits
	// for the server.
	Log func() (text string, ended bool)

	// Stop ends the server and returns when nothing of it is left. pgtest calls it at most once. The server must
	// also end, without Stop, when the process ends.
	Stop func() error
}

// Unavailable is the error of a [Provider] that cannot work on this machine. The text is the reason.
type Unavailable string

// Error returns the reason.
func (why Unavailable) Error() string { return string(why) }

// provided makes a rung of a provider.
func provided(start func(context.Context, []string) (*Instance, error)) func(context.Context, config) (*Server, error) {
	return func(ctx context.Context, c config) (*Server, error) {
		args := slices.Clone(hasty)
		for _, setting := range c.settings {
			args = append(args, "-c", setting)
		}
		instance, err := start(ctx, args)
		if err != nil {
			return nil, err
		}
		launched.Store(instance, nil)
		version, err := instance.await(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", instance.Origin, errors.Join(err, instance.end()))
		}
		return &Server{
			dsn:     instance.DSN,
			version: version,
			origin:  fmt.Sprintf("%s (PostgreSQL %s)", instance.Origin, version),
			end:     instance.end,
		}, nil
	}
}

// await returns the server's version once it takes connections. It gives up when ctx ends, or the server.
func (i *Instance) await(ctx context.Context) (version string, err error) {
	version, err = await(ctx, i.DSN, func() error {
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
		if log, ended := i.Log(); ended {
			return fmt.Errorf("the server does not start: %s", log)
		}
		return nil
	})
	if err != nil && ctx.Err() != nil {
		log, _ := i.Log()
		return "", fmt.Errorf("%w: %s", err, log)
	}
	return version, err
}

// end is Stop, after which the instance may be collected.
func (i *Instance) end() error {
	launched.Delete(i)
	return i.Stop()
}
