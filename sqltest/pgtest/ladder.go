package pgtest

// The ladder: the ways to come by a server, best first.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrNoPostgres is the error of [Start] when there is no Postgres to be had. The message says what was
// looked for and how to get one.
var ErrNoPostgres = errors.New("no Postgres to be had")

// A rung is one way to come by a server.
type rung struct {
	word   string // for MASSIVE_POSTGRES_RUNG
	name   string
	remedy string // what would make it work

	// try returns a server that takes connections, with its dsn, version and origin. The error is Unavailable if
	// what the rung needs is not there; any other one ends the search.
	try func(context.Context, config) (*Server, error)
}

// rungs returns the ladder, with the providers before the download.
func (c config) rungs() []rung {
	last := len(ladder) - 1
	return slices.Concat(ladder[:last], c.providers, ladder[last:])
}

var ladder = []rung{
	{"url", "MASSIVE_POSTGRES_URL", "set MASSIVE_POSTGRES_URL to the URL of a server", remote},
	{"local", "local binaries", "install the server binaries (apt-get install postgresql, brew install postgresql)", local},
	{"download", "a download", "let an ordinary user download it (MASSIVE_POSTGRES_REPOSITORY)", downloaded},
}

// dockerRemedy is how to get a server in Docker if no provider was given.
const dockerRemedy = "pass dockerpg.Provider() to pgtest.Start or pgtest.Shared " +
	"(go get github.com/massivedb/massive-go/sqltest/pgtest/dockerpg) and run a Docker daemon"

// climb takes the first rung that has a server, or the one that MASSIVE_POSTGRES_RUNG forces.
func climb(ctx context.Context, c config) (*Server, error) {
	if word := c.getenv("MASSIVE_POSTGRES_RUNG"); word != "" {
		return step(ctx, c, word)
	}
	var passed, remedies []string
	for _, rung := range c.rungs() {
		server, err := rung.try(ctx, c)
		if err == nil {
			server.origin = strings.Join(append([]string{server.origin}, passed...), "; not ")
			return server, nil
		}
		var why Unavailable
		if !errors.As(err, &why) {
			return nil, fmt.Errorf("pgtest: %s: %w", rung.name, err)
		}
		passed = append(passed, fmt.Sprintf("%s: %s", rung.name, why))
		remedies = append(remedies, rung.remedy)
	}
	if len(c.providers) == 0 {
		remedies = append(remedies, dockerRemedy)
	}
	return nil, fmt.Errorf("pgtest: %w: %s (%s)", ErrNoPostgres, strings.Join(remedies, ", or "), strings.Join(passed, "; "))
}

// step takes the one rung.
func step(ctx context.Context, c config, word string) (*Server, error) {
	var words []string
	for _, rung := range c.rungs() {
		if rung.word != word {
			words = append(words, rung.word)
			continue
		}
		server, err := rung.try(ctx, c)
		var why Unavailable
		if errors.As(err, &why) {
			return nil, fmt.Errorf("pgtest: %s, the one rung by MASSIVE_POSTGRES_RUNG: %w: %s, or unset MASSIVE_POSTGRES_RUNG",
				rung.name, why, rung.remedy)
		}
		if err != nil {
			return nil, fmt.Errorf("pgtest: %s, the one rung by MASSIVE_POSTGRES_RUNG: %w", rung.name, err)
		}
		server.origin += "; the one rung by MASSIVE_POSTGRES_RUNG"
		return server, nil
	}
	only := strings.Join(words, ", ")
	if len(c.providers) == 0 {
		only += "; for docker, " + dockerRemedy
	}
	return nil, fmt.Errorf("pgtest: MASSIVE_POSTGRES_RUNG: there is no rung %q, only %s", word, only)
}
