package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const (
	tick     = 10 * time.Millisecond  // the unit of CPU time in /proc, on every Linux
	sampling = 100 * time.Millisecond // interval of reading the memory
)

// meter reads what a process and its children use, while a load runs.
type meter struct {
	pid   int
	tally *tally

	before, peak int64 // bytes resident
	cpu          time.Duration
	chunks       int64 // for which cpu was used
}

func newMeter(pid int, t *tally) (*meter, error) {
	m := &meter{pid: pid, tally: t}
	if pid == 0 {
		return m, nil
	}
	used, err := usage(pid)
	if err != nil {
		return nil, err
	}
	m.before, m.peak = used.resident, used.resident
	return m, nil
}

// run reads until ctx ends. CPU is measured from when all streams have begun to when the first one
// ends or, if whole, from now to the end of ctx.
func (m *meter) run(ctx context.Context, whole bool) {
	if m.pid == 0 {
		return
	}
	ticker := time.NewTicker(sampling)
	defer ticker.Stop()
	var cpu0 time.Duration
	var chunks0 int64
	mark := func() {
		cpu0, chunks0 = m.read(), m.tally.chunks.Load()
	}
	count := func() {
		m.cpu, m.chunks = m.read()-cpu0, m.tally.chunks.Load()-chunks0
	}
	allFlow, firstEnd := m.tally.allFlow, m.tally.firstEnd
	if whole {
		mark()
		defer count()
		allFlow, firstEnd = nil, nil
	}
	for {
		select {
		case <-allFlow:
			allFlow = nil
			mark()
		case <-firstEnd:
			firstEnd = nil
			if allFlow == nil {
				count()
			}
		case <-ticker.C:
			m.read()
		case <-ctx.Done():
			return
		}
	}
}

// read records the memory and returns the CPU time used so far, 0 if the process has exited.
func (m *meter) read() time.Duration {
	used, err := usage(m.pid)
	if err != nil {
		return 0
	}
	m.peak = max(m.peak, used.resident)
	return used.cpu
}

func (m *meter) perChunk() float64 {
	if m.chunks == 0 {
		return 0
	}
	return float64(m.cpu.Nanoseconds()) / 1e3 / float64(m.chunks)
}

// processUsage is what a process has used.
type processUsage struct {
	cpu      time.Duration
	resident int64 // bytes
}

// usage sums what a process and its running descendants have used: nginx serves in its children.
func usage(pid int) (processUsage, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return processUsage{}, fmt.Errorf("read the usage of process %d: %w", pid, err)
	}
	// See proc_pid_stat(5): after the command's name in brackets are the fields from the third on.
	var fields []int64
	for _, field := range strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])) {
		n, _ := strconv.ParseInt(field, 10, 64) // the state is a letter
		fields = append(fields, n)
	}
	const user, system, resident = 14 - 3, 15 - 3, 24 - 3
	if len(fields) <= resident {
		return processUsage{}, fmt.Errorf("process %d has a stat of %d fields", pid, len(fields))
	}
	sum := processUsage{
		cpu:      time.Duration(fields[user]+fields[system]) * tick,
		resident: fields[resident] * int64(os.Getpagesize()),
	}
	for _, child := range children(pid) {
		if s, err := usage(child); err == nil { // a child may have exited
			sum.cpu += s.cpu
			sum.resident += s.resident
		}
	}
	return sum, nil
}

func children(pid int) []int {
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return nil
	}
	var pids []int
	for _, name := range lists {
		list, err := os.ReadFile(name)
		if err != nil {
			continue // a thread may have exited
		}
		for _, field := range strings.Fields(string(list)) {
			if child, err := strconv.Atoi(field); err == nil {
				pids = append(pids, child)
			}
		}
	}
	return pids
}
