package gateway

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"time"
)

const (
	idleTimeout    = 2 * time.Minute // how long a connection may wait for its next request
	maxHeaderBytes = 64 << 10

	// A connection of HTTP/2 may have so many requests at once; each holds at most so much of a
	// body that its handler has not read, and all together so much. A frame is at most as large as
	// each peer must accept: it must be whole within the time for a head. A connection on which
	// nothing comes is probed.
	http2Streams      = 128
	http2Frame        = 16 << 10
	http2Table        = 4 << 10
	http2Window       = 1 << 20
	http2StreamWindow = 256 << 10
	http2Ping         = time.Minute

	// A client that resets more streams in such a time is disconnected: each costs a request. A
	// proxy whose clients all leave at once has no more than http2Streams to reset.
	http2Resets    = 2 * http2Streams
	http2ResetTime = 10 * time.Second

	flushTimeout = 2 * time.Second // for handlers to write what is left, once their work has ended
)

// Serve serves requests from the listener until ctx ends, and then drains: new work is refused, and
// what runs may finish within grace, and be read to its end, also by readers that were cut off and
// come back. Generations that are left then fail with code draining, and the listener closes last.
// Serve closes the engine. It returns nil after a drain, even one that had to cancel work, and else
// the listener's error.
func (g *Gateway) Serve(ctx context.Context, l net.Listener, grace time.Duration) error {
	// Requests live in a context of their own: they go on while the gateway drains.
	work, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	accepted := g.connections(l)
	server := g.newServer(work, accepted.refusals)
	broken := make(chan error, 1)
	go func() { broken <- server.Serve(accepted) }()
	select {
	case err := <-broken:
		stop(nil)
		return errors.Join(fmt.Errorf("serve: %w", err), g.Engine.Close()) //nolint:contextcheck // closing does not end with a request
	case <-ctx.Done():
	}

	g.Log.Info("draining", "grace", grace)
	g.Engine.Drain()
	graceful, cancel := context.WithTimeout(work, grace)
	defer cancel()
	late := g.finish(graceful, g.Retry+leaseAfterRetry)
	flushing, cancel := context.WithTimeout(work, flushTimeout)
	defer cancel()
	if late != nil {
		g.Log.Warn("not all work ended in time", "grace", grace, "error", late)
		// Generations end now, with an error that gives the reason; predicts end with their
		// requests.
		g.Engine.Cancel()
		_ = g.finish(flushing, 0) // what is left is broken off
	}
	closed := make(chan error, 1)
	go func() { closed <- g.Engine.Close() }() //nolint:contextcheck // as above
	err := server.Shutdown(flushing)
	stop(context.Canceled)
	if err != nil {
		err = server.Close()
	}
	if berr := <-broken; !errors.Is(berr, http.ErrServerClosed) {
		err = errors.Join(err, berr)
	}
	if cerr := <-closed; cerr != nil {
		g.Log.Error("closing the models", "error", cerr)
	}
	g.Log.Info("drained")
	return err
}

// newServer returns the server of connections, with requests that live in the context work. Beside
// HTTP/1 it has HTTP/2 without TLS, which is for proxies in front, with prior knowledge.
func (g *Gateway) newServer(work context.Context, refused *refusals) *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler:           serve(g),
		Protocols:         &protocols,
		ReadHeaderTimeout: g.ReadHeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ConnContext:       withConnection,
		BaseContext:       func(net.Listener) context.Context { return work },
		ConnState:         idle,
		ErrorLog:          log.New(refused, "", 0),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          http2Streams,
			MaxReadFrameSize:              http2Frame,
			MaxDecoderHeaderTableSize:     http2Table,
			MaxEncoderHeaderTableSize:     http2Table,
			MaxReceiveBufferPerConnection: http2Window,
			MaxReceiveBufferPerStream:     http2StreamWindow,
			SendPingTimeout:               http2Ping,
			PingTimeout:                   g.WriteTimeout,
			WriteByteTimeout:              g.WriteTimeout,
			CountError:                    refused.http2Error,
		},
	}
}

// finish waits until all work has ended and has been read, also by readers that come back within
// absence.
func (g *Gateway) finish(ctx context.Context, absence time.Duration) error {
	if err := g.Engine.Wait(ctx); err != nil {
		return err
	}
	return g.Engine.Streams().WaitForReaders(ctx, absence)
}
