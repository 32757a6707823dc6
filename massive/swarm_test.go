//go:build unix

package massive_test

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	goexec "os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/registry"
)

const (
	// One session writes ticks, each committed before the next one begins.
	swarmSchema = `CREATE TABLE ticks (id bigint PRIMARY KEY, at timestamptz NOT NULL);
		CREATE MATERIALIZED VIEW latest AS SELECT max(id) AS id, (SELECT 1 FROM pg_sleep(0.1)) AS one FROM ticks; CREATE UNIQUE INDEX ON latest (id)`
	swarmWorkers = 8
	swarmCallers = 16     // in each worker
	swarmReads   = 50_000 // on each driver
)

// Eight processes refresh one view by its age, on each driver. Meanwhile processes are killed
// and the server restarts. Each caller must read every row that was committed before its
// call, less the age that it allows.
func TestSwarmReadsNoOldRows(t *testing.T) {
	if os.Getenv(crashing) == "" {
		t.Skipf("takes minutes; set %s=1 to run it, as .ci/nightly does", crashing)
	}
	for _, driver := range []string{"postgres", "pgx"} {
		t.Run(driver, func(t *testing.T) {
			c := newCluster(t)
			db := open(t, driver, "", c)
			exec(t, db, swarmSchema)
			noError(t, massive.CreateLedger(t.Context(), db, postgres.New(), "massive"))
			stopTicks := startTicks(t, driver, c)

			var s swarm
			workers := map[string]*swarmWorker{}
			begin := func(name string) { workers[name] = s.start(t, driver, c.dsn()+" application_name="+name) }
			for i := range swarmWorkers {
				begin(fmt.Sprint("worker", i))
			}
			for i := range 4 {
				s.wait(t, int64(i+1)*swarmReads/6)
				name := refreshingWorker(t, db)
				_ = workers[name].cmd.Process.Kill()
				_ = workers[name].end() // it was killed
				begin(name)
			}
			s.wait(t, swarmReads*5/6)
			c.stop(t, "immediate")
			c.start(t)
			s.wait(t, swarmReads)
			for _, w := range workers {
				if err := w.end(); err != nil {
					t.Errorf("a worker failed: %v", err)
				}
			}
			stopTicks()
			s.check(t, db)
		})
	}
}

// refreshingWorker returns the name of a worker that refreshes.
func refreshingWorker(t *testing.T, db *sql.DB) string {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); pause() {
		if name := one[string](t, db, `SELECT coalesce(max(a.application_name), '') FROM pg_locks l JOIN pg_stat_activity a USING (pid)
			WHERE l.locktype = 'advisory' AND l.granted AND a.application_name LIKE 'worker%'`); name != "" {
			return name
		}
	}
	t.Fatal("no worker refreshes")
	return ""
}

// startTicks writes ticks until stop is called, also after a restart of the server.
func startTicks(t *testing.T, driver string, c *cluster) (stop func()) {
	t.Helper()
	db := open(t, driver, "", c)
	db.SetMaxOpenConns(1)
	ctx, cancel := context.WithCancel(t.Context())
	var writer sync.WaitGroup
	writer.Go(func() {
		for ctx.Err() == nil {
			_, _ = db.ExecContext(context.Background(), "INSERT INTO ticks SELECT COALESCE(max(id), 0) + 1, clock_timestamp() FROM ticks")
			time.Sleep(2 * time.Millisecond)
		}
	})
	return func() { cancel(); writer.Wait() }
}

// A sighting is what a caller read, and the moment of which the rows must be.
type sighting struct {
	Outcome  int64 // a registry.RefreshOutcome; 0 for an error
	Required int64 // in microseconds
	ID       int64 // of the newest row; -1 if the caller read nothing
}

// A swarm collects the sightings of all workers.
type swarm struct {
	reads atomic.Int64
	mu    sync.Mutex
	seen  []sighting
}

type swarmWorker struct {
	cmd *goexec.Cmd
	in  io.Closer
	out chan struct{}
}

func (s *swarm) start(t *testing.T, driver, dsn string) *swarmWorker {
	t.Helper()
	cmd, in, out := startWorker(t, "swarm", driver, dsn)
	w := &swarmWorker{cmd, in, make(chan struct{})}
	go func() {
		defer close(w.out)
		for buffered := bufio.NewReader(out); ; {
			var one sighting
			if binary.Read(buffered, binary.NativeEndian, &one) != nil {
				return // at the end, or in the middle of a killed worker's last one
			}
			s.mu.Lock()
			s.seen = append(s.seen, one)
			s.mu.Unlock()
			if one.ID >= 0 {
				s.reads.Add(1)
			}
		}
	}()
	return w
}

