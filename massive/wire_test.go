package massive_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/massivedb/massive-go/massive"
)

// A wire is a proxy between a driver and the server. It records the type letters of the
// driver's messages
// (https://www.postgresql.org/docs/current/protocol-message-formats.html), and can
// truncate answers.
type wire struct {
	mu      sync.Mutex
	sent    []byte // Q simple query, P parse, B bind, E execute, S sync …
	bound   int    // parameters of bind messages
	cutAt   int    // bytes of answers that still pass; negative for all
	loses   string // lose the answer to the next message with this text
	drops   bool   // drop everything, as a dead network does
	dir     string
	network string
	address string
	servers map[net.Conn]bool // open connections
	gone    bool
	open    sync.WaitGroup
}

// wired opens the test's database through a wire.
func (e *env) wired(t *testing.T, params string) (*wire, *env) {
	t.Helper()
	config, err := pgconn.ParseConfig(e.DSN())
	noError(t, err)
	if config.TLSConfig != nil {
		t.Skip("the server requires TLS, which the proxy can't read")
	}
	dir, err := os.MkdirTemp("", "wire") // t.TempDir's names are too long for a socket
	noError(t, err)
	w := &wire{dir: dir, cutAt: -1, servers: map[net.Conn]bool{}}
	w.network, w.address = pgconn.NetworkAddress(config.Host, config.Port)
	l, err := net.Listen("unix", filepath.Join(dir, ".s.PGSQL.5432"))
	noError(t, err)
	w.open.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			w.open.Go(func() { w.serve(client) })
		}
	})
	// Registered before the pool's clean-up, and so run after it.
	t.Cleanup(func() {
		l.Close()
		w.open.Wait()
		os.RemoveAll(dir)
	})
	return w, &env{e.Database, e.driver, e.Open(t, e.driver, "host="+dir+" port=5432 "+params)}
}

func (w *wire) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial(w.network, w.address)
	if err != nil {
		return
	}
	defer server.Close()
	if !w.add(server) {
		return
	}
	defer w.forget(server)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer client.Close()
		w.answers(client, server)
	}()
	w.requests(server, client)
	server.Close()
	<-done
}

// requests forwards the driver's messages, one at a time.
func (w *wire) requests(server io.Writer, client io.Reader) {
	for first := true; ; first = false {
		head := make([]byte, 5)
		if first {
			head = head[:4] // the first message has no letter
		}
		if _, err := io.ReadFull(client, head); err != nil {
			return
		}
		body := make([]byte, binary.BigEndian.Uint32(head[len(head)-4:])-4)
		if _, err := io.ReadFull(client, body); err != nil {
			return
		}
		w.mu.Lock()
		drops := w.drops
		if !first {
			w.sent = append(w.sent, head[0])
			if head[0] == 'B' {
				w.bound += parameters(body)
			}
			if w.loses != "" && strings.Contains(string(body), w.loses) {
				w.cutAt = 0
			}
		}
		w.mu.Unlock()
		if drops {
			continue
		}
		if _, err := server.Write(append(head, body...)); err != nil {
			return
		}
	}
}

// parameters returns the number of parameters of a Bind message.
func parameters(bind []byte) int {
	for range 2 { // the names of the portal and of the statement
		bind = bind[bytes.IndexByte(bind, 0)+1:]
	}
	formats := int(binary.BigEndian.Uint16(bind))
	return int(binary.BigEndian.Uint16(bind[2+2*formats:]))
}

func (w *wire) answers(client io.Writer, server io.Reader) {
	buffer := make([]byte, 512)
	for {
		n, err := server.Read(buffer)
		if err != nil {
			return
		}
		w.mu.Lock()
		cut := w.cutAt >= 0 && n >= w.cutAt
		if cut {
			n = w.cutAt
		}
		switch {
		case cut && w.loses != "":
			w.loses, w.cutAt = "", -1
		case w.cutAt >= 0:
			w.cutAt -= n
		}
		drops := w.drops
		w.mu.Unlock()
		if drops {
			continue
		}
		if _, err := client.Write(buffer[:n]); err != nil || cut {
			return
		}
	}
}

// took returns the letters that were sent since the last call.
func (w *wire) took() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	sent := string(w.sent)
	w.sent = nil
	return sent
}

// drop silently drops all further messages of both sides.
func (w *wire) drop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.drops = true
}

func (w *wire) cut(after int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cutAt = after
}

// lose breaks the connection after the next message with that text, when the server has
// executed it.
func (w *wire) lose(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.loses = text
}

func (w *wire) add(server net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.servers[server] = true
	return !w.gone
}

func (w *wire) forget(server net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.servers, server)
}

// hangUp closes all connections without a Terminate message and refuses new ones, on
// which a driver could send a cancel, or database/sql the statement again.
func (w *wire) hangUp() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gone = true
	for server := range w.servers {
		server.Close()
	}
}

// statements returns how many statements were run, and how many of them were prepared.
func statements(sent string) (run, prepared int) {
	return strings.Count(sent, "Q") + strings.Count(sent, "E"), strings.Count(sent, "P")
}

