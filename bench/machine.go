package bench

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// Machine is what a figure was measured on.
type Machine struct {
	CPU   string // model name, where the system tells it
	Cores int    // that this process may use
	Go    string // toolchain and target
}

// ThisMachine describes the machine that the process runs on.
func ThisMachine() Machine {
	return Machine{
		CPU:   cpuModel(),
		Cores: runtime.GOMAXPROCS(0),
		Go:    runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH,
	}
}

func (m Machine) String() string {
	return fmt.Sprintf("%s, %d cores, %s", m.CPU, m.Cores, m.Go)
}

// cpuModel reads the model from Linux's table of processors. Elsewhere the name
// would need a system call a platform, which a heading is not worth.
func cpuModel() string {
	table, err := os.ReadFile("/proc/cpuinfo")
	if err == nil {
		for line := range strings.Lines(string(table)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				return strings.TrimSpace(value)
			}
		}
	}
	return "unknown processor"
}
