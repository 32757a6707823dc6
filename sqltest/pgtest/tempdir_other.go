//go:build !linux

package pgtest

import "os"

// tempDir returns where clusters go.
func tempDir() string { return os.TempDir() }
