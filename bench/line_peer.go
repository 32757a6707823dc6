package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"
)

const massiveJS = "MassiveJS 6.11.3"

var peerLines = []line{massiveJSLoad(1_000), massiveJSLoad(10_000)}

// massiveJSLoad compares a load on one connection with MassiveJS, which uses several.
func massiveJSLoad(of int) line {
	return line{
		name: fmt.Sprintf("MassiveJS/%d", of), what: fmt.Sprintf("load %d of each kind; limit: db.reload() of %s", of, massiveJS),
		peer: massiveJS, bar: bar{ratio: 1 / 1.3, worst: 1 / 1.15},
		modes: defaultModes, long: true, runs: 5, uncounted: true,
		setup: func(ctx context.Context, s *stage) (*contest, error) {
			if err := checkPeer(); err != nil {
				return nil, err
			}
			db, err := s.open(ctx, structures(of, 0))
			if err != nil {
				return nil, err
			}
			theirs, err := s.startPeer(ctx, structures(of, 0))
			return &contest{ours: loadSide(db), bare: []side{theirs}}, err
		},
	}
}

// peersDir returns the directory of MassiveJS's program.
func peersDir() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "peers")
}

// checkPeer returns an error if MassiveJS can't run.
func checkPeer() error {
	if _, err := exec.LookPath("node"); err != nil {
		return fmt.Errorf("node is missing: install Node.js 18 or newer (%w)", errors.ErrUnsupported)
	}
	if _, err := os.Stat(filepath.Join(peersDir(), "node_modules", "massive")); err != nil {
		return fmt.Errorf("MassiveJS is missing: npm ci --prefix bench/peers (%w)", errors.ErrUnsupported)
	}
	return nil
}

// startPeer starts MassiveJS in its own process. Each line on its standard input is a
// number of loads.
func (s *stage) startPeer(ctx context.Context, made string) (side, error) {
	d, err := s.database(ctx, made)
	if err != nil {
		return side{}, err
	}
	c, err := pgconn.ParseConfig(d.DSN())
	if err != nil {
		return side{}, err
	}
	process := exec.CommandContext(ctx, "node", filepath.Join(peersDir(), "massive.js"), c.Host, c.User, c.Database)
	process.Env = append(os.Environ(), "PGPORT="+strconv.Itoa(int(c.Port)), "PGPASSWORD="+c.Password)
	process.Stderr = s.progress
	in, err1 := process.StdinPipe()
	out, err2 := process.StdoutPipe()
	if err := errors.Join(err1, err2, process.Start()); err != nil {
		return side{}, err
	}
	s.closers = append(s.closers, func() error { return errors.Join(in.Close(), process.Wait()) })
	answers := bufio.NewScanner(out)
	return side{name: massiveJS, do: func(_ context.Context, n int) error {
		if _, err := fmt.Fprintln(in, n); err != nil {
			return err
		}
		if !answers.Scan() {
			return errors.Join(errors.New("MassiveJS ended early"), answers.Err())
		}
		return nil
	}}, nil
}
