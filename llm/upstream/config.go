package upstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"time"

	"penstock/dialect"
	"penstock/engine"
	"penstock/failover"
	"penstock/outbound"
)

// Config describes a model of other servers.
type Config struct {
	Name     string   // may be a pattern, as engine.Matched has it
	Servers  []Server // at least one
	Timeouts Timeouts
	// MaxAnswer bounds the bytes of a whole response, decompressed, and of the events that one is
	// made of; 0: DefaultMaxAnswer.
	MaxAnswer int64
	// MaxEvent bounds the bytes of one event of a stream, with its field names and line ends; 0:
	// DefaultMaxEvent.
	MaxEvent int

	Match    bool                // continue a stream that failed by a second response that repeats it
	Pass     []dialect.PassRoute // routes that are passed through, by the verb "pass"
	Gate     engine.GateConfig   // the model's own
	Observer failover.Observer   // nil: none
	Log      *slog.Logger        // nil: slog.Default()

	// ForwardHeaders are the headers of clients that are passed on; see outbound.Forward. nil:
	// outbound.DefaultForward, and, with the client's own key, OpenAI-Organization and
	// OpenAI-Project.
	ForwardHeaders []string

	// dial replaces the network in tests.
	dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// DefaultAfterFinish is the Timeouts.AfterFinish of a Config without one.
const DefaultAfterFinish = 30 * time.Second

// DefaultMaxAnswer is the MaxAnswer of a Config without one.
const DefaultMaxAnswer = 64 << 20

// DefaultMaxEvent is the MaxEvent of a Config without one: image models send events of 10 MB.
const DefaultMaxEvent = 64 << 20

// Server is one OpenAI-compatible server.
type Server struct {
	Name                 string // in logs, metrics and X-Penstock-Upstream
	BaseURL              string // "https://api.openai.com/v1"
	APIKey               string // "" sends none
	Model                string // the model's name there; a * is what the * of Config.Name matched
	Priority             int    // the lowest is used first; servers of one priority share the load
	Weight               int    // the server's share among them; at least 1
	ForwardAuthorization bool   // send the client's own key, if it has one, in place of APIKey
	NoUsage              bool   // never ask for the usage of a stream: the server refuses stream_options
	AlwaysUsage          bool   // ask for it in every request, also after the server has refused it once

	// Connection is how the server is reached. Its Connect, Keep and Dial are the model's.
	Connection outbound.Config
}

// Timeouts are how long a server may take, and how long it may be silent. Any byte ends a silence:
// a comment, an empty line, an event without content. The first four are above 0.
type Timeouts struct {
	Connect       time.Duration // to an open connection, TLS included
	FirstToken    time.Duration // from there to the first content of a stream, whatever comes before it
	BetweenTokens time.Duration // of silence in the middle of a response
	Whole         time.Duration // from the connection to the head of a response that is not streamed

	// AfterFinish is the silence after the last finish_reason that completes a stream without
	// [DONE]. 0: DefaultAfterFinish.
	AfterFinish time.Duration

	// FailoverAfter is the silence after which the next free server is sent the request as well, as
	// long as no content has arrived, or, with Match, in the middle of a stream. What continues
	// first is passed on, and the other request is canceled. 0: never.
	FailoverAfter time.Duration

	// Total bounds the time of a response from the beginning to its last byte, with all attempts;
	// 0: it has no bound.
	Total time.Duration
}

// Add adds the model and its verbs to the engine. Its error says what is wrong with the
// configuration; no server is contacted before the first request.
func Add(e *engine.Engine, c Config) (*engine.Model, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("model %q: %w", c.Name, err)
	}
	if c.MaxAnswer == 0 {
		c.MaxAnswer = DefaultMaxAnswer
	}
	if c.Timeouts.AfterFinish == 0 {
		c.Timeouts.AfterFinish = DefaultAfterFinish
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	m, err := newModel(c)
	if err != nil {
		return nil, fmt.Errorf("model %q: %w", c.Name, err)
	}
	added := e.Add(c.Name, engine.Lifecycle{Kind: "openai", Gate: &c.Gate, Close: m.close, List: m.list, Routes: routes(c.Pass)})
	m.register(added)
	m.registerPass(added)
	return added, nil
}

func (c *Config) check() error {
	var errs []error
	if len(c.Servers) == 0 {
		errs = append(errs, errors.New("it has no servers"))
	}
	for i, s := range c.Servers {
		u, err := url.Parse(s.BaseURL)
		if err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
			// It is not shown: it may hold a password.
			errs = append(errs, fmt.Errorf("server %d: its URL is not an http or https URL without a user", i))
		}
		if s.Name == "" || s.Model == "" || s.Weight < 1 {
			errs = append(errs, fmt.Errorf("server %d: it needs a name, a model and a weight of at least 1", i))
		}
	}
	if t := c.Timeouts; min(t.Connect, t.FirstToken, t.BetweenTokens, t.Whole) <= 0 {
		errs = append(errs, errors.New("every timeout must be above 0"))
	}
	if c.MaxAnswer < 0 || c.MaxEvent < 0 || min(c.Timeouts.Total, c.Timeouts.FailoverAfter, c.Timeouts.AfterFinish) < 0 {
		errs = append(errs, errors.New("MaxAnswer, MaxEvent, and Timeouts.Total, FailoverAfter and AfterFinish must not be below 0"))
	}
	return errors.Join(errs...)
}
