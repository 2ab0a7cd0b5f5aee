package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"penstock/bench/internal/relays"
)

// bare is the proxy of the standard library, to which ratios are.
const bare = "net/http proxy"

// penstockConfig has a model of each kind. One of them is measured at a time.
const penstockConfig = `
server:
  address: 127.0.0.1:PORT
models:
  - name: mock
    kind: openai
    concurrency: 4096
    upstreams:
      - {base_url: "http://127.0.0.1:UPSTREAM/v1"}
  - name: own
    kind: http
    concurrency: 4096
    predict: {url: "http://127.0.0.1:UPSTREAM/v1/embeddings"}
    stream: {url: "http://127.0.0.1:UPSTREAM/v1/chat/completions", format: sse}
`

// compared returns the proxy, and Penstock with each kind.
func compared(binary string) ([]relays.Relay, error) {
	penstock, err := relays.Penstock(binary, penstockConfig)
	if err != nil {
		return nil, err
	}
	return []relays.Relay{
		{Name: bare, Command: func(ctx context.Context, dir string, port, upstream int) (*exec.Cmd, error) {
			return exec.CommandContext(ctx, filepath.Join(dir, "httpkind"), "proxy", strconv.Itoa(port), strconv.Itoa(upstream)), nil
		}},
		{Name: "kind openai", Command: penstock, Ours: true},
		{Name: "kind http", Command: penstock, Ours: true, Chat: "/v1/models/own/stream", Embed: "/v1/models/own:predict"},
	}, nil
}

// proxy serves the proxy on a port of 127.0.0.1 until ctx ends.
func proxy(ctx context.Context, port, upstream string) error {
	p := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: net.JoinHostPort("127.0.0.1", upstream)})
	p.Transport = &http.Transport{MaxIdleConnsPerHost: 4096, DisableCompression: true}
	p.FlushInterval = -1 // after each write
	server := &http.Server{Addr: net.JoinHostPort("127.0.0.1", port), ReadHeaderTimeout: 10 * time.Second}
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Without this, the first byte of a response closes the request's body, and the transport
		// breaks off the exchange if it has not yet seen that body's end.
		if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		p.ServeHTTP(w, r)
	})
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the proxy: %w", err)
	}
	return nil
}
