package pgtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrNoPostgres is the error of [Start] if no Postgres is available. The message says why
// no source is available, and how to get one.
var ErrNoPostgres = errors.New("no Postgres available")

// A source is a way to get a server.
type source struct {
	word   string // for MASSIVE_POSTGRES_RUNG
	name   string
	remedy string // how to make it available

	// try returns a server that accepts connections, with its dsn, version and origin. If
	// the source is not available, the error is Unavailable. Any other error ends the
	// search.
	try func(context.Context, config) (*Server, error)
}

// sources returns all sources, best first, with the providers before the download.
func (c config) sources() []source {
	last := len(ownSources) - 1
	return slices.Concat(ownSources[:last], c.providers, ownSources[last:])
}

var ownSources = []source{
	{"url", "MASSIVE_POSTGRES_URL", "set MASSIVE_POSTGRES_URL to the URL of a server", remote},
	{"local", "local binaries", "install the server binaries (apt-get install postgresql, brew install postgresql)", local},
	{"download", "a download", "let an ordinary user download it (MASSIVE_POSTGRES_REPOSITORY)", downloaded},
}

// dockerRemedy says how to get a server in Docker. Messages contain it if there is no
// provider.
const dockerRemedy = "pass dockerpg.Provider() to pgtest.Start or pgtest.Shared " +
	"(go get github.com/massivedb/massive-go/sqltest/pgtest/dockerpg) and run a Docker daemon"

// findServer returns a server from the first available source, or from the source in
// MASSIVE_POSTGRES_RUNG.
func findServer(ctx context.Context, c config) (*Server, error) {
	if word := c.getenv("MASSIVE_POSTGRES_RUNG"); word != "" {
		return forcedServer(ctx, c, word)
	}
	var skipped, remedies []string
	for _, source := range c.sources() {
		server, err := source.try(ctx, c)
		if err == nil {
			server.origin = strings.Join(append([]string{server.origin}, skipped...), "; not ")
			return server, nil
		}
		var why Unavailable
		if !errors.As(err, &why) {
			return nil, fmt.Errorf("pgtest: %s: %w", source.name, err)
		}
		skipped = append(skipped, fmt.Sprintf("%s: %s", source.name, why))
		remedies = append(remedies, source.remedy)
	}
	if len(c.providers) == 0 {
		remedies = append(remedies, dockerRemedy)
	}
	return nil, fmt.Errorf("pgtest: %w: %s (%s)", ErrNoPostgres, strings.Join(remedies, ", or "), strings.Join(skipped, "; "))
}

// forcedServer returns a server from the source with that word.
func forcedServer(ctx context.Context, c config, word string) (*Server, error) {
	var words []string
	for _, source := range c.sources() {
		if source.word != word {
			words = append(words, source.word)
			continue
		}
		server, err := source.try(ctx, c)
		var why Unavailable
		if errors.As(err, &why) {
			return nil, fmt.Errorf("pgtest: %s, forced by MASSIVE_POSTGRES_RUNG: %w: %s, or unset MASSIVE_POSTGRES_RUNG",
				source.name, why, source.remedy)
		}
		if err != nil {
			return nil, fmt.Errorf("pgtest: %s, forced by MASSIVE_POSTGRES_RUNG: %w", source.name, err)
		}
		server.origin += "; forced by MASSIVE_POSTGRES_RUNG"
		return server, nil
	}
	only := strings.Join(words, ", ")
	if len(c.providers) == 0 {
		only += "; for docker, " + dockerRemedy
	}
	return nil, fmt.Errorf("pgtest: MASSIVE_POSTGRES_RUNG: there is no source %q, only %s", word, only)
}
