package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of CPU time in /proc, on every Linux.
const tick = 10 * time.Millisecond

// cpuTime returns the CPU time of a process and of its descendants that still run, or 0 without a
// /proc.
func cpuTime(pid int) (time.Duration, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	parents, times := map[int]int{}, map[int]time.Duration{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has exited
		}
		id, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			return 0, err
		}
		// See proc_pid_stat(5): after the name, in brackets, are the state, the parent and, ten
		// fields further, utime and stime.
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		var numbers [3]int
		for i, at := range []int{1, 11, 12} {
			if numbers[i], err = strconv.Atoi(fields[at]); err != nil {
				return 0, fmt.Errorf("%s: %w", file, err)
			}
		}
		parents[id], times[id] = numbers[0], time.Duration(numbers[1]+numbers[2])*tick
	}
	var sum time.Duration
	for id, took := range times {
		for ; id != pid && id > 1; id = parents[id] {
		}
		if id == pid {
			sum += took
		}
	}
	return sum, nil
}
