//go:build !unix

package pgtest

// The rungs of local and of downloaded server binaries, where there are none: the watchdog is a shell script,
// and the server listens on a Unix socket.

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
