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

// load is one thing that relays are put through, each time in a process just started.
type load struct {
	name     string
	what     string // in words
	streams  int    // 0: requests answered whole
	chunks   int
	interval time.Duration
}

var loads = []load{
	{"steady50", "50 streams, a chunk every 10 ms", 50, 500, 10 * time.Millisecond},
	{"steady500", "500 streams, a chunk every 50 ms", 500, 120, 50 * time.Millisecond},
	{"burst", "50 streams without pauses", 50, 10000, 0},
	{"idle500", "500 open streams", 500, 2, 5 * time.Second},
	{"idle2000", "2,000 open streams", 2000, 2, 5 * time.Second},
	{"unary", "one whole answer after the other", 0, 300, 0},
}

// metric is a figure of one load.
type metric struct {
	load       string
	name       string
	unit       string
	overDirect bool // what no relay has in the same round is taken off
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

// measure starts a relay, puts it through one load and stops it. The figures go by their metric's name.
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

// percentiles and runResult are what sseload says, as far as it is used here.
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

// run puts streams through a relay. One stream that is not whole spoils the figures.
func (b *bench) run(ctx context.Context, p *process, l load) (runResult, error) {
	var result runResult
	err := b.sseload(ctx, &result, "run", "-port", strconv.Itoa(p.port), "-pid", strconv.Itoa(p.pid()),
		"-streams", strconv.Itoa(l.streams), "-chunks", strconv.Itoa(l.chunks), "-interval", l.interval.String())
	if err == nil && result.Bad > 0 {
		err = fmt.Errorf("%d of %d streams went wrong: %v", result.Bad, l.streams, result.Errors)
	}
	return result, err
}

// sseload runs the load generator and reads its line of JSON.
func (b *bench) sseload(ctx context.Context, result any, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(b.dir, "sseload"), args...)
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		words := ""
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			words = strings.TrimSpace(string(exit.Stderr))
		}
		return fmt.Errorf("sseload %s: %w: %s", args[0], err, words)
	}
	if err := json.Unmarshal(out, result); err != nil {
		return fmt.Errorf("read what sseload says: %w", err)
	}
	return nil
}
