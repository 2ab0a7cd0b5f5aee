package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// patience is how much longer than its streams a run may take.
const patience = time.Minute

// load is a number of concurrent streams.
type load struct {
	path     string
	model    string
	streams  int
	chunks   int
	interval time.Duration
	pid      int // 0: no CPU and memory are read
}

// loadResult is the result of a load. The relay's figures are absent without a pid.
type loadResult struct {
	Streams        int            `json:"streams"`
	Bad            int            `json:"bad"` // streams that were incomplete or wrong
	Errors         map[string]int `json:"errors,omitempty"`
	Seconds        float64        `json:"seconds"`
	ChunksPerS     float64        `json:"chunks_per_s"`
	FirstMS        percentiles    `json:"first_ms"` // from the request to its first chunk
	LateMS         percentiles    `json:"late_ms"`  // from a chunk's writing at the upstream to its reading here
	CPUPerChunkUS  float64        `json:"cpu_per_chunk_us,omitempty"`
	KiBPerStream   float64        `json:"kib_per_stream,omitempty"`
	ResidentBefore int64          `json:"resident_before,omitempty"` // bytes
	ResidentPeak   int64          `json:"resident_peak,omitempty"`   // bytes
}

// percentiles are of times in milliseconds.
type percentiles struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

func percentilesOf(times []time.Duration) percentiles {
	if len(times) == 0 {
		return percentiles{}
	}
	slices.Sort(times)
	at := func(share float64) float64 {
		return float64(times[int(share*float64(len(times)-1))]) / float64(time.Millisecond)
	}
	return percentiles{P50: at(.5), P99: at(.99), Max: at(1)}
}

// tally collects the results of the streams of one run.
type tally struct {
	chunks  atomic.Int64 // read so far
	flowing atomic.Int64 // streams that have begun

	allFlow  chan struct{} // closed once every stream has begun
	firstEnd chan struct{} // closed once a stream has ended
	ended    sync.Once

	mu          sync.Mutex
	first, late []time.Duration
	bad         map[string]int
}

// run opens the streams, at slightly different times so that their chunks don't coincide, and waits
// for their ends.
//
// CPU per chunk is measured while all streams flow, which excludes the opening of connections.
// Streams without pauses are too short for that: for them it is measured over the whole run.
func (l load) run(ctx context.Context, port int) (loadResult, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(l.chunks)*l.interval+patience)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: l.streams, DisableCompression: true}}
	defer client.CloseIdleConnections()
	t := &tally{allFlow: make(chan struct{}), firstEnd: make(chan struct{}), bad: map[string]int{}}
	meter, err := newMeter(l.pid, t)
	if err != nil {
		return loadResult{}, err
	}

	begin := time.Now()
	var metering, reading sync.WaitGroup
	metered, stop := context.WithCancel(ctx)
	metering.Go(func() { meter.run(metered, l.interval == 0) })
	for i := range l.streams {
		reading.Go(func() {
			pause := time.NewTimer(time.Duration(i) * time.Second / 2000)
			defer pause.Stop()
			select {
			case <-pause.C:
				l.stream(ctx, client, port, t)
			case <-ctx.Done():
			}
		})
	}
	reading.Wait()
	stop()
	metering.Wait()
	if err := ctx.Err(); errors.Is(err, context.Canceled) {
		return loadResult{}, fmt.Errorf("interrupted: %w", err)
	}

	took := time.Since(begin).Seconds()
	r := loadResult{
		Streams: l.streams, Seconds: took, ChunksPerS: float64(t.chunks.Load()) / took, Errors: t.bad,
		FirstMS: percentilesOf(t.first), LateMS: percentilesOf(t.late),
		CPUPerChunkUS: meter.perChunk(), ResidentBefore: meter.before, ResidentPeak: meter.peak,
	}
	r.KiBPerStream = float64(meter.peak-meter.before) / 1024 / float64(l.streams)
	for _, n := range t.bad {
		r.Bad += n
	}
	return r, nil
}

// begun records that a stream's first chunk has arrived.
func (t *tally) begun(of int) {
	if t.flowing.Add(1) == int64(of) {
		close(t.allFlow)
	}
}

// end records a stream's result; failure is "" if it was complete.
func (t *tally) end(failure string, first time.Duration, late []time.Duration) {
	t.ended.Do(func() { close(t.firstEnd) })
	t.mu.Lock()
	defer t.mu.Unlock()
	if failure != "" {
		t.bad[failure]++
		return
	}
	t.first = append(t.first, first)
	t.late = append(t.late, late...)
}
