package upstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"time"

	"penstock/engine"
)

// Config describes a model that lives on other servers.
type Config struct {
	Name     string
	Servers  []Server // at least one
	Timeouts Timeouts
	Match    bool              // after a fault in mid-stream ask again and go on where the answer broke off
	Gate     engine.GateConfig // the model's own
	Observer Observer          // nil: nobody watches
	Log      *slog.Logger      // nil: slog.Default()

	// dial replaces the network in tests.
	dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Server is one OpenAI-compatible server.
type Server struct {
	Name                 string // in logs, metrics and X-Penstock-Upstream
	BaseURL              string // "https://api.openai.com/v1"
	APIKey               string // "" sends none
	Model                string // the model's name there
	Priority             int    // the lowest is asked first; equals share the load
	Weight               int    // of the load among equals; at least 1
	ForwardAuthorization bool   // send the client's own key, where it has one, in place of APIKey
}

// Timeouts bound silences, each from the moment the one before it is over. All are
// above 0.
type Timeouts struct {
	Connect       time.Duration // to an open connection, TLS included
	FirstToken    time.Duration // from there to the first token of a streamed answer
	BetweenTokens time.Duration // from token to token, or from piece to piece of a whole answer's body
	Whole         time.Duration // to the head of a whole answer, which comes once all of it has been generated
}

// Outcome is how one request to a server ended.
type Outcome string

// The outcomes of requests to servers.
const (
	OutcomeOK           Outcome = "ok"           // answered whole
	OutcomeRescued      Outcome = "rescued"      // went on whole where another answer had broken off
	OutcomeRejected     Outcome = "rejected"     // a 4xx that the client got
	OutcomeRateLimited  Outcome = "rate_limited" // 429, or 503 with Retry-After
	OutcomeUnauthorized Outcome = "unauthorized" // our key was refused
	OutcomeError        Outcome = "error"        // 5xx, an error event, or something that is no answer at all
	OutcomeUnreachable  Outcome = "unreachable"  // no connection
	OutcomeTimeout      Outcome = "timeout"
	OutcomeCut          Outcome = "cut"      // broke off
	OutcomeDiffers      Outcome = "differs"  // did not repeat what the client already had
	OutcomeCanceled     Outcome = "canceled" // the client left
)

// Observer is told about requests to servers. It is called from many goroutines.
type Observer interface {
	// Asked is called at the end of each request to a server.
	Asked(model, server string, o Outcome)
}

type nobody struct{}

func (nobody) Asked(string, string, Outcome) {}

// Add adds the model and its verbs to the engine. Its error tells what is wrong with the
// configuration; nothing is asked of the servers before the first request.
func Add(e *engine.Engine, c Config) (*engine.Model, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("model %q: %w", c.Name, err)
	}
	if c.Observer == nil {
		c.Observer = nobody{}
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	m := newModel(c)
	added := e.Add(c.Name, engine.Lifecycle{Kind: "openai", Gate: &c.Gate, Close: m.close})
	m.register(added)
	return added, nil
}

func (c *Config) check() error {
	var errs []error
	if len(c.Servers) == 0 {
		errs = append(errs, errors.New("no server is named"))
	}
	for i, s := range c.Servers {
		u, err := url.Parse(s.BaseURL)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			errs = append(errs, fmt.Errorf("server %d: %q is no http or https URL", i, s.BaseURL))
		}
		if s.Name == "" || s.Model == "" || s.Weight < 1 {
			errs = append(errs, fmt.Errorf("server %d: it needs a name, a model and a weight of at least 1", i))
		}
	}
	if t := c.Timeouts; min(t.Connect, t.FirstToken, t.BetweenTokens, t.Whole) <= 0 {
		errs = append(errs, errors.New("every timeout must be above 0"))
	}
	return errors.Join(errs...)
}
