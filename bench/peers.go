package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
)

// A peer is an operation of another library, measured in turn with ours.
type peer struct {
	What   string  `json:"what"`
	Peer   string  `json:"peer"`
	Ours   float64 `json:"ns_per_op"`
	Theirs float64 `json:"peer_ns_per_op"`
	Ratio  spread  `json:"ratio"` // ours to the peer's
	Rounds int     `json:"rounds"`
}

const massiveJS = "MassiveJS 6.11.3"

// peersNote says what either library loads, since it is not the same.
const peersNote = `The time to load is that of loading anew on an open connection, with everything as it comes, in databases that
hold those structures and next to nothing else.

- **MassiveJS** (` + "`db.reload()`" + `) sends seven statements, five of them at a time through its pool, and loads tables with
  their columns, keys and parents; views, and materialized views with the names of their columns; functions; the names of
  sequences that feed no primary key; and enums, by bare name, with their labels. It makes an object with methods of each,
  and looks for SQL files, of which there are none here.
- **massive for Go** (` + "`Reload`" + `) sends one statement and loads materialized views with their columns' types, indexes,
  edges (which view reads which, through plain views, too), and whether they can be read and refreshed; enums with their labels in
  order; and sequences with all that defines them, the column that each belongs to and what the role may do with them,
  those of primary keys, too. Of each it has the owner, the comment, and whether its bare name finds it. It compares all of that
  with what was loaded before. Tables and functions it doesn't load.

`

// peersDir is where the peers' programs are: beside this file, as go run has it.
func peersDir() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "peers")
}

// checkPeers says what is missing, before anything is measured.
func checkPeers() error {
	if _, err := exec.LookPath("node"); err != nil {
		return fmt.Errorf("%s: node is missing: install Node.js 18 or newer", peersName)
	}
	if _, err := os.Stat(filepath.Join(peersDir(), "node_modules", "massive")); err != nil {
		return fmt.Errorf("%s: MassiveJS is missing: npm ci --prefix bench/peers", peersName)
	}
	return nil
}

func (w *workbench) measurePeers(ctx context.Context, rep *report) error {
	for _, each := range []int{100, 1_000, 10_000} {
		w.say("%s, load %d of each", peersName, each)
		err := w.besidePeer(ctx, rep, structures(each, 0), []duel{{fmt.Sprintf("load %d of each kind", each), "load", 1,
			func(ctx context.Context, db *massive.DB) error {
				_, err := db.Reload(ctx)
				return err
			}}})
		if err != nil {
			return err
		}
	}
	w.say("%s, sequences", peersName)
	on := func(f func(context.Context, massive.Sequence) error) func(context.Context, *massive.DB) error {
		return func(ctx context.Context, db *massive.DB) error {
			seq, err := db.Sequence("order_no")
			if err != nil {
				return err
			}
			return f(ctx, seq)
		}
	}
	return w.besidePeer(ctx, rep, orderNo, []duel{
		{"next value", "next", 50, on(func(ctx context.Context, seq massive.Sequence) error {
			_, err := seq.NextValue(ctx)
			return err
		})},
		{"reset", "reset", 10, on(func(ctx context.Context, seq massive.Sequence) error { return seq.Reset(ctx) })},
	})
}

// A duel is one operation of both libraries.
type duel struct {
	what, theirs string
	n            int // operations in a round
	ours         func(context.Context, *massive.DB) error
}

func (w *workbench) besidePeer(ctx context.Context, rep *report, made string, duels []duel) (err error) {
	s := &stage{workbench: w, mode: pgxDefault}
	defer func() { err = errors.Join(err, s.close()) }()
	pool, err := s.open(ctx, made)
	if err != nil {
		return err
	}
	m, err := massive.Load(ctx, pool, postgres.New())
	if err != nil {
		return err
	}
	theirs, err := w.startPeer(ctx, made)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, theirs.stop()) }()
	for _, d := range duels {
		var a, b []float64
		began := time.Now()
		for round := -1; w.goesOn(round, time.Since(began), w.perLine); round++ {
			runtime.GC()
			start := time.Now()
			for range d.n {
				if err := d.ours(ctx, m); err != nil {
					return err
				}
			}
			took := time.Since(start)
			nanoseconds, err := theirs.do(d.theirs, d.n)
			if err != nil {
				return err
			}
			if round < 0 {
				continue // to warm up
			}
			a, b = append(a, float64(took.Nanoseconds())/float64(d.n)), append(b, nanoseconds/float64(d.n))
		}
		rep.Peers = append(rep.Peers, &peer{d.what, massiveJS, spreadOf(a).Median, spreadOf(b).Median, ratio(a, b), len(a)})
	}
	return nil
}

// A rival is a peer's process.
type rival struct {
	process *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Scanner
}

func (w *workbench) startPeer(ctx context.Context, made string) (*rival, error) {
	d, err := w.database(ctx, made)
	if err != nil {
		return nil, err
	}
	c, err := pgconn.ParseConfig(d.DSN())
	if err != nil {
		return nil, err
	}
	process := exec.CommandContext(ctx, "node", filepath.Join(peersDir(), "massive.js"), c.Host, c.User, c.Database)
	process.Env = append(os.Environ(), "PGPORT="+strconv.Itoa(int(c.Port)), "PGPASSWORD="+c.Password)
	process.Stderr = w.progress
	in, err := process.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &rival{process, in, bufio.NewScanner(out)}, process.Start()
}

// do has the peer do an operation n times, and returns how many nanoseconds that took it.
func (r *rival) do(operation string, n int) (float64, error) {
	if _, err := fmt.Fprintln(r.in, operation, n); err != nil {
		return 0, err
	}
	if !r.out.Scan() {
		return 0, errors.Join(fmt.Errorf("%s ended at %s", massiveJS, operation), r.out.Err())
	}
	return strconv.ParseFloat(strings.TrimSpace(r.out.Text()), 64)
}

func (r *rival) stop() error {
	return errors.Join(r.in.Close(), r.process.Wait())
}
