package httpmodel

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"penstock/engine"
	"penstock/failover"
	"penstock/outbound"
)

// Config describes a model of HTTP servers. It has Predict, Stream or both, and no Postprocess
// beside a Stream.
type Config struct {
	Name string

	Preprocess  *Endpoint // outside the gate; its response is the input of Predict and Stream
	Predict     *Endpoint // gives a whole result
	Stream      *Stream   // generates
	Postprocess *Endpoint // outside the gate; its response is the result

	Health   *Health // nil: the model is ready at once, and always
	Timeouts Timeouts
	// MaxAnswer bounds the bytes of a whole response, decompressed; MaxEvent those of one event or
	// line of a stream.
	MaxAnswer int64
	MaxEvent  int

	Gate    *engine.GateConfig // the model's own; nil: the one that local models share
	Forward []string           // names of client headers that are passed on; nil: outbound.DefaultForward

	Observer failover.Observer // nil: none
	Log      *slog.Logger      // nil: slog.Default()
}

// Endpoint is what does one step of a model: a URL, or one on each of several servers, of which the
// first is used first.
type Endpoint struct {
	Servers    []Server
	Method     string
	Timeout    time.Duration   // of one request, until the whole response has been read; unused by a Stream
	Connection outbound.Config // how the servers are reached; Connect and Keep are set here
}

// Server is one server's URL of an endpoint.
type Server struct {
	Name string // in logs and metrics
	URL  string // without a query
}

// Stream is the endpoint of a generator.
type Stream struct {
	Endpoint
	Format Format
	End    string // FormatSSE: the name of one more event that ends a stream well; may be empty
}

// Health checks by a GET of a server whether the model can be used, which a 2xx means.
type Health struct {
	URL               string
	Interval, Timeout time.Duration
	Connection        outbound.Config
}

// Timeouts are how long a server may take, apart from Endpoint.Timeout. All but the last two are
// above 0.
type Timeouts struct {
	Connect       time.Duration // to an open connection, TLS included
	FirstToken    time.Duration // from there to the first chunk of a stream
	BetweenTokens time.Duration // of silence in the middle of a stream
	FailoverAfter time.Duration // of silence, before the next server is sent the request as well; 0: never
	Total         time.Duration // of a step, with all attempts; 0: no bound
}

// check returns what is wrong with a configuration.
func (c *Config) check() error {
	var errs []error
	if c.Predict == nil && c.Stream == nil {
		errs = append(errs, errors.New("it needs a predict or a stream"))
	}
	if c.Stream != nil && c.Postprocess != nil {
		errs = append(errs, engine.ErrGeneratorPostprocess)
	}
	if t := c.Timeouts; min(t.Connect, t.FirstToken, t.BetweenTokens) <= 0 || min(t.FailoverAfter, t.Total) < 0 {
		errs = append(errs, errors.New("timeouts must be above 0"))
	}
	if c.MaxAnswer <= 0 || c.MaxEvent <= 0 {
		errs = append(errs, errors.New("MaxAnswer and MaxEvent must be above 0"))
	}
	for _, e := range []*Endpoint{c.Preprocess, c.Predict, c.Postprocess} {
		if e != nil && (len(e.Servers) == 0 || e.Timeout <= 0) {
			errs = append(errs, errors.New("an endpoint needs a server and a timeout"))
		}
	}
	if s := c.Stream; s != nil && (len(s.Servers) == 0 || s.Format != FormatSSE && s.Format != FormatJSON && s.Format != FormatText) {
		errs = append(errs, fmt.Errorf("a stream needs a server, and a format other than %q", s.Format))
	}
	return errors.Join(errs...)
}
