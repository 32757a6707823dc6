package pgtest

import (
	"errors"
	"strings"
	"testing"
)

// only returns a config whose MASSIVE_POSTGRES_RUNG forces one source.
func only(word string) config {
	c := noPostgres()
	c.getenv = func(name string) string {
		if name == "MASSIVE_POSTGRES_RUNG" {
			return word
		}
		return ""
	}
	return c
}

func TestForcedSource(t *testing.T) {
	t.Parallel()
	dsn := externalServer(t).DSN("")
	c := only("url")
	withoutURL := c.getenv
	c.getenv = func(name string) string {
		if name == "MASSIVE_POSTGRES_URL" {
			return dsn
		}
		return withoutURL(name)
	}
	server, err := findServer(t.Context(), c)
	noError(t, err)
	want := "the server at MASSIVE_POSTGRES_URL (PostgreSQL " + server.version + "); forced by MASSIVE_POSTGRES_RUNG"
	if server.Origin() != want {
		t.Errorf("origin %q, want %q", server.Origin(), want)
	}
}

func TestForcedSourceUnavailable(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"url":      "MASSIVE_POSTGRES_URL, forced by MASSIVE_POSTGRES_RUNG: not set: set MASSIVE_POSTGRES_URL to the URL of a server, or unset MASSIVE_POSTGRES_RUNG",
		"local":    "local binaries, forced by MASSIVE_POSTGRES_RUNG: ",
		"docker":   `MASSIVE_POSTGRES_RUNG: there is no source "docker", only url, local, download; for docker, pass dockerpg.Provider() to pgtest.Start`,
		"download": "a download, forced by MASSIVE_POSTGRES_RUNG: no",
		"Local":    `MASSIVE_POSTGRES_RUNG: there is no source "Local", only url, local, download`,
	} {
		_, err := findServer(t.Context(), only(word))
		if err == nil || !strings.Contains(err.Error(), want) || errors.Is(err, ErrNoPostgres) {
			t.Errorf("error %v, want one with %q that is not ErrNoPostgres", err, want)
		}
	}
}
