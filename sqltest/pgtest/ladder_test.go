package pgtest

// One rung only.

import (
	"errors"
	"strings"
	"testing"
)

// only is an environment with nothing but a rung that is forced.
func only(word string) config {
	c := nothing()
	c.getenv = func(name string) string {
		if name == "MASSIVE_POSTGRES_RUNG" {
			return word
		}
		return ""
	}
	return c
}

func TestForcedRung(t *testing.T) {
	t.Parallel()
	dsn := somebodys(t).DSN("")
	c := only("url")
	rungOnly := c.getenv
	c.getenv = func(name string) string {
		if name == "MASSIVE_POSTGRES_URL" {
			return dsn
		}
		return rungOnly(name)
	}
	server, err := climb(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	want := "the server at MASSIVE_POSTGRES_URL (PostgreSQL " + server.version + "); the one rung by MASSIVE_POSTGRES_RUNG"
	if server.Origin() != want {
		t.Errorf("origin %q, want %q", server.Origin(), want)
	}
}

func TestForcedRungThatIsNotThere(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"url":      "MASSIVE_POSTGRES_URL, the one rung by MASSIVE_POSTGRES_RUNG: not set: set MASSIVE_POSTGRES_URL to the URL of a server, or unset MASSIVE_POSTGRES_RUNG",
		"local":    "local binaries, the one rung by MASSIVE_POSTGRES_RUNG: ",
		"docker":   `MASSIVE_POSTGRES_RUNG: there is no rung "docker", only url, local, download; for docker, pass dockerpg.Provider() to pgtest.Start`,
		"download": "a download, the one rung by MASSIVE_POSTGRES_RUNG: no",
		"Local":    `MASSIVE_POSTGRES_RUNG: there is no rung "Local", only url, local, download`,
	} {
		_, err := climb(t.Context(), only(word))
		if err == nil || !strings.Contains(err.Error(), want) || errors.Is(err, ErrNoPostgres) {
			t.Errorf("error %v, want one with %q that is not ErrNoPostgres", err, want)
		}
	}
}
