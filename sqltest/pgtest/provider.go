package pgtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Provider adds a source of servers from another module, so that pgtest does not depend
// on its modules. [Start] tries it after local binaries and before the download. It tries
// several providers in the order of the options.
//
// name is in messages, for example "Docker". In lower case it is a value of
// MASSIVE_POSTGRES_RUNG. If there is no Postgres, the message contains the remedy, for
// example "run a Docker daemon".
//
// [Start] calls start with the arguments for the program postgres, and waits until the
// server accepts connections. If the provider can't work on this machine, start returns
// [Unavailable], and Start tries the next source. Any other error ends the search. If
// start fails, it must leave nothing behind.
//
// The package github.com/massivedb/massive-go/sqltest/pgtest/dockerpg has a provider for
// Docker.
func Provider(name, remedy string, start func(ctx context.Context, args []string) (*Instance, error)) Option {
	return func(c *config) error {
		c.providers = append(c.providers, source{word: strings.ToLower(name), name: name, remedy: remedy, try: provided(start)})
		return nil
	}
}

// An Instance is a server that a [Provider] started. All fields are required.
type Instance struct {
	// DSN connects to the database postgres as a superuser. It has the form of keywords
	// and values.
	DSN string

	// Origin describes the server for people, for example "Docker image
	// postgres:17-alpine". pgtest adds the version.
	Origin string

	// Log returns the last lines of the server's log, and whether the server has ended.
	// pgtest calls it while it waits for the server.
	Log func() (text string, ended bool)

	// Stop ends the server, removes its files, and returns after that. pgtest calls it at
	// most once. The server must also end when the process ends without Stop.
	Stop func() error
}

// Unavailable is the error of a [Provider] that can't work on this machine. Its text is
// the reason.
type Unavailable string

// Error returns the reason.
func (why Unavailable) Error() string { return string(why) }

// provided returns the function of a source that uses a provider.
func provided(start func(context.Context, []string) (*Instance, error)) func(context.Context, config) (*Server, error) {
	return func(ctx context.Context, c config) (*Server, error) {
		args := slices.Clone(fastArgs)
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

// await waits until the server accepts connections, and returns its version. It returns
// an error if ctx or the server ends.
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

// end calls Stop, and lets the garbage collector free the instance.
func (i *Instance) end() error {
	launched.Delete(i)
	return i.Stop()
}
