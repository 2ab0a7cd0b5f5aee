package main

import (
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

const chatPath = "/v1/chat/completions"

// The pieces of a chunk, around its number and the time it was written.
const (
	chunkHead = `data: {"id":"chatcmpl-m","object":"chat.completion.chunk","created":1700000000,"model":"mock","choices":[{"index":0,"delta":{"content":"`
	chunkTail = ` "},"finish_reason":null}]}` + "\n\n"
	lastChunk = `data: {"id":"chatcmpl-m","object":"chat.completion.chunk","created":1700000000,"model":"mock","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n" +
		"data: [DONE]\n\n"
	wholeResponse = `{"id":"chatcmpl-m","object":"chat.completion","created":1700000000,"model":"mock","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}`
)

// embedding is the response to each request for embeddings.
var embedding = `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.0125` + strings.Repeat(",-0.01375", 63) +
	`]}],"model":"mock","usage":{"prompt_tokens":1,"total_tokens":1}}`

// mock serves chat completions and embeddings until ctx ends.
func mock(ctx context.Context, port int) error {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+chatPath, chat)
	mux.HandleFunc("POST /v1/embeddings", embed)
	mux.HandleFunc("GET /v1/models", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"object":"list","data":[{"id":"mock","object":"model","created":1,"owned_by":"mock"}]}`)
	})
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// chat responds as the request's last message says, "chunks=200 interval=5ms": every relay forwards
// that unchanged.
func chat(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Stream   bool
		Messages []struct{ Content string }
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil || json.Unmarshal(body, &request) != nil || len(request.Messages) == 0 {
		http.Error(w, `{"error":{"message":"bad request","type":"invalid_request_error"}}`, http.StatusBadRequest)
		return
	}
	if !request.Stream {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, wholeResponse)
		return
	}
	chunks, interval := parseTask(request.Messages[len(request.Messages)-1].Content)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	_ = write(r.Context(), w, chunks, interval) // the client may have disconnected
}

// embed responds with an embedding of 64 numbers.
func embed(w http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, 1<<20)); err != nil {
		http.Error(w, `{"error":{"message":"bad request","type":"invalid_request_error"}}`, http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprint(w, embedding)
}

// parseTask reads a message.
func parseTask(content string) (chunks int, interval time.Duration) {
	chunks = 10
	for _, word := range strings.Fields(content) {
		if n, ok := strings.CutPrefix(word, "chunks="); ok {
			chunks, _ = strconv.Atoi(n)
		}
		if d, ok := strings.CutPrefix(word, "interval="); ok {
			interval, _ = time.ParseDuration(d)
		}
	}
	return chunks, interval
}

// write sends the chunks, each in a write of its own at its own time, however late the one before
// it was.
func write(ctx context.Context, w http.ResponseWriter, chunks int, interval time.Duration) error {
	control := http.NewResponseController(w)
	if err := control.Flush(); err != nil {
		return err
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	buf := make([]byte, 0, 512)
	for i, begin := 0, time.Now(); i < chunks; i++ {
		if interval > 0 {
			timer.Reset(time.Until(begin.Add(time.Duration(i+1) * interval)))
			select {
			case <-timer.C:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		buf = strconv.AppendInt(append(buf[:0], chunkHead...), int64(i), 10)
		buf = strconv.AppendInt(append(buf, ' '), time.Now().UnixNano(), 10)
		if _, err := w.Write(append(buf, chunkTail...)); err != nil {
			return err
		}
		if err := control.Flush(); err != nil {
			return err
		}
	}
	if _, err := w.Write([]byte(lastChunk)); err != nil {
		return err
	}
	return control.Flush()
}
