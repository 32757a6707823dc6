//go:build unix

package massive_test

import (
	"context"
	"fmt"
	"io"
	"os"
	goexec "os/exec"
	"testing"
)

// Tests start this binary again as workers, and pass the work, the driver and the DSN in
// these variables.
const workerDoes, workerDriver, workerDSN = "MASSIVE_TEST_WORKER", "MASSIVE_TEST_WORKER_DRIVER", "MASSIVE_TEST_WORKER_DSN"

// init does a worker's work. Its context ends with the process's input.
func init() {
	work := map[string]func(ctx context.Context, driver, dsn string) error{
		"crash": runWorker, "swarm": runSwarmWorker, "replica": runReplica,
	}[os.Getenv(workerDoes)]
	if work == nil {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	if err := work(ctx, os.Getenv(workerDriver), os.Getenv(workerDSN)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// startWorker starts a worker, which ends after its input was closed.
func startWorker(t *testing.T, does, driver, dsn string) (cmd *goexec.Cmd, in io.Closer, out io.Reader) {
	t.Helper()
	cmd = goexec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), workerDoes+"="+does, workerDriver+"="+driver, workerDSN+"="+dsn)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	noError(t, err)
	out, err = cmd.StdoutPipe()
	noError(t, err)
	noError(t, cmd.Start())
	return cmd, in, out
}
