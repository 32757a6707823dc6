package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// A machine describes the machine of a run.
type machine struct {
	CPU   string `json:"cpu"`
	Cores int    `json:"cores"`
	Go    string `json:"go"`
}

func (m machine) String() string { return fmt.Sprintf("%d cores of %s, %s", m.Cores, m.CPU, m.Go) }

func thisMachine() machine {
	cpu := runtime.GOARCH
	text, _ := os.ReadFile("/proc/cpuinfo") // on other systems, the architecture is printed
	for row := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(row, ":"); ok && strings.TrimSpace(name) == "model name" {
			cpu = strings.TrimSpace(value)
			break
		}
	}
	return machine{cpu, runtime.NumCPU(), runtime.Version()}
}
