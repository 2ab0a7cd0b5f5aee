package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"penstock/configs"
	"penstock/engine"
	"penstock/gateway"
	"penstock/logging"
	"penstock/stream"
	"penstock/web"
)

type serveCommand struct {
	configFlag
	Address string `help:"Where to listen, in place of server.address." placeholder:"HOST:PORT"`
}

// logTimeout is how long the last log lines may take to be written.
const logTimeout = time.Second

// Run serves until SIGTERM, SIGINT or SIGHUP, and then drains; a second signal ends the process at
// once.
func (c serveCommand) Run(stdout io.Writer, kinds []Kind) error {
	began := time.Now()
	_, config, err := c.load(kinds, c.Address)
	if err != nil {
		return err
	}
	ctx, drain := untilSignaled()
	defer drain(nil)
	lines, closeLog := openLog(config.Log)
	defer closeLog()
	log := lines.Logger()
	metrics := gateway.NewMetrics(version(), log)
	plan, err := planMemory(config.Runtime.MemoryLimit, log)
	if err != nil {
		return err
	}
	metrics.CountDroppedLines(lines.Dropped)
	gate := gateOf(config.Runtime)
	access, err := openAuth(config, log)
	if err != nil {
		return err
	}
	e := engine.New(engine.Options{
		Gate:     gate,
		Observer: metrics,
		Accept:   gateway.AcceptVerb,
		Streams: stream.Options{
			Limit:  config.Streams.Limit,
			Kept:   config.Streams.Resume.Limit,
			Memory: plan.budget,
			Logs:   stream.NewMemoryLogs(int(config.Streams.Resume.Total), plan.budget),
		},
	})
	env := Env{Engine: e, Gate: gate, Runtime: config.Runtime, Metrics: metrics, Log: log, UserAgent: userAgent()}
	if err := addModels(env, config.Models, kinds); err != nil {
		return err
	}
	o := gatewayOptions(config, e, metrics, log, web.Files())
	o.Memory = plan.budget
	o.Auth = access
	g := gateway.New(o)

	// The port opens before the models are loaded: /readyz reports how loading goes.
	listener, err := gateway.Listen(ctx, string(config.Server.Address), config.Streams.Heartbeat+config.Streams.WriteTimeout)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "Penstock serves its playground at %s (Ctrl-C ends it)\n", pageURL(listener.Addr()))
	defer runAuth(access)()
	loaded := e.Load(ctx)
	waited := make(chan struct{})
	var short error // there is too little memory; read after waited
	go func() {
		defer close(waited)
		<-loaded
		log.Info("all models are loaded or have failed", "took", time.Since(began).Round(time.Millisecond))
		if short = plan.loaded(); short != nil {
			drain(short)
		}
	}()
	err = g.Serve(ctx, listener, config.Server.ShutdownGrace)
	<-waited
	return errors.Join(short, err)
}

// untilSignaled returns a context that ends at the first signal to end the process, or when drain
// is called.
func untilSignaled() (ctx context.Context, drain context.CancelCauseFunc) {
	signaled, stop := signal.NotifyContext(context.Background(), ends()...)
	ctx, cancel := context.WithCancelCause(context.Background())
	context.AfterFunc(signaled, func() {
		stop() // before the drain is visible from outside: the next signal then ends the process
		cancel(context.Cause(signaled))
	})
	return ctx, func(cause error) {
		cancel(cause)
		stop()
	}
}

// gateOf returns how the gate of local models is sized.
func gateOf(r configs.Runtime) engine.GateConfig {
	return engine.GateConfig{
		Permits: r.PredictConcurrency, Queue: r.Queue.Limit, Timeout: r.Queue.Timeout, PerCaller: int(r.Queue.PerCaller),
	}
}

// addModels adds each model by its kind, which is among kinds: the configuration has been checked.
func addModels(env Env, models []configs.Model, kinds []Kind) error {
	add := map[string]func(Env, configs.Model) error{}
	for _, kind := range kinds {
		add[kind.Name()] = kind.add
	}
	for _, model := range models {
		if err := add[model.Kind](env, model); err != nil {
			return fmt.Errorf("adding model %s: %w", model.Name, err)
		}
		if err := nameModel(env.Engine, model); err != nil {
			return err
		}
	}
	return nil
}

// ends returns the signals that end the process.
func ends() []os.Signal {
	signals := []os.Signal{syscall.SIGTERM, os.Interrupt}
	if !signal.Ignored(syscall.SIGHUP) { // as it is under nohup
		signals = append(signals, syscall.SIGHUP)
	}
	return signals
}

// openLog opens the log on standard error. Libraries that use the standard library's log write to
// it too, as theirs must not wait either.
func openLog(c configs.Log) (log *logging.Log, closeLog func()) {
	signal.Ignore(syscall.SIGPIPE) // else a write to a closed log ends the process
	o := logging.Options{Format: logging.Format(c.Format)}
	_ = o.Level.UnmarshalText([]byte(c.Level)) // a level that was checked
	log = logging.New(os.Stderr, o)
	slog.SetDefault(log.Logger())
	return log, func() {
		ctx, cancel := context.WithTimeout(context.Background(), logTimeout)
		defer cancel()
		_ = log.Close(ctx) // there is nowhere to report it
	}
}

// pageURL returns the address to open in a browser.
func pageURL(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return "http://" + a.String()
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port) + "/"
}

func gatewayOptions(c configs.Config, e *engine.Engine, m *gateway.Metrics, log *slog.Logger, page fs.FS) gateway.Options {
	o := gateway.Options{
		Engine: e, Metrics: m, Log: log, Playground: page,
		MaxBody:           int64(c.Server.MaxBody),
		ReadHeaderTimeout: c.Server.ReadHeaderTimeout,
		BodyTimeout:       c.Server.BodyTimeout,
		Heartbeat:         c.Streams.Heartbeat,
		WriteTimeout:      c.Streams.WriteTimeout,
		Retry:             c.Streams.Retry,
		Buffer:            int(c.Streams.Resume.Buffer),
		Window:            c.Streams.Resume.Window,
		Connections:       c.Server.MaxConnections.Total,
		PerAddress:        c.Server.MaxConnections.PerAddress,
		LogContent:        c.Log.Content,
		Compat: gateway.Compat{
			Truss:     slices.Contains(c.Compat, configs.CompatTruss),
			SageMaker: slices.Contains(c.Compat, configs.CompatSageMaker),
		},
	}
	for _, h := range c.Server.Hosts {
		o.Hosts = append(o.Hosts, string(h))
	}
	for _, n := range c.Server.TrustedProxies {
		o.TrustedProxies = append(o.TrustedProxies, n.Prefix)
	}
	if c.Server.CORS != nil {
		for _, origin := range c.Server.CORS.Origins {
			o.Origins = append(o.Origins, string(origin))
		}
	}
	return o
}
