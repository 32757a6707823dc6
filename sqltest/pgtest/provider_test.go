package pgtest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// withProvider adds a provider to c that returns an instance or an error.
func withProvider(t *testing.T, c config, instance *Instance, err error) config {
	t.Helper()
	start := func(context.Context, []string) (*Instance, error) { return instance, err }
	noError(t, Provider("Cloud", "rent a cloud", start)(&c))
	return c
}

func TestProviderStartsTheServer(t *testing.T) {
	t.Parallel()
	dsn := externalServer(t).DSN("")
	var args []string
	stopped := 0
	start := func(_ context.Context, given []string) (*Instance, error) {
		args = given
		return &Instance{DSN: dsn, Origin: "a cloud", Log: func() (string, bool) { return "", false },
			Stop: func() error { stopped++; return nil }}, nil
	}
	for _, c := range []config{noPostgres(), only("cloud")} {
		stopped = 0
		for _, option := range []Option{Setting("work_mem", "77kB"), Provider("Cloud", "rent a cloud", start)} {
			noError(t, option(&c))
		}
		server, err := findServer(t.Context(), c)
		noError(t, err)
		if want := "a cloud (PostgreSQL " + server.version + ")"; !strings.HasPrefix(server.Origin(), want) {
			t.Errorf("origin %q, want %q", server.Origin(), want)
		}
		if want := append(slices.Clone(fastArgs), "-c", "work_mem=77kB"); !slices.Equal(args, want) {
			t.Errorf("arguments %q, want %q", args, want)
		}
		database := server.NewDatabase(t)
		if err := database.Drop(t.Context()); err != nil {
			t.Error(err)
		}
		for range 2 {
			if err := server.Stop(); err != nil || stopped != 1 {
				t.Errorf("Stop: %v, stopped %d times, want 1", err, stopped)
			}
		}
	}
}

func TestUnavailableProviderIsSkipped(t *testing.T) {
	t.Parallel()
	c := withProvider(t, noPostgres(), nil, Unavailable("no sky"))
	_, err := findServer(t.Context(), c)
	if !errors.Is(err, ErrNoPostgres) || strings.Contains(err.Error(), "dockerpg") {
		t.Errorf("error %v, want ErrNoPostgres without advice to add a provider", err)
	}
	for _, want := range []string{", or rent a cloud, or ", "; Cloud: no sky; a download: "} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	_, err = findServer(t.Context(), withProvider(t, only("cloud"), nil, Unavailable("no sky")))
	want := "pgtest: Cloud, forced by MASSIVE_POSTGRES_RUNG: no sky: rent a cloud, or unset MASSIVE_POSTGRES_RUNG"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	_, err = findServer(t.Context(), withProvider(t, only("docker"), nil, nil))
	want = `pgtest: MASSIVE_POSTGRES_RUNG: there is no source "docker", only url, local, cloud, download`
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestProviderThatFailsEndsTheSearch(t *testing.T) {
	t.Parallel()
	rain := errors.New("rain")
	_, err := findServer(t.Context(), withProvider(t, noPostgres(), nil, rain))
	if !errors.Is(err, rain) || errors.Is(err, ErrNoPostgres) || err.Error() != "pgtest: Cloud: rain" {
		t.Errorf("error %v, want the provider's", err)
	}
}

func TestProviderServerDoesNotStart(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		ended bool
		want  string
	}{
		{"ended", true, "pgtest: Cloud: a cloud: the server does not start: FATAL: rain"},
		{"late", false, "pgtest: Cloud: a cloud: context deadline exceeded: FATAL: rain"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			stopped := 0
			c := withProvider(t, noPostgres(), &Instance{
				DSN: "host=127.0.0.1 port=1 user=postgres sslmode=disable", Origin: "a cloud",
				Log:  func() (string, bool) { return "FATAL: rain", test.ended },
				Stop: func() error { stopped++; return nil },
			}, nil)
			ctx := t.Context()
			if !test.ended {
				short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
				defer cancel()
				ctx = short
			}
			_, err := findServer(ctx, c)
			if err == nil || err.Error() != test.want || errors.Is(err, context.DeadlineExceeded) == test.ended {
				t.Errorf("error %v, want %s", err, test.want)
			}
			if stopped != 1 {
				t.Errorf("stopped %d times, want 1", stopped)
			}
		})
	}
}

func TestSharedRejectsLateOptions(t *testing.T) {
	t.Parallel()
	starts := 0
	shared := sharing(func(_ context.Context, opts ...Option) (*Server, error) {
		starts += len(opts)
		return &Server{origin: "the one"}, nil
	})
	first, err := shared(Setting("work_mem", "77kB"))
	if err != nil || starts != 1 {
		t.Fatalf("the first call: %v, with %d options, want 1", err, starts)
	}
	if again, err := shared(); again != first || err != nil {
		t.Errorf("a later call: %v, %v, want the same server", again, err)
	}
	if _, err := shared(Setting("work_mem", "77kB")); err == nil || !strings.Contains(err.Error(), "in the first call") {
		t.Errorf("a later call with options: %v, want an error that says to pass them in the first call", err)
	}
}
