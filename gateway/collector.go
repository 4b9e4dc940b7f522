package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"
)

// How memory is collected, unless the environment has GOGC or GOMEMLIMIT: a step
// leaves little behind and a dialogue's state is small, so collecting each time
// the heap has doubled would take a quarter of a busy gateway's processors.
const (
	growth  = 400       // percent that a small heap grows between collections
	least   = 50        // and a large one
	room    = 384 << 20 // octets that a heap between the two grows
	ballast = 48 << 20  // octets that a small heap counts as, never touched
	share   = 0.6       // of the machine's memory: near it the collector works harder
)

// tuneCollector sets when memory is collected, until ctx ends. What it returns is
// to be kept as long as the process serves.
func tuneCollector(ctx context.Context) []byte {
	if os.Getenv("GOMEMLIMIT") == "" {
		if total := memory(); total > 0 {
			debug.SetMemoryLimit(int64(float64(total) * share))
		}
	}
	if os.Getenv("GOGC") != "" {
		return nil
	}
	debug.SetGCPercent(growth)
	go followHeap(ctx)
	return make([]byte, ballast)
}

// followHeap lets a heap that became large grow by less: a million idle dialogues
// are no reason to leave two gigabytes of what is no longer used.
func followHeap(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	live, now := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}, growth
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		metrics.Read(live)
		if p := growthOf(live[0].Value.Uint64()); p != now {
			now = p
			debug.SetGCPercent(p)
		}
	}
}

// growthOf is by how many percent a heap may grow until the next collection, in
// steps of ten, so that it is not set anew all the time.
func growthOf(live uint64) int {
	p := growth
	if live > 0 {
		p = int(min(room*100/live, growth))
	}
	return max(p-p%(growth/40), least)
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
