package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// upstream is an OpenAI-compatible server whose responses are large, or not as large where it is
// small.
type upstream struct {
	url    string
	server *http.Server
	done   sync.WaitGroup
	small  bool
}

func startUpstream(small bool) (*upstream, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it is closed with the server
	if err != nil {
		return nil, err
	}
	u := &upstream{url: "http://" + l.Addr().String() + "/v1", small: small}
	u.server = &http.Server{Handler: u, ReadHeaderTimeout: time.Minute}
	u.done.Go(func() { _ = u.server.Serve(l) }) // until close
	return u, nil
}

func (u *upstream) close() {
	_ = u.server.Close() // nothing is owed to a server that has ended
	u.done.Wait()
}

// ServeHTTP serves chat completions.
func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Stream bool `json:"stream"`
	}
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if request.Stream {
		u.stream(w, r)
		return
	}
	size := 12 << 20
	if u.small {
		size = 64 << 10
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprint(w, `{"id":"x","object":"chat.completion","created":1,"model":"m",`+
		`"choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"`)
	part := strings.Repeat("all work and no play ", 1000)
	for sent := 0; sent < size; sent += len(part) {
		if _, err := w.Write([]byte(part)); err != nil {
			return
		}
	}
	fmt.Fprint(w, `"}}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`)
}

// stream sends chunks of 4 KiB, 100 a second.
func (u *upstream) stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	chunk := func(content, end string) error {
		_, err := fmt.Fprintf(w, `data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"m",`+
			`"choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":%s}]}`+"\n\n", content, end)
		if err != nil {
			return err
		}
		return http.NewResponseController(w).Flush()
	}
	text := strings.Repeat("much ", 800)
	every := time.NewTicker(10 * time.Millisecond)
	defer every.Stop()
	chunks := 1000
	if u.small {
		chunks = 50
	}
	for range chunks {
		select {
		case <-r.Context().Done():
			return
		case <-every.C:
		}
		if chunk(text, "null") != nil {
			return
		}
	}
	if chunk("", `"stop"`) == nil {
		fmt.Fprint(w, "data: [DONE]\n\n")
	}
}
