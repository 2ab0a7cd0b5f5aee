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

// post sends one request.
func post(ctx context.Context, client *http.Client, port int, path string, body any) (*http.Response, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("write the request: %w", err)
	}
	url := "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) + path
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(text))
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

// chatOf returns the body of a chat of one message.
func chatOf(model string, stream bool, prompt string) any {
	return map[string]any{
		"model": model, "stream": stream, "messages": []map[string]string{{"role": "user", "content": prompt}},
	}
}

// stream reads one stream and checks it.
func (l load) stream(ctx context.Context, client *http.Client, port int, t *tally) {
	begin := time.Now()
	response, err := post(ctx, client, port, l.path, chatOf(l.model, true, fmt.Sprintf("chunks=%d interval=%s", l.chunks, l.interval)))
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
		if text := string(line); text == "data: [DONE]\n" || text == "event: done\n" {
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
		t.end(fmt.Sprintf("an incomplete stream: all chunks %t, its end %t", len(late) == l.chunks, done), 0, nil)
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
