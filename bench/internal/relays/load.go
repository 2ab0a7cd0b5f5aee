package relays

import (
	"cmp"
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

// Load is what a relay is measured under, in a process that has just been started.
type Load struct {
	Name string
	What string // described

	Streams  int           // at the same time; 0: requests that do not stream
	Chunks   int           // of each stream
	Interval time.Duration // between two chunks; 0: none

	Requests int  // that do not stream
	Clients  int  // that send them, each one after the other
	Embed    bool // they are for embeddings, and otherwise chats
}

// Metric is a figure of one load.
type Metric struct {
	Load string
	Name string // one of the constants below
	Unit string
	Over string // the relay whose figure, in the same round, is subtracted; "": none
}

// Names of metrics.
const (
	CPUPerChunk      = "CPU per chunk"
	CPUPerRequest    = "CPU per request"
	MemoryPerStream  = "memory per stream"
	AddedTime        = "added time, median"
	AddedLateness    = "added lateness, median"
	AddedLatenessP99 = "added lateness, p99"
)

// measure starts a relay, measures it under one load and stops it. The keys are metrics' names.
func (b *bench) measure(ctx context.Context, r Relay, l Load) (figures map[string]float64, err error) {
	p, err := b.start(ctx, r)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	figures = map[string]float64{}
	if l.Streams == 0 {
		result, err := b.ask(ctx, p, r, l)
		figures[AddedTime] = result.Took.P50
		if p.pid() != 0 {
			figures[CPUPerRequest] = result.CPUPerRequest
		}
		return figures, err
	}
	result, err := b.run(ctx, p, r, l)
	if err != nil {
		return nil, err
	}
	figures[AddedLateness], figures[AddedLatenessP99] = result.Late.P50, result.Late.P99
	if p.pid() != 0 {
		figures[CPUPerChunk], figures[MemoryPerStream] = result.CPUPerChunk, result.KiBPerStream
	}
	return figures, nil
}

// percentiles, askResult and runResult are the parts of sseload's output that are used here.
type percentiles struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
}

type askResult struct {
	Took          percentiles `json:"took_ms"`
	CPUPerRequest float64     `json:"cpu_per_request_us"`
}

type runResult struct {
	Bad          int            `json:"bad"`
	Errors       map[string]int `json:"errors"`
	Late         percentiles    `json:"late_ms"`
	CPUPerChunk  float64        `json:"cpu_per_chunk_us"`
	KiBPerStream float64        `json:"kib_per_stream"`
}

// ask sends requests that do not stream through a relay.
func (b *bench) ask(ctx context.Context, p *process, r Relay, l Load) (result askResult, err error) {
	path := cmp.Or(r.Chat, "/v1/chat/completions")
	if l.Embed {
		path = cmp.Or(r.Embed, "/v1/embeddings")
	}
	err = b.sseload(ctx, &result, "ask", "-port", strconv.Itoa(p.port), "-pid", strconv.Itoa(p.pid()), "-path", path,
		"-embed="+strconv.FormatBool(l.Embed), "-requests", strconv.Itoa(l.Requests), "-clients", strconv.Itoa(l.Clients))
	return result, err
}

// run sends streams through a relay. An incomplete stream is an error.
func (b *bench) run(ctx context.Context, p *process, r Relay, l Load) (result runResult, err error) {
	err = b.sseload(ctx, &result, "run", "-port", strconv.Itoa(p.port), "-pid", strconv.Itoa(p.pid()), "-path", cmp.Or(r.Chat, "/v1/chat/completions"),
		"-streams", strconv.Itoa(l.Streams), "-chunks", strconv.Itoa(l.Chunks), "-interval", l.Interval.String())
	if err == nil && result.Bad > 0 {
		err = fmt.Errorf("%d of %d streams failed: %v", result.Bad, l.Streams, result.Errors)
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
