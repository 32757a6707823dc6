package pgtest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// remote returns the external server at MASSIVE_POSTGRES_URL.
func remote(ctx context.Context, c config) (*Server, error) {
	given := c.getenv("MASSIVE_POSTGRES_URL")
	if given == "" {
		return nil, Unavailable("not set")
	}
	if len(c.settings) > 0 {
		return nil, fmt.Errorf("%w: pgtest can't change the settings of an external server (%s)",
			errors.ErrUnsupported, strings.Join(c.settings, ", "))
	}
	dsn, err := keywords(given)
	if err != nil {
		return nil, err
	}
	dsn, err = resolved(ctx, "dbname=postgres "+dsn) // the last dbname counts
	if err != nil {
		return nil, err
	}
	conn, err := pgconn.Connect(ctx, dsn)
	if err != nil {
		return nil, unreached(err)
	}
	defer conn.Close(ctx)
	if err := sweep(ctx, conn, prefix); err != nil {
		return nil, err
	}
	version := versionOf(conn)
	return &Server{
		dsn:     dsn,
		version: version,
		origin:  fmt.Sprintf("the server at MASSIVE_POSTGRES_URL (PostgreSQL %s)", version),
	}, nil
}

func unreached(err error) error {
	return fmt.Errorf("%w: fix MASSIVE_POSTGRES_URL, or unset it to use another source", explained(err))
}

// resolved returns a DSN that means the same server to every driver. It sets the host and
// the sslmode. For that, it connects to the hosts in order. Without these values the
// drivers differ: without sslmode, pgx connects with or without TLS, and lib/pq requires
// TLS. Without a host, pgx looks for a socket, and lib/pq connects to localhost.
func resolved(ctx context.Context, dsn string) (string, error) {
	config, err := parsed(dsn)
	if err != nil {
		return "", err
	}
	var failed []error
	for _, at := range candidates(config) {
		full := fmt.Sprintf("%s host=%s port=%d", dsn, quote(at.host), at.port)
		config, err := parsed(full)
		if err != nil {
			return "", err
		}
		conn, err := pgconn.ConnectConfig(ctx, config)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		_, secure := conn.Conn().(*tls.Conn)
		_ = conn.Close(ctx)
		switch {
		case !secure:
			full += " sslmode=disable"
		case at.either:
			full += " sslmode=require"
		}
		return full, nil
	}
	return "", unreached(errors.Join(failed...))
}

// A candidate is a possible address of the server.
type candidate struct {
	host   string
	port   uint16
	either bool // the DSN allows connections with and without TLS
}

func candidates(config *pgconn.Config) []candidate {
	type place struct {
		host string
		port uint16
	}
	var order []place
	ways := map[place][2]bool{} // without TLS, with it
	add := func(host string, port uint16, tls bool) {
		at := place{host, port}
		way, known := ways[at]
		if !known {
			order = append(order, at)
		}
		way[0], way[1] = way[0] || !tls, way[1] || tls
		ways[at] = way
	}
	add(config.Host, config.Port, config.TLSConfig != nil)
	for _, f := range config.Fallbacks {
		add(f.Host, f.Port, f.TLSConfig != nil)
	}
	var all []candidate
	for _, at := range order {
		all = append(all, candidate{at.host, at.port, ways[at] == [2]bool{true, true}})
	}
	return all
}
