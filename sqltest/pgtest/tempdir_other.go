//go:build !linux

package pgtest

import "os"

// tempDir returns the parent directory of clusters.
func tempDir() string { return os.TempDir() }
