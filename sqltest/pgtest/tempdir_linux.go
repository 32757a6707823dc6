package pgtest

import (
	"os"
	"syscall"
)

// tempDir returns where clusters go: TMPDIR if it is set, or else memory if there is plenty of it, or else
// where temporary files go. A database is some 300 files, and much faster to make and drop in memory.
func tempDir() string {
	const memory, plenty = "/dev/shm", 4 << 30 // bytes
	var stat syscall.Statfs_t
	if os.Getenv("TMPDIR") == "" && syscall.Statfs(memory, &stat) == nil && stat.Bavail*uint64(stat.Bsize) >= plenty {
		return memory
	}
	return os.TempDir()
}