// Each operation is one statement and one round trip, except for the driver's first
// Prepare, and binds no parameters.
func TestOperationsAreOneStatement(t *testing.T) {
	t.Parallel()
	onDrivers(t, dailySales+`REFRESH MATERIALIZED VIEW daily_sales; CREATE SEQUENCE s; CREATE SEQUENCE called; SELECT nextval('called'); CREATE TYPE mood AS ENUM ('a'); CREATE TABLE keyed (id serial PRIMARY KEY)`,
		func(t *testing.T, e *env) {
			for _, mode := range e.execModes() {
				w, e := e.wired(t, mode)
				conn := e.conn(t)
				w.took()
				m := load(t, conn)
				run, prepared := statements(w.took())
				if run != 1 || prepared > 1 {
					t.Errorf("a load: got %d statements, %d prepared; want 1", run, prepared)
				}
				v, s := matview(t, m, "daily_sales"), sequence(t, m, "s")
				var sales []sale
				for what, op := range map[string]func() error{
					"Reload":     func() error { _, err := m.Reload(t.Context()); return err },
					"Refresh":    func() error { _, err := v.Refresh(t.Context()); return err },
					"Concurrent": func() error { _, err := v.Refresh(t.Context(), massive.Concurrently()); return err },
					"IfPossible": func() error { _, err := v.Refresh(t.Context(), massive.ConcurrentlyIfPossible()); return err },
					"Analyze":    func() error { _, err := v.Refresh(t.Context(), massive.Analyze()); return err },
					"SkipIfBusy": func() error {
						_, err := v.Refresh(t.Context(), massive.SkipIfBusy(), massive.LockTimeout(time.Minute))
						return err
					},
					"Get":   func() error { return v.Get(t.Context(), &sale{}, "LIMIT 1") },
					"Count": func() error { _, err := v.Count(t.Context(), ""); return err },
					"Rows": func() error {
						for _, err := range massive.Rows[sale](t.Context(), v, "") {
							if err != nil {
								return err
							}
						}
						return nil
					},
					"Definition": func() error { _, err := v.Definition(t.Context()); return err },
					"Size":       func() error { _, err := v.Size(t.Context()); return err },
					"Select":     func() error { return v.Select(t.Context(), &sales, "") },
					"NextValue":  func() error { _, err := s.NextValue(t.Context()); return err },
					"LastValue":  func() error { _, err := sequence(t, m, "called").LastValue(t.Context()); return err },
					"ResetTo":    func() error { return s.ResetTo(t.Context(), 3) },
					"Restart":    func() error { return s.Restart(t.Context()) },
				} {
					if err := op(); err != nil { // the first call may prepare
						t.Fatalf("%s: %v", what, err)
					}
					w.took()
					if err := op(); err != nil {
						t.Fatalf("%s: %v", what, err)
					}
					sent := w.took()
					run, prepared := statements(sent)
					trips := strings.Count(sent, "Q") + strings.Count(sent, "S")
					if what == "Reload" && run <= 2 && trips <= run+prepared {
						continue // it loads, since another test has committed
					}
					if run != 1 || (prepared != 0 && mode == "") || trips != 1 {
						t.Errorf("%s %s: got %d statements, %d prepared, %d round trips (%s); want 1", what, mode, run, prepared, trips, sent)
					}
				}
				_, _ = m.Matview("daily_sales")
				_, _ = m.Enum("mood")
				_ = m.AppendLocalLabels("mood", "b")
				_ = m.With(conn).Matviews()
				same(t, "messages sent by lookups", w.took(), "")
				same(t, "bound parameters", w.bound, 0)
			}
		})
}

// A connection that breaks in the middle of an answer is an error, not a shorter catalog.
func TestTruncatedAnswersAreErrors(t *testing.T) {
	t.Parallel()
	var setup strings.Builder
	for i := range 40 {
		fmt.Fprintf(&setup, "CREATE TYPE mood_%[1]d AS ENUM ('a', 'b'); CREATE SEQUENCE s_%[1]d;", i)
	}
	onDrivers(t, setup.String(), func(t *testing.T, e *env) {
		w, e := e.wired(t, "")
		m := e.load(t)
		before, want := m.Registry(), append(enumNames(m), sequenceNames(m)...)
		same(t, "structures", len(want), 80)
		broken := 0
		for after := 40; after < 2500; after += 250 {
			exec(t, e.pool, "SELECT txid_current()") // opens a connection, and commits, so that Reload loads
			w.cut(after)
			_, err := m.Reload(context.Background())
			w.cut(-1)
			if err == nil {
				t.Errorf("an answer cut after %d bytes: got no error", after)
				continue
			}
			broken++
			mustBe(t, err, err, "massive: reload: ", "the previous snapshot stays in use")
			same(t, "the old snapshot stays", m.Registry(), before)
		}
		if broken < 9 {
			t.Errorf("got %d broken answers, want at least 9", broken)
		}
		noError(t, errOf(m.Reload(t.Context())))
		if got := append(enumNames(m), sequenceNames(m)...); !slices.Equal(got, want) {
			t.Errorf("structures after a whole answer: got %v, want %v", got, want)
		}
	})
}
