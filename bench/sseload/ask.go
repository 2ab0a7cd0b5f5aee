package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// questions are requests that do not stream.
type questions struct {
	path     string
	model    string
	embed    bool // for embeddings, and otherwise chats
	requests int
	clients  int
	pid      int // 0: no CPU is read
}

// askResult is their result.
type askResult struct {
	Requests        int         `json:"requests"`
	TookMS          percentiles `json:"took_ms"`
	CPUPerRequestUS float64     `json:"cpu_per_request_us,omitempty"` // absent without a pid
}

// ask sends the requests, each client over one connection and one at a time, and measures the time
// of each. A few before them, which warm up, do not count.
func (q questions) ask(ctx context.Context, port int) (askResult, error) {
	const warmup = 20
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: q.clients}}
	defer client.CloseIdleConnections()
	if _, err := q.send(ctx, client, port, warmup); err != nil {
		return askResult{}, err
	}
	before, err := q.cpu()
	if err != nil {
		return askResult{}, err
	}
	times, failures := make([][]time.Duration, q.clients), make([]error, q.clients)
	each := max(1, q.requests/q.clients)
	var sending sync.WaitGroup
	for i := range q.clients {
		sending.Go(func() { times[i], failures[i] = q.send(ctx, client, port, each) })
	}
	sending.Wait()
	if err := errors.Join(failures...); err != nil {
		return askResult{}, err
	}
	after, err := q.cpu()
	took := slices.Concat(times...)
	return askResult{
		Requests: len(took), TookMS: percentilesOf(took),
		CPUPerRequestUS: float64((after - before).Nanoseconds()) / 1e3 / float64(len(took)),
	}, err
}

// cpu returns the CPU time that the process has used.
func (q questions) cpu() (time.Duration, error) {
	if q.pid == 0 {
		return 0, nil
	}
	used, err := usage(q.pid)
	return used.cpu, err
}

// send sends requests one after the other and returns the time of each.
func (q questions) send(ctx context.Context, client *http.Client, port, requests int) (took []time.Duration, err error) {
	body, mark := chatOf(q.model, false, "hello"), []byte(`"finish_reason":"stop"`)
	if q.embed {
		body, mark = map[string]string{"model": q.model, "input": "hello"}, []byte(`"embedding":[`)
	}
	for range requests {
		begin := time.Now()
		response, err := post(ctx, client, port, q.path, body)
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			return nil, fmt.Errorf("read the response: %w", err)
		}
		if !bytes.Contains(text, mark) {
			return nil, fmt.Errorf("not the response of the mock upstream: %.200q", text)
		}
		took = append(took, time.Since(begin))
	}
	return took, nil
}
