// Bench compares the library with the plain driver and with MassiveJS, on a temporary
// Postgres.
//
//	go run ./bench                    all lines; MassiveJS needs npm ci --prefix bench/peers
//	go run ./bench -v                 prints all drivers and modes, with counts
//	go run ./bench -run 'Next|Last'   runs the lines whose names match
//	go run ./bench -short             takes about a minute, and fails on counts only
//	go run ./bench -write .           writes BENCHMARKS.md and bench/results.json
//
// A line compares an operation of the library with its limit: the same operation by hand,
// or by another library. Both run in turn in many short samples, so a busy machine slows
// both. Each line has a bar, which is the maximum ratio of their times. Bench also compares
// counts: statements, round trips, blocks and allocations. These do not depend on the
// machine.
//
// An interrupted run prints its results so far. The exit status is 1 if a bar is missed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, os.Stderr, os.Args[1:]); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
		stop()
		os.Exit(1)
	}
}

// An effort limits the time of a run.
type effort struct {
	short     bool
	perLine   time.Duration // for each line and mode
	minRounds int           // even if they exceed perLine
}

var (
	full  = effort{false, 6 * time.Second, 15}
	short = effort{true, 200 * time.Millisecond, 3}
)

func run(ctx context.Context, out, progress io.Writer, args []string) (err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(progress)
	pattern := flags.String("run", "", "run only the lines whose names match the `regexp`")
	isShort := flags.Bool("short", false, "take about a minute, and fail on counts only")
	all := flags.Bool("v", false, "print all drivers and modes, and all counts")
	write := flags.String("write", "", "write BENCHMARKS.md and bench/results.json below this `directory`, the root of the repository")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case flags.NArg() > 0:
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case *write != "" && (*isShort || *pattern != ""):
		return errors.New("-write is for a full run: it excludes -short and -run")
	}
	chosen, err := choose(*pattern)
	if err != nil {
		return err
	}
	if err := checkPeer(); err != nil && *write != "" {
		return err
	}
	how := full
	if *isShort {
		how = short
	}
	w, err := newWorkbench(ctx, how, progress)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	rep := &report{Date: time.Now().UTC().Format(time.DateOnly), Machine: thisMachine(), Server: w.version, Short: w.short}
	measured := w.measure(ctx, rep, chosen)
	err = errors.Join(rep.print(out, *all), measured)
	switch {
	case ctx.Err() != nil:
		return errors.Join(err, errors.New("interrupted: the table has the results so far"))
	case err == nil && *write != "":
		err = rep.write(*write)
	}
	return errors.Join(err, rep.verdict())
}

func choose(pattern string) (chosen []line, err error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("-run: %w", err)
	}
	var names []string
	for _, l := range lines {
		if names = append(names, l.name); re.MatchString(l.name) {
			chosen = append(chosen, l)
		}
	}
	if chosen == nil {
		return nil, fmt.Errorf("-run: no line's name matches %q; there are %s", pattern, strings.Join(names, ", "))
	}
	return chosen, nil
}

// measure adds results to the report until ctx is done.
func (w *workbench) measure(ctx context.Context, rep *report, chosen []line) error {
	for _, l := range chosen {
		if l.long && w.short {
			continue
		}
		modes := l.modes
		if modes == nil {
			modes = everyMode
		}
		for _, m := range modes {
			w.say("%s, %s", l.name, m.name)
			r, err := w.measureLine(ctx, l, m)
			switch {
			case ctx.Err() != nil:
				return nil
			case errors.Is(err, errors.ErrUnsupported):
				w.say("%s is skipped: %v", l.name, err)
			case err != nil:
				return fmt.Errorf("%s, %s: %w", l.name, m.name, err)
			default:
				rep.Lines = append(rep.Lines, r)
			}
		}
	}
	return nil
}
