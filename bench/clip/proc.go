package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is Linux's unit of processor time in /proc.
const tick = 10 * time.Millisecond

// processorTime is what a process and its descendants have taken, of those that still run. It is 0 where there is no /proc.
func processorTime(pid int) (time.Duration, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	parents, times := map[int]int{}, map[int]time.Duration{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		id, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			return 0, err
		}
		// After the name, which is in brackets, follow the state, the parent, and, tenth from there, utime and stime.
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
