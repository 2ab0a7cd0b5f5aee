package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// load is what a relay is measured under, in a process that has just been started.
type load struct {
	name     string
	what     string // described
	streams  int    // 0: requests that do not stream
	chunks   int
	interval time.Duration
}

// allLoads returns all loads, given the duration of the steady ones, the time between the two
// chunks of an idle stream, and the chunks of a stream without pauses.
func allLoads(steady, idle time.Duration, burst int) []load {
	const often, seldom = 10 * time.Millisecond, 50 * time.Millisecond
	return []load{
		{"steady50", "50 streams, a chunk every 10 ms", 50, int(steady / often), often},
		{"steady500", "500 streams, a chunk every 50 ms", 500, int(steady / seldom), seldom},
		{"burst", "50 streams without pauses", 50, burst, 0},
		{"idle500", "500 open streams", 500, 2, idle},
		{"idle2000", "2,000 open streams", 2000, 2, idle},
		{"unary", "requests that do not stream, one at a time", 0, 300, 0},
	}
}

// metric is a figure of one load.
type metric struct {
	load       string
	name       string
	unit       string
	overDirect bool // the figure of no relay, in the same round, is subtracted
}

var metrics = []metric{
	{"steady50", "CPU per chunk", "µs", false},
	{"steady500", "CPU per chunk", "µs", false},
	{"burst", "CPU per chunk", "µs", false},
	{"unary", "added time, median", "ms", true},
	{"idle500", "memory per stream", "KiB", false},
	{"idle2000", "memory per stream", "KiB", false},
	{"steady50", "added lateness, median", "ms", true},
	{"steady50", "added lateness, p99", "ms", true},
	{"steady500", "added lateness, median", "ms", true},
	{"steady500", "added lateness, p99", "ms", true},
}

// measure starts a relay, measures it under one load and stops it. The keys are metrics' names.
func (b *bench) measure(ctx context.Context, r relay, l load) (figures map[string]float64, err error) {
	p, err := b.start(ctx, r)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	if l.streams == 0 {
		var result struct {
			Took percentiles `json:"took_ms"`
		}
		err := b.sseload(ctx, &result, "ask", "-port", strconv.Itoa(p.port), "-requests", strconv.Itoa(l.chunks))
		return map[string]float64{"added time, median": result.Took.P50}, err
	}
	result, err := b.run(ctx, p, l)
	if err != nil {
		return nil, err
	}
	figures = map[string]float64{"added lateness, median": result.Late.P50, "added lateness, p99": result.Late.P99}
	if p.pid() != 0 {
		figures["CPU per chunk"] = result.CPUPerChunk
		figures["memory per stream"] = result.KiBPerStream
	}
	return figures, nil
}

// percentiles and runResult are the parts of sseload's output that are used here.
type percentiles struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
}

type runResult struct {
	Bad          int            `json:"bad"`
	Errors       map[string]int `json:"errors"`
	Late         percentiles    `json:"late_ms"`
	CPUPerChunk  float64        `json:"cpu_per_chunk_us"`
	KiBPerStream float64        `json:"kib_per_stream"`
}

// run sends streams through a relay. An incomplete stream is an error.
func (b *bench) run(ctx context.Context, p *process, l load) (runResult, error) {
	var result runResult
	err := b.sseload(ctx, &result, "run", "-port", strconv.Itoa(p.port), "-pid", strconv.Itoa(p.pid()),
		"-streams", strconv.Itoa(l.streams), "-chunks", strconv.Itoa(l.chunks), "-interval", l.interval.String())
	if err == nil && result.Bad > 0 {
		err = fmt.Errorf("%d of %d streams failed: %v", result.Bad, l.streams, result.Errors)
	}
	return result, err
}

// sseload runs the load generator and reads its line of JSON.
func (b *bench) sseload(ctx context.Context, result any, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(b.dir, "sseload"), args...)
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		stderr := ""
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			stderr = strings.TrimSpace(string(exit.Stderr))
		}
		return fmt.Errorf("sseload %s: %w: %s", args[0], err, stderr)
	}
	if err := json.Unmarshal(out, result); err != nil {
		return fmt.Errorf("read sseload's output: %w", err)
	}
	return nil
}
