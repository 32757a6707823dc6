//go:build unix

package pgtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// places has patterns for directories where packages install server binaries. These are
// often not in PATH.
var places = []string{
	"/usr/lib/postgresql/*/bin", // Debian
	"/opt/homebrew/opt/postgresql@*/bin",
	"/opt/homebrew/opt/postgresql/bin",
	"/usr/local/opt/postgresql@*/bin", // Homebrew on Intel
	"/usr/local/opt/postgresql/bin",
	"/usr/pgsql-*/bin", // Fedora
}

// local starts a cluster with local server binaries.
func local(ctx context.Context, c config) (*Server, error) {
	bin, err := binaries(c)
	if err != nil {
		return nil, err
	}
	return serve(ctx, c, bin, "local binaries "+bin)
}

// serve starts a cluster with the server binaries in the directory bin.
func serve(ctx context.Context, c config, bin, origin string) (*Server, error) {
	dir, err := clusterDir(c.tempDir)
	if err != nil {
		return nil, err
	}
	cluster, err := launch(dir, bin, c.settings)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", bin, err)
	}
	version, err := cluster.await(ctx)
	if err != nil {
		err = errors.Join(err, cluster.stop())
		if full := err.Error(); strings.Contains(full, "No space left on device") || strings.Contains(full, "Check free disk space") {
			err = fmt.Errorf("%w: %s", err, advice["53100"])
		}
		return nil, fmt.Errorf("%s: %w", bin, err)
	}
	return &Server{
		dsn:     cluster.dsn(),
		version: version,
		origin:  fmt.Sprintf("%s (PostgreSQL %s)", origin, version),
		end:     cluster.stop,
	}, nil
}

// binaries returns the directory of the server binaries to use.
func binaries(c config) (string, error) {
	if dir := c.getenv("MASSIVE_POSTGRES_BIN"); dir != "" {
		if !hasServer(dir) {
			return "", fmt.Errorf("MASSIVE_POSTGRES_BIN: no initdb and postgres in %s", dir)
		}
		return filepath.Abs(dir)
	}
	for _, dir := range filepath.SplitList(c.getenv("PATH")) {
		if filepath.IsAbs(dir) && hasServer(dir) {
			return dir, nil
		}
	}
	for _, pattern := range c.places {
		dirs, _ := filepath.Glob(pattern)
		slices.SortFunc(dirs, func(a, b string) int { return cmp.Compare(majorIn(b), majorIn(a)) })
		for _, dir := range dirs {
			if hasServer(dir) {
				return dir, nil
			}
		}
	}
	return "", Unavailable(fmt.Sprintf("MASSIVE_POSTGRES_BIN is not set, and no initdb and postgres in PATH or %q", c.places))
}

// hasServer reports whether the directory has the two binaries that a cluster needs.
func hasServer(dir string) bool {
	for _, name := range []string{"initdb", "postgres"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0 {
			return false
		}
	}
	return true
}

var number = regexp.MustCompile(`[0-9]+(\.[0-9]+)?`)

// majorIn returns the major version in a directory's name, or 0: 15 for
// /usr/lib/postgresql/15/bin.
func majorIn(dir string) float64 {
	numbers := number.FindAllString(dir, -1)
	if len(numbers) == 0 {
		return 0
	}
	major, _ := strconv.ParseFloat(numbers[len(numbers)-1], 64)
	return major
}