func (w *swarmWorker) end() error {
	_ = w.in.Close()
	<-w.out
	return w.cmd.Wait()
}

func (s *swarm) wait(t *testing.T, reads int64) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Minute); s.reads.Load() < reads; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d readings in ten minutes, want %d", s.reads.Load(), reads)
		}
	}
}

// check compares the sightings with the ticks. A tick was committed before the next one's
// time. So rows of a moment have all ticks but the last one whose time is not after it.
func (s *swarm) check(t *testing.T, db *sql.DB) {
	t.Helper()
	at := map[int64]int64{}
	rows, err := db.QueryContext(t.Context(), "SELECT id, (extract(epoch FROM at) * 1000000)::bigint FROM ticks")
	noError(t, err)
	defer rows.Close()
	for rows.Next() {
		var id, micros int64
		noError(t, rows.Scan(&id, &micros))
		at[id] = micros
	}
	noError(t, rows.Err())
	outcomes, unsound := map[registry.RefreshOutcome]int{}, 0
	for _, one := range s.seen {
		outcomes[registry.RefreshOutcome(one.Outcome)]++
		if one.ID < 0 {
			continue
		}
		if second, ok := at[one.ID+2]; ok && second <= one.Required {
			unsound++
		}
	}
	overlapping := one[int](t, db, `SELECT count(*) FROM (SELECT started_at < lag(finished_at) OVER (ORDER BY number) AS early FROM massive.history WHERE error IS NULL) h WHERE early`)
	t.Logf("%d calls of %d callers: %d refreshed, %d joined, %d fresh, %d busy, %d failed; of %d readings %d are older than allowed; %d of the last refreshes overlap",
		len(s.seen), swarmWorkers*swarmCallers, outcomes[massive.OutcomeRefreshed], outcomes[massive.OutcomeJoined],
		outcomes[massive.OutcomeFresh], outcomes[massive.OutcomeSkippedBusy], outcomes[0], s.reads.Load(), unsound, overlapping)
	if unsound > 0 || overlapping > 0 || outcomes[massive.OutcomeRefreshed] < 10 || outcomes[massive.OutcomeJoined] == 0 {
		t.Error("want no reading that is older than allowed, no overlapping refreshes, and calls with each outcome")
	}
	same(t, "locks left", one[int](t, db, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0)
}

// runSwarmWorker calls RefreshIfOlderThan and reads the view, until its context ends.
func runSwarmWorker(ctx context.Context, driver, dsn string) error {
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(3) // the server takes 30
	var m *massive.DB
	for m == nil && ctx.Err() == nil { // the server may be starting
		if m, err = massive.Load(ctx, db, postgres.New(), massive.WithLedger("massive")); err != nil && !errors.Is(err, massive.ErrUnavailable) {
			return unlessCanceled(err)
		}
	}
	if m == nil {
		return nil
	}
	view, err := m.Matview("latest")
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var callers sync.WaitGroup
	for i := range swarmCallers {
		age := []time.Duration{0, 100 * time.Millisecond, time.Second, 3 * time.Second}[i%4]
		var opts []massive.RefreshOption
		if i/4 == 1 {
			opts = append(opts, massive.ConcurrentlyIfPossible())
		}
		if i/4 == 2 {
			opts = append(opts, massive.SkipIfBusy())
		}
		callers.Go(func() {
			for ctx.Err() == nil {
				one := call(ctx, db, view, age, opts)
				mu.Lock()
				_ = binary.Write(os.Stdout, binary.NativeEndian, one) // at once: the worker may be killed
				mu.Unlock()
				pause := 2 * time.Millisecond
				if one.ID < 0 {
					pause = 50 * time.Millisecond // busy, or the server restarts
				}
				time.Sleep(pause)
			}
		})
	}
	callers.Wait()
	return nil
}

func call(ctx context.Context, db *sql.DB, view massive.Matview, age time.Duration, opts []massive.RefreshOption) sighting {
	s := sighting{Required: time.Now().Add(-age).UnixMicro(), ID: -1}
	result, err := view.RefreshIfOlderThan(ctx, age, opts...)
	s.Outcome = int64(result.Outcome)
	if err != nil {
		return s
	}
	var id sql.NullInt64
	if db.QueryRowContext(ctx, "SELECT id FROM latest").Scan(&id) == nil && id.Valid {
		s.ID = id.Int64
	}
	return s
}
