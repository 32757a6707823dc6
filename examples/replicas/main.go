// Replicas starts several processes on a temporary Postgres server. Each of them keeps a
// view fresh with KeepFresh. The program prints live who refreshes the view and who joins,
// kills the process that refreshes, and shows that another one takes over.
//
//	go run ./examples/replicas                    on a temporary server, for twelve seconds
//	go run ./examples/replicas -driver postgres   the same with lib/pq
//	go run ./examples/replicas -replicas 8 -lag 1s -for 1m
package main

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/examples/internal/demo"
	"github.com/massivedb/massive-go/massive"
)

// schema creates a chain of two views, in which daily_sales takes a while.
const schema = `
CREATE TABLE orders (day date, total numeric(10,2));
INSERT INTO orders SELECT date '2026-03-01' + n, n FROM generate_series(0, 30) n;
CREATE MATERIALIZED VIEW daily_sales AS SELECT day, sum(total) AS total FROM orders, pg_sleep(0.2) GROUP BY day;
CREATE UNIQUE INDEX ON daily_sales (day);
CREATE MATERIALIZED VIEW best_day AS SELECT day, total FROM daily_sales ORDER BY total DESC LIMIT 1;`

func main() { demo.Main("replicas", run) }

type settings struct {
	replica     string // the name of this process, or empty for the program that starts the replicas
	driver, dsn string
	replicas    int
	lag, length time.Duration
}

func run(ctx context.Context, out io.Writer, args []string) (err error) {
	var s settings
	s.driver, err = demo.Parse("replicas", args, func(f *flag.FlagSet) {
		f.StringVar(&s.replica, "replica", "", "run as a replica of this name")
		f.StringVar(&s.dsn, "dsn", "", "the database of a replica")
		f.IntVar(&s.replicas, "replicas", 3, "the number of processes")
		f.DurationVar(&s.lag, "lag", 2*time.Second, "the target lag")
		f.DurationVar(&s.length, "for", 12*time.Second, "how long the program runs")
	})
	if err != nil {
		return err
	}
	if s.replica != "" {
		return s.keep(ctx, out)
	}

	db, err := demo.Open(ctx, s.driver, schema)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := massive.CreateLedger(ctx, db, postgres.New(), "ledger"); err != nil {
		return err
	}
	s.dsn = db.DSN
	return s.supervise(ctx, out, db.DB)
}

// keep is a replica. It keeps the views fresh until its input ends.
func (s settings) keep(ctx context.Context, out io.Writer) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	db, err := sql.Open(s.driver, s.dsn+" application_name='"+s.replica+"'")
	if err != nil {
		return err
	}
	defer db.Close()
	m, err := massive.Load(ctx, db, postgres.New(), massive.WithLedger("ledger"))
	if err != nil {
		return err
	}
	policy := massive.Policy{
		Views: []string{"best_day"}, TargetLag: s.lag, // daily_sales is kept for it
		Refresh: []massive.RefreshOption{massive.ConcurrentlyIfPossible()},
	}
	err = m.KeepFresh(ctx, []massive.Policy{policy}, massive.OnFreshness(func(e massive.FreshnessEvent) {
		fmt.Fprintf(out, "%s: %s\n", e.Kind, e)
	}))
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// A replica is a process.
type replica struct {
	name  string
	cmd   *exec.Cmd
	input io.Closer
}

// supervise starts the replicas, prints their events, and kills one of them.
func (s settings) supervise(ctx context.Context, out io.Writer, db *sql.DB) error {
	start := time.Now()
	var mu sync.Mutex
	refreshes := map[string]int{}
	joins := map[string]int{}
	say := func(who, text string) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(out, "%6.2fs  %-10s %s\n", time.Since(start).Seconds(), who, text)
	}
	count := func(who, kind string) {
		mu.Lock()
		defer mu.Unlock()
		switch kind {
		case "refreshed":
			refreshes[who]++
		case "joined":
			joins[who]++
		}
	}

	var all []*replica
	var readers sync.WaitGroup
	defer readers.Wait()
	defer func() {
		for _, r := range all {
			_ = r.input.Close() // the replica ends
		}
	}()
	for i := range s.replicas {
		r := &replica{name: fmt.Sprint("replica ", i+1)}
		r.cmd = exec.CommandContext(ctx, os.Args[0], "-replica", r.name, "-dsn", s.dsn, "-driver", s.driver, "-lag", s.lag.String())
		r.cmd.Stderr = os.Stderr
		var err error
		if r.input, err = r.cmd.StdinPipe(); err != nil {
			return err
		}
		output, err := r.cmd.StdoutPipe()
		if err != nil {
			return err
		}
		if err := r.cmd.Start(); err != nil {
			return err
		}
		all = append(all, r)
		readers.Go(func() {
			for lines := bufio.NewScanner(output); lines.Scan(); {
				kind, text, _ := strings.Cut(lines.Text(), ": ")
				count(r.name, kind)
				say(r.name, kind+": "+text)
			}
			_ = r.cmd.Wait()
		})
	}

	if err := sleep(ctx, s.length/3); err != nil {
		return err
	}
	victim, err := refresher(ctx, db, s.lag)
	if err != nil {
		return err
	}
	for _, r := range all {
		if r.name == victim {
			say(r.name, "is killed during a refresh")
			if err := r.cmd.Process.Kill(); err != nil {
				return err
			}
		}
	}
	if err := sleep(ctx, 2*s.length/3); err != nil {
		return err
	}

	mu.Lock()
	defer mu.Unlock()
	fmt.Fprintln(out, "\n            refreshed  joined")
	for _, r := range all {
		fmt.Fprintf(out, "%-10s  %9d  %6d\n", r.name, refreshes[r.name], joins[r.name])
	}
	return nil
}

// refresher waits for a refresh and returns the name of the replica that runs it.
func refresher(ctx context.Context, db *sql.DB, lag time.Duration) (string, error) {
	m, err := massive.Load(ctx, db, postgres.New(), massive.WithLedger("ledger"))
	if err != nil {
		return "", err
	}
	for end := time.Now().Add(5*lag + 10*time.Second); time.Now().Before(end); {
		all, err := m.Freshness(ctx)
		if err != nil {
			return "", err
		}
		for _, f := range all {
			if f.Running != nil {
				return f.Running.By, nil
			}
		}
		if err := sleep(ctx, 10*time.Millisecond); err != nil {
			return "", err
		}
	}
	return "", errors.New("no replica refreshed the views")
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
