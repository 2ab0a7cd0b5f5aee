package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"penstock/auth"
	"penstock/test/testmodel"
)

// keys are the API keys of all clients.
type keys struct {
	clients []string
	hostile string
}

func newKeys(clients int) keys {
	k := keys{hostile: auth.NewKey()}
	for range clients {
		k.clients = append(k.clients, auth.NewKey())
	}
	return k
}

// hostileLimits let the hostile key do something, so that its requests reach the models too.
var hostileLimits = auth.Limits{Models: []string{"test*"}, RequestsPerMinute: 6000, Streams: 8, Priority: auth.Batch}

func (k keys) configured() []auth.Key {
	list := []auth.Key{{Name: "hostile", SHA256: auth.Digest(k.hostile), Limits: hostileLimits}}
	for i, key := range k.clients {
		list = append(list, auth.Key{Name: fmt.Sprint("client", i), SHA256: auth.Digest(key)})
	}
	return list
}

// runHostile runs hostile clients until ctx ends: each attacks in one way after another.
func runHostile(ctx context.Context, clients int, seed uint64, url, key string, t *tally) {
	attacks := []func(*attacker){
		(*attacker).keyless, (*attacker).halfHead, (*attacker).halfBody, (*attacker).garbage, (*attacker).ambiguous,
		(*attacker).emptyObjects, (*attacker).flood, (*attacker).neverReads, (*attacker).deletes,
	}
	var all sync.WaitGroup
	for i := range clients {
		// Addresses of their own: what one address may do must not be used up for the others.
		dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 66, byte(1+i%200))}}
		a := &attacker{
			ctx: ctx, dial: dialer, address: strings.TrimPrefix(url, "http://"), url: url, key: key, tally: t,
			http: &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}},
			r:    rand.New(rand.NewPCG(seed, uint64(i)+1<<32)),
		}
		all.Go(func() {
			for ctx.Err() == nil {
				attacks[a.r.IntN(len(attacks))](a)
				a.linger(20 * time.Millisecond)
			}
		})
	}
	all.Wait()
}

// attacker is a hostile client. It belongs to one goroutine.
type attacker struct {
	ctx          context.Context
	dial         *net.Dialer
	http         *http.Client
	address, url string
	key          string
	tally        *tally
	r            *rand.Rand
}

// linger waits for up to d.
func (a *attacker) linger(d time.Duration) {
	timer := time.NewTimer(time.Duration(a.r.Int64N(int64(d))))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-a.ctx.Done():
	}
}

// raw sends bytes on a connection of their own, waits up to patience, and returns the status of the
// response, 0 if there is none.
func (a *attacker) raw(text string, patience time.Duration) int {
	a.tally.attacks.Add(1)
	conn, err := a.dial.DialContext(a.ctx, "tcp", a.address)
	if err != nil {
		return 0
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience)) // a connection that was just opened takes one
	if _, err := io.WriteString(conn, text); err != nil {
		return 0
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0
	}
	response.Body.Close()
	return a.status(response.StatusCode)
}

// send sends a request, and returns the response's status, 0 if there is none.
func (a *attacker) send(ctx context.Context, method, path, body, key string, read func(io.Reader)) int {
	a.tally.attacks.Add(1)
	request, err := http.NewRequestWithContext(ctx, method, a.url+path, strings.NewReader(body))
	if err != nil {
		a.tally.wrong("hostile: %w", err)
		return 0
	}
	if key != "" {
		request.Header.Set("X-API-Key", key)
	}
	response, err := a.http.Do(request)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	if read != nil && response.StatusCode == http.StatusOK {
		read(response.Body)
	}
	return a.status(response.StatusCode)
}

func (a *attacker) status(status int) int {
	if status >= http.StatusBadRequest {
		a.tally.repelled.Add(1)
	}
	return status
}

// must records a status that is not among those expected. 0, for none, always is.
func (a *attacker) must(what string, status int, expected ...int) {
	for _, s := range append(expected, 0) {
		if status == s {
			return
		}
	}
	a.tally.wrong("hostile: %s gets status %d, not %v", what, status, expected)
}

