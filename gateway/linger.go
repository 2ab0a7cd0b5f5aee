package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// lingerTime is how long the connection of a response that failed is held before it is broken off.
// Browsers and Node.js discard what has arrived and not been read when a connection breaks: the end
// of the text, and the error that says why.
const lingerTime = 1500 * time.Millisecond

// errLingering breaks a response off once its client had time to read what it was sent. Handlers
// panic with it, as with http.ErrAbortHandler, which does so at once.
var errLingering = fmt.Errorf("%w, after the client had time to read it", http.ErrAbortHandler)

// ServeHTTP serves one request. It panics with http.ErrAbortHandler, on which net/http closes the
// connection or resets the stream, where a response has begun that cannot be completed.
//
// All that the request held has been released by the time that its connection lingers: that is
// bounded by the limits of connections, and of requests at once on one of HTTP/2.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	endless := endlessOf(r)
	endless.reset(true)
	switch broken := g.serveRequest(w, r); {
	case errors.Is(broken, errLingering):
		linger(r)
		panic(http.ErrAbortHandler)
	case broken != nil:
		panic(http.ErrAbortHandler)
	}
	if endless.connection != nil && http.NewResponseController(w).Flush() == nil {
		endless.reset(false)
	}
}

// serveRequest serves a request, and returns the error that its handler broke the response off
// with. The handler's stack, and all that is reachable from it, is gone when it returns.
func (g *Gateway) serveRequest(w http.ResponseWriter, r *http.Request) (broken error) {
	defer func() {
		p := recover()
		if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			broken = err
		} else if p != nil {
			panic(p)
		}
	}()
	g.handler.ServeHTTP(w, r)
	return nil
}

// linger returns after lingerTime, or when the client has closed the connection or its half of it,
// or has canceled the request, or when the server closes. Without a server there is no connection.
func linger(r *http.Request) {
	if r.Context().Value(http.ServerContextKey) == nil {
		return
	}
	timer := time.NewTimer(lingerTime)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
}

// endless is the connection of a response whose body has no mark of its end, as in HTTP/1.0: the
// client takes the close of the connection for it. Until the end has been written, closing it
// resets it, also when the process is killed: a proxy passes on then that the response is cut.
type endless struct{ *connection }

func endlessOf(r *http.Request) endless {
	if r.ProtoAtLeast(1, 1) {
		return endless{}
	}
	return endless{connectionOf(r)}
}

// reset sets whether closing the connection resets it. What has been written and not yet sent is
// lost then.
func (e endless) reset(on bool) {
	if e.connection == nil {
		return
	}
	socket, ok := e.socket.(interface{ SetLinger(seconds int) error })
	if !ok {
		return
	}
	seconds := -1 // as by default: what has been written is sent
	if on {
		seconds = 0
	}
	_ = socket.SetLinger(seconds) // fails if the connection is closed already
}
