package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

const (
	idleTimeout    = 2 * time.Minute // how long a connection may wait for its next request
	maxHeaderBytes = 64 << 10
	lastWords      = 2 * time.Second // for handlers to write what they still have, once their work has ended
)

// Serve answers requests from the listener until ctx ends, and then drains: new work is refused while what runs may
// finish within grace, and be read to its end, also by readers who were cut off and come back; what is left then is failed
// with code draining, and the listener closes last. It closes the engine.
// It returns nil after a drain, however much of it had to be cut short, and else what broke the listener.
func (g *Gateway) Serve(ctx context.Context, l net.Listener, grace time.Duration) error {
	// Requests live in a context of their own: they go on while the gateway drains.
	work, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	// HTTP/2 without TLS is for proxies in front of us, which ask for it outright.
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{
		Handler:           g,
		Protocols:         &protocols,
		ReadHeaderTimeout: g.ReadHeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ConnContext:       withConnection,
		BaseContext:       func(net.Listener) context.Context { return work },
		ErrorLog:          slog.NewLogLogger(g.Log.Handler(), slog.LevelDebug),
	}
	broken := make(chan error, 1)
	go func() { broken <- server.Serve(connections{l}) }()
	select {
	case err := <-broken:
		stop(nil)
		return errors.Join(fmt.Errorf("serve: %w", err), g.Engine.Close())
	case <-ctx.Done():
	}

	g.Log.Info("draining", "grace", grace)
	g.Engine.Drain()
	patience, cancel := context.WithTimeout(work, grace)
	defer cancel()
	late := g.readOut(patience, g.Retry+leaseAfterRetry)
	words, cancel := context.WithTimeout(work, lastWords)
	defer cancel()
	if late != nil {
		g.Log.Warn("not all work ended in time", "grace", grace, "error", late)
		// Streams end by themselves now, with an event that says why; whole answers need their request's end.
		g.Engine.Cancel()
		_ = g.readOut(words, 0) // what is left is broken off
	}
	closed := make(chan error, 1)
	go func() { closed <- g.Engine.Close() }()
	err := server.Shutdown(words)
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

// readOut waits until all work has ended and has been read, by who is there and by who comes back within absence.
func (g *Gateway) readOut(ctx context.Context, absence time.Duration) error {
	if err := g.Engine.Wait(ctx); err != nil {
		return err
	}
	return g.Engine.Streams().WaitForReaders(ctx, absence)
}
