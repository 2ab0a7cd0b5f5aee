package kinds

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"
	"time"

	"penstock/app"
	"penstock/configs"
	"penstock/failover"
	"penstock/gateway"
	"penstock/llm/upstream"
)

// OpenAIOptions are the options of kind openai: any OpenAI-compatible server.
type OpenAIOptions struct {
	Concurrency int        `yaml:"concurrency" default:"64" min:"1" max:"1000000"` // permits of the model's own gate
	Upstreams   []Upstream `yaml:"upstreams" min:"1" max:"100"`
	Timeouts    Timeouts   `yaml:"timeouts"`
	Midstream   Midstream  `yaml:"midstream" default:"off"`

	Usage Usage `yaml:"usage" default:"ask"` // of upstreams without one of their own

	ForwardHeaders ForwardHeaders `yaml:"forward_headers" default:"" max:"100"` // of clients, for upstreams

	MaxAnswer configs.Bytes `yaml:"max_answer" default:"64MiB" min:"64KiB" max:"1TiB"` // of a response that is not streamed
	MaxEvent  configs.Bytes `yaml:"max_event" default:"64MiB" min:"64KiB" max:"1GiB"`  // of one event of a stream

	Pass []PassRoute `yaml:"pass" default:"" max:"100"` // routes that are passed through; nil: passedByDefault
}

// Upstream is one server that has the model.
type Upstream struct {
	BaseURL configs.BaseURL `yaml:"base_url"`
	APIKey  configs.Secret  `yaml:"api_key" default:""`
	// APIKeyFile is the file that holds the key, in place of APIKey. It is read once, at start.
	APIKeyFile configs.Path `yaml:"api_key_file" default:""`
	Model      string       `yaml:"model" default:""` // its name there; "": the model's own, or what its * matched
	// Priority orders upstreams, the lowest first; equals share the load by Weight. 0: its position
	// in the list, counted from 1.
	Priority             int   `yaml:"priority" default:"0" min:"1" max:"1000"`
	Weight               int   `yaml:"weight" default:"1" min:"1" max:"1000"`
	ForwardAuthorization bool  `yaml:"forward_authorization" default:"false"` // pass the client's own key on
	Usage                Usage `yaml:"usage" default:""`                      // "": the model's

	Connection `yaml:",inline"`
}

// Usage is whether an upstream is asked for the usage of a stream whose client has not asked.
type Usage string

// It is asked until it has refused stream_options once, or for every stream, or never.
const (
	UsageAsk    Usage = "ask"
	UsageAlways Usage = "always"
	UsageOff    Usage = "off"
)

// UnmarshalText parses ask, always and off.
func (u *Usage) UnmarshalText(text []byte) error {
	*u = Usage(text)
	return configs.OneOf(string(text), string(UsageAsk), string(UsageAlways), string(UsageOff))
}

// Timeouts bound how long an upstream may take, and how long it may be silent: without one byte.
type Timeouts struct {
	Connect time.Duration `yaml:"connect" default:"5s" min:"1ms" max:"1h"`
	// FailoverAfter is the silence after which the next free upstream is sent the request as well.
	// 0: never.
	FailoverAfter time.Duration `yaml:"failover_after" default:"10s" min:"0s" max:"1h"`
	FirstToken    time.Duration `yaml:"first_token" default:"10m" min:"1ms" max:"24h"`   // to the first content of a stream
	BetweenTokens time.Duration `yaml:"between_tokens" default:"2m" min:"1ms" max:"24h"` // of silence in the middle
	Whole         time.Duration `yaml:"whole" default:"10m" min:"1ms" max:"24h"`         // to the head of a response that is not streamed
	AfterFinish   time.Duration `yaml:"after_finish" default:"30s" min:"1ms" max:"1h"`   // of silence that ends a response without [DONE]
	Total         time.Duration `yaml:"total" default:"1h" min:"1ms" max:"24h"`          // of a response, with all attempts
}

// Midstream is what happens when an upstream fails in the middle of a stream.
type Midstream string

// The stream fails, or is requested again and continued after the text already sent, if the new one
// repeats it.
const (
	MidstreamOff   Midstream = "off"
	MidstreamMatch Midstream = "match"
)

// UnmarshalText parses off and match.
func (m *Midstream) UnmarshalText(text []byte) error {
	*m = Midstream(text)
	return configs.OneOf(string(text), string(MidstreamOff), string(MidstreamMatch))
}

// Summary names the model's upstreams.
func (o OpenAIOptions) Summary() string {
	var urls []string
	for _, upstream := range o.Upstreams {
		urls = append(urls, string(upstream.BaseURL))
	}
	return strings.Join(urls, ", ")
}

func addOpenAI(env app.Env, name string, o OpenAIOptions) error {
	gate := env.Gate
	gate.Permits = o.Concurrency
	list, err := servers(name, o.Usage, o.Upstreams)
	if err != nil {
		return err
	}
	for i, u := range o.Upstreams {
		u.warn(env.Log, name, list[i].Name)
	}
	_, err = upstream.Add(env.Engine, upstream.Config{
		Name:    name,
		Servers: list,
		Timeouts: upstream.Timeouts{
			Connect: o.Timeouts.Connect, FailoverAfter: o.Timeouts.FailoverAfter, FirstToken: o.Timeouts.FirstToken,
			BetweenTokens: o.Timeouts.BetweenTokens, Whole: o.Timeouts.Whole, AfterFinish: o.Timeouts.AfterFinish, Total: o.Timeouts.Total,
		},
		MaxAnswer: int64(o.MaxAnswer),
		MaxEvent:  int(o.MaxEvent),
		Match:     o.Midstream == MidstreamMatch,
		Pass:      passRoutes(o.Pass),
		Gate:      gate,
		Observer:  upstreamMetrics{env.Metrics},

		ForwardHeaders: o.ForwardHeaders,
		Log:            env.Log,
	})
	return err
}

// servers fills in what the list leaves out. A server is named by its host, and a second one on the
// same host by its position in the list too.
func servers(model string, usage Usage, list []Upstream) ([]upstream.Server, error) {
	var out []upstream.Server
	taken := map[string]bool{}
	for i, u := range list {
		name := string(u.BaseURL)
		if parsed, err := url.Parse(name); err == nil {
			name = parsed.Host
		}
		if taken[name] {
			name = fmt.Sprintf("%s#%d", name, i+1)
		}
		taken[name] = true
		key, err := u.key()
		if err != nil {
			return nil, fmt.Errorf("upstreams[%d].api_key_file: %w", i, err)
		}
		out = append(out, upstream.Server{
			Name: name, BaseURL: string(u.BaseURL), APIKey: key.Reveal(),
			Model: cmp.Or(u.Model, upstreamModel(model)), Priority: cmp.Or(u.Priority, i+1), Weight: u.Weight,
			ForwardAuthorization: u.ForwardAuthorization, Connection: u.config(),
			NoUsage: cmp.Or(u.Usage, usage) == UsageOff, AlwaysUsage: cmp.Or(u.Usage, usage) == UsageAlways,
		})
	}
	return out, nil
}

// upstreamMetrics counts requests to upstreams.
type upstreamMetrics struct{ *gateway.Metrics }

// Attempted implements failover.Observer.
func (u upstreamMetrics) Attempted(model, server string, o failover.Outcome) {
	u.UpstreamAsked(model, server, string(o))
}
