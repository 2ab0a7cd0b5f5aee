package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// post sends one chat request.
func post(ctx context.Context, client *http.Client, port int, model string, stream bool, prompt string) (*http.Response, error) {
	body, err := json.Marshal(map[string]any{
		"model": model, "stream": stream, "messages": []map[string]string{{"role": "user", "content": prompt}},
	})
	if err != nil {
		return nil, fmt.Errorf("write the request: %w", err)
	}
	url := "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) + "/v1/chat/completions"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer sk-bench")
	response, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("send the request: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		defer response.Body.Close()
		text, err := io.ReadAll(io.LimitReader(response.Body, 200))
		return nil, errors.Join(fmt.Errorf("status %d: %s", response.StatusCode, text), err)
	}
	return response, nil
}

// stream reads one stream and checks it.
func (l load) stream(ctx context.Context, client *http.Client, port int, t *tally) {
	begin := time.Now()
	response, err := post(ctx, client, port, l.model, true, fmt.Sprintf("chunks=%d interval=%s", l.chunks, l.interval))
	if err != nil {
		t.end(err.Error(), 0, nil)
		return
	}
	defer response.Body.Close()
	var first time.Duration
	late := make([]time.Duration, 0, l.chunks)
	done := false
	for lines := bufio.NewReader(response.Body); ; {
		line, err := lines.ReadSlice('\n')
		if err == io.EOF { //nolint:errorlint // io.EOF itself is a clean end
			break
		}
		if err != nil {
			t.end("read: "+err.Error(), 0, nil)
			return
		}
		if string(line) == "data: [DONE]\n" {
			done = true
			continue
		}
		number, written, ok := chunk(line)
		if !ok {
			continue
		}
		if number != len(late) {
			t.end("a chunk was lost or duplicated", 0, nil)
			return
		}
		now := time.Now()
		late = append(late, now.Sub(written))
		t.chunks.Add(1)
		if number == 0 {
			first = now.Sub(begin)
			t.begun(l.streams)
		}
	}
	if len(late) != l.chunks || !done {
		t.end(fmt.Sprintf("an incomplete stream: all chunks %t, [DONE] %t", len(late) == l.chunks, done), 0, nil)
		return
	}
	t.end("", first, late)
}

// chunk reads the number and the time of writing that mock has put into a chunk.
func chunk(line []byte) (number int, written time.Time, ok bool) {
	_, rest, ok := bytes.Cut(line, []byte(`"content":"`))
	if !ok {
		return 0, time.Time{}, false
	}
	content, _, _ := bytes.Cut(rest, []byte{'"'})
	n, at, ok := strings.Cut(strings.TrimSpace(string(content)), " ")
	if !ok {
		return 0, time.Time{}, false
	}
	number, err := strconv.Atoi(n)
	nanoseconds, err2 := strconv.ParseInt(at, 10, 64)
	return number, time.Unix(0, nanoseconds), err == nil && err2 == nil
}

// askResult is the result of requests that do not stream.
type askResult struct {
	Requests int         `json:"requests"`
	TookMS   percentiles `json:"took_ms"`
}

// ask sends requests over one connection, one at a time, and measures the time of each. A few
// before them, which warm up, do not count.
func ask(ctx context.Context, port int, model string, requests int) (askResult, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	defer client.CloseIdleConnections()
	const warmup = 20
	var took []time.Duration
	for i := range warmup + requests {
		begin := time.Now()
		response, err := post(ctx, client, port, model, false, "hello")
		if err != nil {
			return askResult{}, err
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			return askResult{}, fmt.Errorf("read the response: %w", err)
		}
		if !bytes.Contains(body, []byte(`"finish_reason":"stop"`)) {
			return askResult{}, fmt.Errorf("not the response of the mock upstream: %.200q", body)
		}
		if i >= warmup {
			took = append(took, time.Since(begin))
		}
	}
	return askResult{Requests: requests, TookMS: percentilesOf(took)}, nil
}
