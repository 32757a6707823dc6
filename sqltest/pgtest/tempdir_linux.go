package pgtest

import (
	"os"
	"syscall"
)

// tempDir returns the parent directory of clusters: TMPDIR if it is set, or else /dev/shm
// if it has 4 GB free, or else the default. A database has about 300 files, so creating
// and dropping it is much faster in memory.
func tempDir() string {
	const memory, plenty = "/dev/shm", 4 << 30 // bytes
	var stat syscall.Statfs_t
	if os.Getenv("TMPDIR") == "" && syscall.Statfs(memory, &stat) == nil && stat.Bavail*uint64(stat.Bsize) >= plenty {
		return memory
	}
	return os.TempDir()
}
