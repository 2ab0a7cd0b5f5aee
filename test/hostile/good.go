package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// good is the client that must be served whatever the others do.
type good struct {
	server *target
	http   *http.Client

	mu      sync.Mutex
	changed chan struct{} // closed when requests have been served, and made anew
	took    map[string][]time.Duration
	failed  map[string]int // by what and how
}

const (
	predictPath = "/v1/models/clip:predict"
	pixel       = `{"image":"data:image/gif;base64,R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs="}`

	// goodPatience is how long the good client waits for a response.
	goodPatience = 30 * time.Second
)

func newGood(s *target) *good {
	dial := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 77, 1)}}
	return &good{
		server: s,
		http: &http.Client{
			Timeout: goodPatience, Transport: &http.Transport{DialContext: dial.DialContext, DisableKeepAlives: true},
		},
		changed: make(chan struct{}), took: map[string][]time.Duration{}, failed: map[string]int{},
	}
}

// warmUp sends one request of each, so that what these allocate once is there.
func (g *good) warmUp(ctx context.Context) error {
	for range 20 {
		g.predict(ctx)
		g.health(ctx)
	}
	if f := g.failures(); len(f) > 0 {
		return fmt.Errorf("before the attack: %s", strings.Join(f, "; "))
	}
	clear(g.took)
	return nil
}

// run sends requests until ctx ends, each on a connection of its own.
func (g *good) run(ctx context.Context) {
	var both sync.WaitGroup
	for _, send := range []func(context.Context){g.predict, g.health} {
		both.Go(func() {
			for ctx.Err() == nil {
				send(ctx)
				select {
				case <-ctx.Done():
				case <-time.After(20 * time.Millisecond):
				}
			}
		})
	}
	both.Wait()
}

func (g *good) predict(ctx context.Context) {
	g.send(ctx, "predict", http.MethodPost, predictPath, pixel)
}

func (g *good) health(ctx context.Context) { g.send(ctx, "healthz", http.MethodGet, "/healthz", "") }

// send sends a request and records how it ended.
func (g *good) send(ctx context.Context, what, method, path, body string) {
	began := time.Now()
	err := g.request(ctx, method, path, body)
	if ctx.Err() != nil {
		return // it was canceled at the end
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if err != nil {
		g.failed[what+": "+err.Error()]++
		return
	}
	g.took[what] = append(g.took[what], time.Since(began))
	close(g.changed)
	g.changed = make(chan struct{})
}

func (g *good) request(ctx context.Context, method, path, body string) error {
	request, err := http.NewRequestWithContext(ctx, method, g.server.url+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("X-API-Key", g.server.keys.good)
	request.Header.Set("Content-Type", "application/json")
	response, err := g.http.Do(request)
	if err != nil {
		return cause(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return cause(err)
	}
	if response.StatusCode != http.StatusOK {
		var body struct {
			Error struct{ Code, Message string }
		}
		_ = json.Unmarshal(text, &body) // without an error object the status must do
		return fmt.Errorf("%d %s: %s", response.StatusCode, body.Error.Code, body.Error.Message)
	}
	return nil
}

// cause is an error without its addresses, which are others each time.
func cause(err error) error {
	for errors.Unwrap(err) != nil {
		err = errors.Unwrap(err)
	}
	return err
}

// servedMore waits until the good client has been served n more times.
func (g *good) servedMore(ctx context.Context, n int) {
	for range n {
		g.mu.Lock()
		changed := g.changed
		g.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// failures says which requests were not served.
func (g *good) failures() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var list []string
	for what, n := range g.failed {
		list = append(list, fmt.Sprintf("%d x %s", n, what))
	}
	slices.Sort(list)
	return list
}

func (g *good) print(w io.Writer) {
	for _, what := range []string{"predict", "healthz"} {
		took := slices.Sorted(slices.Values(g.took[what]))
		if len(took) == 0 {
			fmt.Fprintf(w, "good client, %s: none served\n", what)
			continue
		}
		fmt.Fprintf(w, "good client, %s: %d served, median %v, 99%% %v, slowest %v\n",
			what, len(took), took[len(took)/2].Round(time.Millisecond),
			took[len(took)*99/100].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond))
	}
	fmt.Fprintf(w, "good client, not served: %d kinds of failure %s\n", len(g.failures()), strings.Join(g.failures(), "; "))
}
