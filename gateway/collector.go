package main

import (
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// How memory is collected, unless the environment has GOGC or GOMEMLIMIT: a step
// leaves little behind and a dialogue's state is small, so collecting each time
// the heap has doubled would take a quarter of a busy gateway's processors.
const (
	growth  = 400      // percent that the heap grows between collections
	ballast = 48 << 20 // octets that a small heap counts as, never touched
	share   = 0.6      // of the machine's memory: near it the collector works harder
)

// tuneCollector sets when memory is collected. What it returns is to be kept as
// long as the process serves.
func tuneCollector() []byte {
	if os.Getenv("GOMEMLIMIT") == "" {
		if total := memory(); total > 0 {
			debug.SetMemoryLimit(int64(float64(total) * share))
		}
	}
	if os.Getenv("GOGC") != "" {
		return nil
	}
	debug.SetGCPercent(growth)
	return make([]byte, ballast)
}

// memory is what the process may use, in octets: the machine's, or less where
// its control group has a limit. It is 0 where neither is known.
func memory() uint64 {
	var total uint64
	info, _ := os.ReadFile("/proc/meminfo")
	for line := range strings.Lines(string(info)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "MemTotal:" {
			kib, _ := strconv.ParseUint(f[1], 10, 64)
			total = kib << 10
		}
	}
	limit, _ := os.ReadFile("/sys/fs/cgroup/memory.max")
	if n, err := strconv.ParseUint(strings.TrimSpace(string(limit)), 10, 64); err == nil && (total == 0 || n < total) {
		total = n
	}
	return total
}
