//go:build !unix

package pgtest

// The rung of local server binaries, where it has none: the watchdog is a shell script, and the server
// listens on a Unix socket.

import (
	"context"
	"runtime"
)

var places []string

func local(context.Context, config) (*Server, error) {
	return nil, missing("not supported on " + runtime.GOOS)
}
