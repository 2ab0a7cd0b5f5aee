package teller

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"penstock/engine"
	"penstock/gateway"
)

// Options says how a House is run. What is zero has the default configuration's value.
type Options struct {
	Permits      int // 10,000: nobody waits
	Limit        int // of open streams
	Total        int // bytes of all logs
	Buffer       int // bytes of one
	Heartbeat    time.Duration
	WriteTimeout time.Duration
	Retry        time.Duration
	Window       time.Duration
	Grace        time.Duration        // for what runs when it closes
	Origins      []string             // web origins that may call
	Add          func(*engine.Engine) // adds more models; may be nil
}

// House is the penstock that runs.
type House struct {
	URL    string // http://HOST:PORT
	Engine *engine.Engine

	stop   context.CancelFunc
	served chan error
}

// Start starts a House on a port of the kernel's choice. Its life does not end with ctx, but with Close.
func Start(ctx context.Context, o Options) (*House, error) {
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	metrics := gateway.NewMetrics("teller", log)
	e := engine.New(engine.Options{
		Gate:     engine.GateConfig{Permits: cmp.Or(o.Permits, 10000), Queue: 100, Timeout: 10 * time.Minute}, // a busy machine keeps people waiting
		Streams:  cmp.Or(o.Limit, 10000),
		Logs:     engine.NewMemoryLogs(cmp.Or(o.Total, 256<<20)),
		Observer: metrics,
	})
	add(e)
	if o.Add != nil {
		o.Add(e)
	}
	options := gateway.Options{
		Engine: e, Metrics: metrics, Log: log,
		MaxBody:           1 << 20,
		ReadHeaderTimeout: time.Minute, // a busy machine is no attacker
		Heartbeat:         cmp.Or(o.Heartbeat, 15*time.Second),
		WriteTimeout:      cmp.Or(o.WriteTimeout, 10*time.Second),
		Retry:             cmp.Or(o.Retry, 2*time.Second),
		Buffer:            cmp.Or(o.Buffer, 4<<20),
		Window:            cmp.Or(o.Window, time.Minute),
		Origins:           o.Origins,
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	l, err := gateway.Listen(ctx, "127.0.0.1:0", options.Heartbeat+options.WriteTimeout)
	if err != nil {
		stop()
		return nil, err
	}
	<-e.Load(ctx)
	h := &House{URL: "http://" + l.Addr().String(), Engine: e, stop: stop, served: make(chan error, 1)}
	g := gateway.New(options) //nolint:contextcheck // the handlers in it have their requests' own
	go func() { h.served <- g.Serve(ctx, l, cmp.Or(o.Grace, 30*time.Second)) }()
	return h, nil
}

// Close drains the House and says what it has left behind that it should not.
func (h *House) Close() error {
	h.stop()
	err := <-h.served
	s := h.Engine.Snapshot()
	for _, g := range s.Gates {
		if g.InUse != 0 || g.Waiting != 0 || g.Inside != 0 {
			err = errors.Join(err, fmt.Errorf("left at the gate: %+v", g))
		}
	}
	for _, m := range s.Models {
		if m.Streams != 0 {
			err = errors.Join(err, fmt.Errorf("%d streams are left open", m.Streams))
		}
	}
	if s.Readers != 0 {
		err = errors.Join(err, fmt.Errorf("%d readers are left", s.Readers))
	}
	return err
}
