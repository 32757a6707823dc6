package massive_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect/postgres/pgxwake"
	"github.com/massivedb/massive-go/dialect/postgres/pqwake"
	"github.com/massivedb/massive-go/massive"
)

// closesSoon checks that Close ends a running Wait, which returns ErrClosed's text.
func closesSoon(t *testing.T, waker interface{ Close() error }, waiting <-chan error) {
	t.Helper()
	start := time.Now()
	if err := waker.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	select {
	case err := <-waiting:
		if err == nil || !strings.HasSuffix(err.Error(), "wake: closed") {
			t.Errorf("Wait returned %v, want closed", err)
		}
	case <-time.After(patience):
		t.Fatalf("Wait still runs %s after Close", patience)
	}
	if took := time.Since(start); took > patience/2 {
		t.Errorf("Close took %s, want at most %s", took, patience/2)
	}
}

// Close may be called at any time during a Wait. The race detector checks this test.
func TestWakersCloseWhileWaiting(t *testing.T) {
	t.Parallel()
	onDrivers(t, "", func(t *testing.T, e *env) {
		for n := range 10 {
			waker := wakerOf(e, "c")
			waiting := make(chan error, 1)
			noError(t, waker.Wait(t.Context()))
			go func() { waiting <- waker.Wait(t.Context()) }()
			time.Sleep(time.Duration(n) * time.Millisecond)
			closesSoon(t, waker, waiting)
			if err := waker.Close(); err != nil {
				t.Errorf("a second close: %v", err)
			}
		}
		eventually(t, e.pool, "no waker is connected", `SELECT NOT EXISTS (SELECT FROM pg_stat_activity
			WHERE datname = current_database() AND query LIKE 'LISTEN%')`)

		idle := wakerOf(e, "c") // without a Wait
		noError(t, idle.Wait(t.Context()))
		if err := idle.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if err := idle.Wait(t.Context()); err == nil || !strings.HasSuffix(err.Error(), "wake: closed") {
			t.Errorf("Wait after Close: got %v, want closed", err)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := wakerOf(e, "c").Wait(ended); err == nil || err.Error() != context.Canceled.Error() {
			t.Errorf("Wait with an ended context: got %v", err)
		}
	})
}

// Close also ends a Wait that is connecting to a server that does not answer.
func TestWakersCloseWhileConnecting(t *testing.T) {
	t.Parallel()
	silent, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	noError(t, err)
	defer silent.Close()
	host, port, _ := net.SplitHostPort(silent.Addr().String())
	dsn := fmt.Sprintf("host=%s port=%s user=postgres sslmode=disable", host, port)
	for _, waker := range []interface {
		massive.Waker
		Close() error
	}{pgxwake.New(dsn, "c"), pqwake.New(dsn, "c")} {
		waiting := make(chan error, 1)
		go func() { waiting <- waker.Wait(t.Context()) }()
		conn, err := silent.Accept()
		noError(t, err)
		closesSoon(t, waker, waiting)
		conn.Close()
	}
}
