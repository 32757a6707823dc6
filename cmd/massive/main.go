// Massive lists, checks and refreshes the materialized views, enums and sequences of a
// PostgreSQL database, and generates Go code from them. docs/cli.md describes it.
package main

import (
	"context"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() { os.Exit(run(os.Args[1:])) }

// run runs one command and returns the exit code of the process. The first signal cancels
// the command, and its statement on the server. The second signal ends the process.
func run(args []string) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	interrupted := make(chan int, 1)
	go func() {
		s := <-signals
		signal.Reset(os.Interrupt, syscall.SIGTERM)
		number, _ := s.(syscall.Signal)
		interrupted <- 128 + int(number)
		cancel()
	}()

	a := &app{in: os.Stdin, out: newPrinter(os.Stdout), progress: newPrinter(os.Stderr)}
	root := a.root()
	root.SetArgs(args)
	called, err := root.ExecuteContextC(ctx)
	if err == nil && a.out.failed != nil {
		err = a.out.failed
	}
	if err != nil && err.Error() != "" {
		text := err.Error()
		if !strings.HasPrefix(text, "massive: ") {
			text = "massive: " + text
		}
		a.progress.lines(text)
	}
	code := a.code(err)
	if code == exitUsage && !a.ran {
		a.progress.line("Run '" + called.CommandPath() + " --help' for its flags.")
	}
	select {
	case signalled := <-interrupted:
		if err != nil {
			return signalled
		}
	default:
	}
	return code
}
