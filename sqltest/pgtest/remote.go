package pgtest

// The rung of a server that somebody else runs.

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// remote uses the server at MASSIVE_POSTGRES_URL.
func remote(ctx context.Context, c config) (*Server, error) {
	given := c.getenv("MASSIVE_POSTGRES_URL")
	if given == "" {
		return nil, Unavailable("not set")
	}
	if len(c.settings) > 0 {
		return nil, fmt.Errorf("%w: a server that somebody else runs can't be given settings (%s)",
			errors.ErrUnsupported, strings.Join(c.settings, ", "))
	}
	dsn, err := keywords(given)
	if err != nil {
		return nil, err
	}
	dsn, err = settled(ctx, "dbname=postgres "+dsn) // the last one counts
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
	return fmt.Errorf("%w: mend MASSIVE_POSTGRES_URL, or unset it to have pgtest look for another server", explained(err))
}

// settled returns a DSN that leads to the same server under every driver. What is open in it is settled by how it can
// be connected to now: which of several hosts it is (each is tried, in their order), and whether over TLS. Left open,
// the drivers differ: without an sslmode pgx does with or without TLS, lib/pq insists on it; without a host pgx looks
// for a socket, lib/pq goes to localhost.
func settled(ctx context.Context, dsn string) (string, error) {
	config, err := parsed(dsn)
	if err != nil {
		return "", err
	}
	var failed []error
	for _, at := range candidates(config) {
		there := fmt.Sprintf("%s host=%s port=%d", dsn, quote(at.host), at.port)
		config, err := parsed(there)
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
			there += " sslmode=disable"
		case at.either:
			there += " sslmode=require"
		}
		return there, nil
	}
	return "", unreached(errors.Join(failed...))
}

// A candidate is a place where the server may be, and whether it may be spoken to with TLS or without.
type candidate struct {
	host   string
	port   uint16
	either bool
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
