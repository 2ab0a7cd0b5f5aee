package kinds

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"penstock/app"
	"penstock/configs"
	"penstock/httpmodel"
)

// HTTPOptions are the options of kind http: a model that is any HTTP server.
type HTTPOptions struct {
	Preprocess  *HTTPEndpoint `yaml:"preprocess"`
	Predict     *HTTPEndpoint `yaml:"predict"`
	Stream      *HTTPStream   `yaml:"stream"`
	Postprocess *HTTPEndpoint `yaml:"postprocess"`

	Gate           Gate           `yaml:"gate" default:""`                               // "": its own, of Concurrency permits
	Concurrency    int            `yaml:"concurrency" default:"0" min:"1" max:"1000000"` // 0: 64
	Health         *HTTPHealth    `yaml:"health"`
	ForwardHeaders ForwardHeaders `yaml:"forward_headers" default:"" max:"100"` // of clients, for all endpoints
	Timeouts       HTTPTimeouts   `yaml:"timeouts"`

	MaxAnswer configs.Bytes `yaml:"max_answer" default:"64MiB" min:"64KiB" max:"1TiB"` // of a whole response
	MaxEvent  configs.Bytes `yaml:"max_event" default:"64MiB" min:"64KiB" max:"1GiB"`  // of one event or line of a stream
}

// defaultConcurrency is the number of permits of a model's own gate.
const defaultConcurrency = 64

// HTTPEndpoint is what does one step of a model, and gives a whole result.
type HTTPEndpoint struct {
	HTTPTarget `yaml:",inline"`
	Timeout    time.Duration `yaml:"timeout" default:"60s" min:"1ms" max:"24h"` // of one request
}

// HTTPStream is what generates.
type HTTPStream struct {
	HTTPTarget `yaml:",inline"`
	Format     StreamFormat `yaml:"format" default:"sse"`
	End        EventName    `yaml:"end" default:""` // one more event that ends a stream of server-sent events well
}

// HTTPTarget is where the requests of a step are sent.
type HTTPTarget struct {
	URL        configs.EndpointURL   `yaml:"url" default:""`
	URLs       []configs.EndpointURL `yaml:"urls" default:"[]" min:"1" max:"100"` // in the place of URL: the first is used first
	Method     Method                `yaml:"method" default:"POST"`
	Connection `yaml:",inline"`
}

// HTTPHealth checks by a GET whether a model can be used.
type HTTPHealth struct {
	URL        configs.EndpointURL `yaml:"url"`
	Interval   time.Duration       `yaml:"interval" default:"10s" min:"10ms" max:"1h"`
	Timeout    time.Duration       `yaml:"timeout" default:"5s" min:"1ms" max:"1h"`
	Connection `yaml:",inline"`
}

// HTTPTimeouts bound how long a server may take, beside the timeouts of endpoints.
type HTTPTimeouts struct {
	Connect       time.Duration `yaml:"connect" default:"5s" min:"1ms" max:"1h"`
	FailoverAfter time.Duration `yaml:"failover_after" default:"10s" min:"0s" max:"1h"`  // of silence; 0: never
	FirstToken    time.Duration `yaml:"first_token" default:"10m" min:"1ms" max:"24h"`   // to the first chunk of a stream
	BetweenTokens time.Duration `yaml:"between_tokens" default:"2m" min:"1ms" max:"24h"` // of silence in the middle
	Total         time.Duration `yaml:"total" default:"1h" min:"1ms" max:"24h"`          // of a step, with all attempts
}

// Gate is the gate of a model.
type Gate string

// GateShared is the one that local models share.
const GateShared Gate = "shared"

// UnmarshalText parses shared.
func (g *Gate) UnmarshalText(text []byte) error {
	*g = Gate(text)
	return configs.OneOf(string(text), string(GateShared))
}

// Method is the method of a request to an endpoint.
type Method string

// UnmarshalText parses a method.
func (m *Method) UnmarshalText(text []byte) error {
	*m = Method(text)
	return configs.OneOf(string(text), http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodGet)
}

// StreamFormat is how chunks are written in the response of a stream.
type StreamFormat string

// UnmarshalText parses sse, ndjson and text.
func (f *StreamFormat) UnmarshalText(text []byte) error {
	*f = StreamFormat(text)
	return configs.OneOf(string(text), string(httpmodel.FormatSSE), string(httpmodel.FormatJSON), string(httpmodel.FormatText))
}

// EventName is the name of a server-sent event.
type EventName string

// UnmarshalText parses a name that stands for an end.
func (n *EventName) UnmarshalText(text []byte) error {
	switch name := string(text); {
	case name == "error" || name == "failed":
		return fmt.Errorf("must be another name: an event %s is the failure of a stream", name)
	case strings.ContainsAny(name, "\r\n\x00"):
		return fmt.Errorf("must be the name of an event: one line of text")
	}
	*n = EventName(text)
	return nil
}

