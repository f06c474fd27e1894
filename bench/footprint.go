package bench

import (
	"bytes"
	"context"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Footprint is what the two models cost a process that loads them.
type Footprint struct {
	Start    time.Duration // to load both
	Resident int64         // bytes of memory that loading both and judging one pair adds; zero: the system does not tell
	Binary   int64         // bytes of the program's file
}

// footprint loads both models once, on the kernel in force. It must come first in a process: memory that others have left free
// would hide what the models take.
func footprint(ctx context.Context) (Footprint, error) {
	var f Footprint
	if name, err := os.Executable(); err == nil {
		if info, err := os.Stat(name); err == nil {
			f.Binary = info.Size()
		}
	}
	runtime.GC()
	before, start := residentBytes(), time.Now()
	encoder, verifier, err := models()
	if err != nil {
		return f, err
	}
	f.Start = time.Since(start)
	if _, err := encoder.Embed(ctx, []string{"How do I pay?"}); err != nil {
		return f, err
	}
	if _, err := verifier.Verify(ctx, "How do I pay?", []string{"How can I pay?"}); err != nil {
		return f, err
	}
	if after := residentBytes(); before > 0 && after > before {
		f.Resident = after - before
	}
	return f, nil
}

// residentBytes is the process's resident memory, pages of its binary included; zero where the system has no /proc.
func residentBytes() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, ok := bytes.Cut(status, []byte("\nVmRSS:"))
	if !ok {
		return 0
	}
	line, _, _ := strings.Cut(string(rest), "kB")
	n, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	if err != nil {
		return 0
	}
	return n << 10
}
