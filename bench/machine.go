package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"
)

// A machine is where a run was made, in general terms: neither its name nor its owner's.
type machine struct {
	CPU   string `json:"cpu"`
	Cores int    `json:"cores"`
	OS    string `json:"os"`
	Go    string `json:"go"`
}

// String is the machine in a line.
func (m machine) String() string {
	return fmt.Sprintf("%d cores of %s, %s, %s", m.Cores, m.CPU, m.OS, m.Go)
}

func thisMachine() machine {
	return machine{
		CPU:   field("/proc/cpuinfo", "model name", ":", runtime.GOARCH),
		Cores: runtime.NumCPU(),
		OS:    field("/etc/os-release", "PRETTY_NAME", "=", runtime.GOOS),
		Go:    runtime.Version(),
	}
}

// field is the first value of that name in a file of names and values, or what to say without one.
func field(file, name, separator, without string) string {
	f, err := os.Open(file)
	if err != nil {
		return without
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if n, v, ok := strings.Cut(s.Text(), separator); ok && strings.TrimSpace(n) == name {
			return strings.Trim(strings.TrimSpace(v), `"`)
		}
	}
	return without
}