// Check implements configs.Checker.
func (o HTTPOptions) Check(report func(key, problem string)) {
	if o.Predict == nil && o.Stream == nil {
		report("predict", "is missing: a model of kind http has predict, stream or both")
	}
	if o.Gate != "" && o.Concurrency != 0 {
		report("concurrency", "stands beside gate: shared, whose permits are runtime.predict_concurrency: leave one of them out")
	}
	for key, t := range o.targets() {
		t.check(key, report)
	}
	o.ForwardHeaders.check(report)
	if h := o.Health; h != nil {
		h.check(string(h.URL), "health", report)
	}
	if s := o.Stream; s != nil && s.End != "" && s.Format != StreamFormat(httpmodel.FormatSSE) {
		report("stream.end", fmt.Sprintf("is for format: sse; a stream of format: %s ends with its response", s.Format))
	}
}

// targets returns the targets of the model's steps by their keys.
func (o HTTPOptions) targets() map[string]HTTPTarget {
	list := map[string]HTTPTarget{}
	for key, e := range map[string]*HTTPEndpoint{"preprocess": o.Preprocess, "predict": o.Predict, "postprocess": o.Postprocess} {
		if e != nil {
			list[key] = e.HTTPTarget
		}
	}
	if o.Stream != nil {
		list["stream"] = o.Stream.HTTPTarget
	}
	return list
}

// check reports what is wrong with the target whose keys begin with key.
func (t HTTPTarget) check(key string, report func(key, problem string)) {
	found := map[[2]string]bool{} // what is wrong with several of them is reported once
	for _, u := range t.urls() {
		t.Connection.check(string(u), key, func(key, problem string) {
			if !found[[2]string{key, problem}] {
				found[[2]string{key, problem}] = true
				report(key, problem)
			}
		})
	}
	switch {
	case t.URL == "" && len(t.URLs) == 0:
		report(key+".url", "is missing")
	case t.URL != "" && len(t.URLs) > 0:
		report(key+".urls", "stands beside url: leave one of them out")
	}
}

func (t HTTPTarget) urls() []configs.EndpointURL {
	if t.URL != "" {
		return []configs.EndpointURL{t.URL}
	}
	return t.URLs
}

// Summary names the endpoints of predict and stream.
func (o HTTPOptions) Summary() string {
	var parts []string
	for _, key := range []string{"predict", "stream"} {
		var urls []string
		for _, u := range o.targets()[key].urls() {
			urls = append(urls, string(u))
		}
		if urls != nil {
			parts = append(parts, key+" "+strings.Join(urls, ", "))
		}
	}
	return strings.Join(parts, "; ")
}

func addHTTP(env app.Env, name string, o HTTPOptions) error {
	t := o.Timeouts
	c := httpmodel.Config{
		Name:       name,
		Preprocess: o.Preprocess.endpoint(), Predict: o.Predict.endpoint(), Postprocess: o.Postprocess.endpoint(),
		Timeouts: httpmodel.Timeouts{
			Connect: t.Connect, FailoverAfter: t.FailoverAfter, FirstToken: t.FirstToken, BetweenTokens: t.BetweenTokens, Total: t.Total,
		},
		MaxAnswer: int64(o.MaxAnswer), MaxEvent: int(o.MaxEvent), Forward: o.ForwardHeaders,
		Observer: upstreamMetrics{env.Metrics}, Log: env.Log,
	}
	if s := o.Stream; s != nil {
		c.Stream = &httpmodel.Stream{
			Endpoint: httpmodel.Endpoint{Servers: s.servers(), Method: string(s.Method), Connection: s.config()},
			Format:   httpmodel.Format(s.Format), End: string(s.End),
		}
	}
	if h := o.Health; h != nil {
		c.Health = &httpmodel.Health{URL: string(h.URL), Interval: h.Interval, Timeout: h.Timeout, Connection: h.config()}
	}
	if o.Gate != GateShared {
		gate := env.Gate
		gate.Permits = cmp.Or(o.Concurrency, defaultConcurrency)
		c.Gate = &gate
	}
	if _, err := httpmodel.Add(env.Engine, c); err != nil {
		return err
	}
	o.warn(env, name)
	return nil
}

// warn logs what makes connections insecure.
func (o HTTPOptions) warn(env app.Env, name string) {
	for _, t := range o.targets() {
		for _, s := range t.servers() {
			t.warn(env.Log, name, s.Name)
		}
	}
	if h := o.Health; h != nil {
		h.warn(env.Log, name, "its health check")
	}
}

// endpoint returns the endpoint of a step; e may be nil.
func (e *HTTPEndpoint) endpoint() *httpmodel.Endpoint {
	if e == nil {
		return nil
	}
	return &httpmodel.Endpoint{Servers: e.servers(), Method: string(e.Method), Timeout: e.Timeout, Connection: e.config()}
}

// servers returns the servers of the URLs. A server is named by its host, and a second one on the
// same host by its position in the list too.
func (t HTTPTarget) servers() (list []httpmodel.Server) {
	taken := map[string]bool{}
	for i, u := range t.urls() {
		name := string(u)
		if parsed, err := url.Parse(name); err == nil {
			name = parsed.Host
		}
		if taken[name] {
			name = fmt.Sprintf("%s#%d", name, i+1)
		}
		taken[name] = true
		list = append(list, httpmodel.Server{Name: name, URL: string(u)})
	}
	return list
}
