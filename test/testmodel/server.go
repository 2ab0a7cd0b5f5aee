package testmodel

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"penstock/auth"
	"penstock/engine"
	"penstock/gateway"
	"penstock/stream"
)

// Options say how a Server is run. A zero field has the default configuration's value unless its
// comment says otherwise.
type Options struct {
	Permits      int // of the shared gate; 0: 10,000, so that no request waits
	Queue        int // requests that may wait at the gate; 0: 100
	Limit        int // of open streams
	Total        int // bytes of all logs
	Buffer       int // bytes of one log
	Heartbeat    time.Duration
	WriteTimeout time.Duration
	Retry        time.Duration
	Window       time.Duration
	Grace        time.Duration // for requests that still run at Close
	Origins      []string      // web origins that may call
	Hosts        []string      // Host names served besides loopback names and IP addresses
	Auth         *auth.Auth    // nil: no key is needed

	Add     func(*engine.Engine) error             // adds models beside the test model; may be nil
	Observe func(*gateway.Metrics) engine.Observer // may be nil: the metrics alone observe
}

// Server is a penstock that runs in this process.
type Server struct {
	URL string // http://HOST:PORT

	engine *engine.Engine
	stop   context.CancelFunc
	served chan error
}

// Start starts a Server on a port that the kernel chooses, and returns once its models are ready.
// It runs until Close; the end of ctx does not end it.
func Start(ctx context.Context, o Options) (*Server, error) {
	log := slog.New(slog.DiscardHandler)
	metrics := gateway.NewMetrics("test", log)
	var observer engine.Observer = metrics
	if o.Observe != nil {
		observer = o.Observe(metrics)
	}
	const longWait = 10 * time.Minute // on a busy machine too, only a test's own limit ends it
	e := engine.New(engine.Options{
		Gate:     engine.GateConfig{Permits: cmp.Or(o.Permits, 10000), Queue: cmp.Or(o.Queue, 100), Timeout: longWait},
		Observer: observer,
		Accept:   gateway.AcceptVerb,
		Streams:  stream.Options{Limit: cmp.Or(o.Limit, 10000), Logs: stream.NewMemoryLogs(cmp.Or(o.Total, 256<<20), nil)},
	})
	register(e)
	if o.Add != nil {
		if err := o.Add(e); err != nil {
			return nil, fmt.Errorf("add models: %w", err)
		}
	}
	options := gateway.Options{
		Engine: e, Metrics: metrics, Log: log, Auth: o.Auth,
		MaxBody:           1 << 20,
		ReadHeaderTimeout: time.Minute, // a busy machine must not pass for an attacker
		Heartbeat:         cmp.Or(o.Heartbeat, 15*time.Second),
		WriteTimeout:      cmp.Or(o.WriteTimeout, 10*time.Second),
		Retry:             cmp.Or(o.Retry, 2*time.Second),
		Buffer:            cmp.Or(o.Buffer, 4<<20),
		Window:            cmp.Or(o.Window, time.Minute),
		Origins:           o.Origins,
		Hosts:             o.Hosts,
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	l, err := gateway.Listen(ctx, "127.0.0.1:0", options.Heartbeat+options.WriteTimeout)
	if err != nil {
		stop()
		return nil, err
	}
	s := &Server{URL: "http://" + l.Addr().String(), engine: e, stop: stop, served: make(chan error, 1)}
	g := gateway.New(options) //nolint:contextcheck // its handlers use their requests' contexts
	go func() { s.served <- g.Serve(ctx, l, cmp.Or(o.Grace, 30*time.Second)) }()
	<-e.Load(ctx)
	for _, m := range e.Snapshot().Models {
		if m.State != engine.StateReady {
			return nil, errors.Join(fmt.Errorf("model %s is %s: %s", m.Name, m.State, m.Reason), s.Close())
		}
	}
	return s, nil
}

// Gate is the state of the shared gate.
type Gate struct {
	InUse  int // permits that are held
	Inside int // requests in any phase
}

// Gate returns the state of the shared gate.
func (s *Server) Gate() Gate {
	g := s.engine.Snapshot().Gates[0]
	return Gate{InUse: g.InUse, Inside: g.Inside}
}

// Readers returns how many readers follow streams.
func (s *Server) Readers() int { return s.engine.Snapshot().Readers }

// Close drains the Server, and returns an error if it has left a permit, a stream or a reader
// behind.
func (s *Server) Close() error {
	s.stop()
	err := <-s.served
	state := s.engine.Snapshot()
	for _, g := range state.Gates {
		if g.InUse != 0 || g.Waiting != 0 || g.Inside != 0 {
			err = errors.Join(err, fmt.Errorf("left at the gate: %+v", g))
		}
	}
	for _, m := range state.Models {
		if m.Streams != 0 {
			err = errors.Join(err, fmt.Errorf("%d streams are left open", m.Streams))
		}
	}
	if state.Readers != 0 {
		err = errors.Join(err, fmt.Errorf("%d readers are left", state.Readers))
	}
	return err
}
