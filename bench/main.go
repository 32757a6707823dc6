// Bench measures what the library costs beside the bare driver, on a Postgres of its own.
//
//	go run ./bench                       every line, and how loading grows
//	go run ./bench -run 'Next|Last'      the lines whose names match
//	go run ./bench -short                a minute's worth; fails where a ratio is worse than its bar by half
//	go run ./bench -json                 the same for machines
//	go run ./bench -peers -write .       the last full run into BENCHMARKS.md and bench/results.json
//
// A line is one operation of the library beside the same by hand, as the bar of it says in the table. Both sides
// run in turn (A B A B …) on the same connection, many short blocks each, so that a busy machine slows both;
// what counts is the ratio of neighbours, of which the table has the median and the quartiles. "Bare" is the
// fastest of the forms that a user could write by hand on the same driver and mode, right behind a transaction
// pooler: all of them are tried first. What a prepared statement would take, which is not right there, is shown
// beneath.
//
// A run that is cut short (Ctrl-C) prints what it has. It ends with status 1 where a bar is not met.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "github.com/lib/pq"
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

// An effort is how much time a run takes over its figures.
type effort struct {
	short     bool
	perLine   time.Duration // for each line and mode
	minRounds int           // even if they take longer, by as much as patience is
	patience  time.Duration
	doubt     time.Duration // for a ratio that is too near its bar to tell
	sizes     []int         // of the growth table, in structures; each is measured beside half of it
	tolerance float64       // how many times worse than its bar a ratio may be before the run fails
}

var (
	full = effort{false, 4 * time.Second, 15, time.Hour, 30 * time.Second, []int{100, 1_000, 10_000, 100_000}, 1}
	// A short run says little about a ratio near its bar, and much about one that is far beyond. The quartiles of five
	// rounds are apart by half where an operation takes a round, so that these are given some seconds.
	short = effort{true, 500 * time.Millisecond, 15, 3 * time.Second, 0, []int{1_000}, 1.5}
)

// growthName and peersName are how -run picks the tables that are not made of lines.
const (
	growthName = "Growth"
	peersName  = "Peers"
)

func run(ctx context.Context, out, progress io.Writer, args []string) (err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(progress)
	pattern := flags.String("run", "", "a `regexp`: only the lines whose names match it")
	isShort := flags.Bool("short", false, "take about a minute, and fail only where a ratio is worse than its bar by half")
	asJSON := flags.Bool("json", false, "print JSON")
	peers := flags.Bool("peers", false, "load the same databases with MassiveJS, too (npm ci --prefix bench/peers comes first)")
	write := flags.String("write", "", "rewrite BENCHMARKS.md and bench/results.json in this `directory`, the project's")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case flags.NArg() > 0:
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case *write != "" && (*isShort || *pattern != ""):
		return errors.New("-write is for a full run: neither -short nor -run goes with it")
	}
	chosen, err := choose(*pattern)
	if err != nil {
		return err
	}
	// They need Node.js, and are measured where they are asked for.
	if chosen.peers = *peers || chosen.peers && len(chosen.lines) == 0 && !chosen.growth; chosen.peers {
		if err := checkPeers(); err != nil {
			return err
		}
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
	rep := &report{Date: time.Now().UTC().Format(time.DateOnly), Machine: thisMachine(), Server: w.version, Short: how.short}
	measured := w.measure(ctx, rep, chosen)
	rep.CutShort = ctx.Err() != nil
	if *asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		err = encoder.Encode(rep)
	} else {
		err = rep.print(out)
	}
	if rep.CutShort {
		return errors.Join(err, errors.New("cut short: the tables have what was measured until then"))
	}
	if measured != nil || err != nil {
		return errors.Join(err, measured)
	}
	if *write != "" {
		if err := rep.write(*write); err != nil {
			return err
		}
	}
	return rep.verdict(how.tolerance)
}

// A choice is what -run picks.
type choice struct {
	lines         []line
	growth, peers bool
}

func choose(pattern string) (choice, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return choice{}, fmt.Errorf("-run: %w", err)
	}
	c := choice{growth: re.MatchString(growthName), peers: re.MatchString(peersName)}
	var names []string
	for _, l := range lines {
		if names = append(names, l.name); re.MatchString(l.name) {
			c.lines = append(c.lines, l)
		}
	}
	if len(c.lines) == 0 && !c.growth && !c.peers {
		return choice{}, fmt.Errorf("-run: no line's name matches %q; there are %s",
			pattern, strings.Join(slices.Concat(names, []string{growthName, peersName}), ", "))
	}
	return c, nil
}

// measure fills the report, as far as ctx lets it.
func (w *workbench) measure(ctx context.Context, rep *report, c choice) error {
	for _, l := range c.lines {
		if l.long && w.short {
			w.say("%s: not in a short run", l.name)
			continue
		}
		modes := l.modes
		if modes == nil {
			modes = everyMode
		}
		for _, m := range modes {
			w.say("%s, %s", l.name, m)
			r, err := w.measureLine(ctx, l, m)
			if ctx.Err() != nil {
				return nil // what the end of ctx broke off is no error of the line's
			}
			if err != nil {
				return fmt.Errorf("%s, %s: %w", l.name, m, err)
			}
			rep.Lines = append(rep.Lines, r)
		}
	}
	if c.growth {
		if err := w.measureGrowth(ctx, rep); err != nil && ctx.Err() == nil {
			return fmt.Errorf("%s: %w", growthName, err)
		}
	}
	if c.peers && ctx.Err() == nil {
		if err := w.measurePeers(ctx, rep); err != nil && ctx.Err() == nil {
			return fmt.Errorf("%s: %w", peersName, err)
		}
	}
	return nil
}
