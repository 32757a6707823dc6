package pgtest

import (
	"os"
	"testing"
)

func TestTempDirUsesTMPDIR(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	if got := tempDir(); got != dir {
		t.Errorf("tempDir() = %s, want %s", got, dir)
	}
	t.Setenv("TMPDIR", "")
	if got := tempDir(); got != "/dev/shm" && got != os.TempDir() {
		t.Errorf("tempDir() = %s, want /dev/shm or %s", got, os.TempDir())
	}
}