// keyless asks for work without a key, or with one that is not known.
func (a *attacker) keyless() {
	key := []string{"", auth.NewKey(), "unused"}[a.r.IntN(3)]
	status := a.send(a.ctx, http.MethodGet, "/v1/models/testmodel/stream?"+testmodel.Task{Words: 3}.Query(), "", key, nil)
	a.must("a request without a valid key", status, http.StatusUnauthorized)
}

// halfHead sends a part of a head.
func (a *attacker) halfHead() {
	a.raw("POST /v1/models/testmodel/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ", time.Second)
}

// halfBody sends a part of a body.
func (a *attacker) halfBody() {
	a.raw("POST /v1/models/testmodel/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: "+a.key+
		"\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{\"words\":", time.Second)
}

// garbage sends random bytes.
func (a *attacker) garbage() {
	text := make([]byte, 1+a.r.IntN(4096))
	for i := range text {
		text[i] = byte(a.r.Uint32())
	}
	a.must("garbage", a.raw(string(text)+"\r\n\r\n", time.Second), http.StatusBadRequest)
}

// ambiguous sends a request whose body ends in one place for some servers, in another for others.
func (a *attacker) ambiguous() {
	status := a.raw("POST /v1/models/testmodel/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: "+a.key+
		"\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"+
		"GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", time.Second)
	a.must("a request with two lengths", status, http.StatusBadRequest)
}

// emptyObjects sends a body that is small as text and large once decoded.
func (a *attacker) emptyObjects() {
	body := `{"model":"testmodel","messages":[` + strings.Repeat("{},", 300_000) + `{}]}`
	status := a.send(a.ctx, http.MethodPost, "/v1/chat/completions", body, a.key, nil)
	a.must("300,000 empty messages", status, http.StatusBadRequest, http.StatusTooManyRequests, http.StatusServiceUnavailable)
}

// flood starts more streams at once than the key may have, and leaves them.
func (a *attacker) flood() {
	ctx, leave := context.WithTimeout(a.ctx, time.Duration(50+a.r.IntN(200))*time.Millisecond)
	defer leave()
	task := testmodel.Task{Words: 10_000, Pause: "1ms"}
	var all sync.WaitGroup
	for range 12 {
		all.Go(func() {
			status := a.send(ctx, http.MethodPost, "/v1/models/testmodel/stream", task.JSON(), a.key, func(r io.Reader) {
				_, _ = io.Copy(io.Discard, r)
			})
			a.must("a flood", status, http.StatusOK, http.StatusTooManyRequests, http.StatusServiceUnavailable)
		})
	}
	all.Wait()
}

// neverReads asks for much and reads nothing.
func (a *attacker) neverReads() {
	ctx, leave := context.WithTimeout(a.ctx, time.Second)
	defer leave()
	task := testmodel.Task{Words: 2000, Pad: 8 << 10}
	status := a.send(ctx, http.MethodPost, "/v1/models/testmodel/stream", task.JSON(), a.key, func(io.Reader) { <-ctx.Done() })
	a.must("a client that reads nothing", status, http.StatusOK, http.StatusTooManyRequests, http.StatusServiceUnavailable)
}

// deletes creates a stream, and deletes it without the key: its address is no right to that.
func (a *attacker) deletes() {
	c := client{ctx: a.ctx, http: a.http, direct: a.url, key: a.key, tally: &tally{}}
	path := c.create(testmodel.Task{Words: 5})
	if path == "" {
		return
	}
	if status := a.send(a.ctx, http.MethodDelete, path, "", "", nil); status != 0 {
		a.must("DELETE without a key", status, http.StatusUnauthorized)
	}
	response, err := c.send(a.ctx, http.MethodDelete, a.url+path, "")
	if err == nil {
		drain(response)
	} else if !errors.Is(err, context.Canceled) && a.ctx.Err() == nil {
		a.tally.wrong("hostile: delete: %w", err)
	}
}
