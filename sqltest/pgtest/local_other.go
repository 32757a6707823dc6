//go:build !unix

package pgtest

// Local and downloaded server binaries need Unix: the watchdog is a shell script, and the
// server listens on a Unix socket.

import (
	"context"
	"runtime"
)

var places []string

const maven = ""

func local(context.Context, config) (*Server, error) {
	return nil, Unavailable("not supported on " + runtime.GOOS)
}

func downloaded(context.Context, config) (*Server, error) {
	return nil, Unavailable("not supported on " + runtime.GOOS)
}
