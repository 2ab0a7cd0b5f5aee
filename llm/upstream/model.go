package upstream

import (
	"cmp"
	"context"
	"fmt"
	"sync"

	"penstock/dialect"
	"penstock/engine"
	"penstock/failover"
	"penstock/outbound"
)

// model is a Config in use.
type model struct {
	config  Config
	servers []*server // as in the configuration
	pool    *failover.Pool
	batches sync.Pool      // of *[]dialect.Delta; streams need one only while events arrive
	drains  sync.WaitGroup // responses whose last bytes are being read

	refreshing chan struct{} // holds one element while lists of models are requested
	listed     sync.Mutex    // guards the servers' listings
}

func newModel(c Config) (*model, error) {
	c.MaxEvent = cmp.Or(c.MaxEvent, DefaultMaxEvent)
	m := &model{config: c, refreshing: make(chan struct{}, 1)}
	var servers []failover.Server
	for i, s := range c.Servers {
		connection := s.Connection
		connection.Connect, connection.Keep, connection.Dial = c.Timeouts.Connect, c.Gate.Permits, c.dial
		out, err := outbound.New(s.BaseURL, connection)
		if err != nil {
			return nil, fmt.Errorf("server %d: %w", i, err)
		}
		m.servers = append(m.servers, &server{Server: s, out: out})
		servers = append(servers, failover.Server{Name: s.Name, Priority: s.Priority, Weight: s.Weight})
	}
	m.pool = failover.New(failover.Config{
		Model: c.Name, Servers: servers, FailoverAfter: c.Timeouts.FailoverAfter, Total: c.Timeouts.Total,
		Observer: c.Observer, Log: c.Log,
	})
	m.batches.New = func() any { return new([]dialect.Delta) }
	return m, nil
}

// close waits for the rests of responses and closes the connections.
func (m *model) close() error {
	m.drains.Wait()
	for _, s := range m.servers {
		s.out.CloseIdleConnections()
	}
	return nil
}

// generation is a request to generate, ready for every server.
type generation struct {
	request
	client  *dialect.Request
	remote  dialect.Remote
	matches bool // its responses can be compared, and one can continue where another was cut
}

func (m *model) register(to *engine.Model) {
	engine.Generates(to, "generate", engine.Generator[*dialect.Request, *generation, dialect.Delta]{
		Preprocess: func(_ context.Context, r *dialect.Request) (*generation, error) { return m.prepare(r) },
		Generate:   m.generate,
		Waits:      true,
	})
	engine.Predicts(to, "embed", engine.Predictor[*dialect.EmbeddingCall, *request, *dialect.EmbeddingResponse, *dialect.EmbeddingResponse]{
		Preprocess: func(_ context.Context, c *dialect.EmbeddingCall) (*request, error) { return m.embedding(c) },
		Predict:    m.embed,
		Postprocess: func(_ context.Context, r *dialect.EmbeddingResponse) (*dialect.EmbeddingResponse, error) {
			return r, nil
		},
	})
}

func (m *model) prepare(r *dialect.Request) (*generation, error) {
	name, err := m.matched(r.Model)
	if err != nil {
		return nil, err
	}
	g := &generation{client: r, remote: dialect.OpenAIRemote(r)}
	body, err := g.remote.Body(r)
	if err != nil {
		return nil, dialect.ErrorOf(err)
	}
	translated := g.remote.Name() != r.Dialect
	g.request = request{expect: r.Expectation, name: name, path: g.remote.Path(), body: body, stream: r.Stream, credential: r.Credential, header: m.forwarding(&r.Call), pass: r.Passthrough}
	if translated || r.Passthrough == nil {
		g.stream, g.pass = true, nil
	}
	g.request.gather = g.gather
	g.matches = m.config.Match && r.Choices == 1 && g.remote.Name() != dialect.Responses
	return g, nil
}

// generate sends the request, and passes the response on: a stream as deltas, a whole response to
// the request's Passthrough.
func (m *model) generate(ctx context.Context, g *generation, emit func(...dialect.Delta) error) (engine.End, error) {
	if g.stream {
		return m.relay(ctx, g, emit)
	}
	usage, err := m.copyWhole(ctx, &g.request, g.pass)
	if err != nil {
		return engine.Unfinished(usage), err
	}
	return engine.Ended("", usage), nil // the client gets the server's own reason
}

const pathEmbeddings = "/embeddings"

func (m *model) embedding(c *dialect.EmbeddingCall) (*request, error) {
	name, err := m.matched(c.Model)
	if err != nil {
		return nil, err
	}
	body, err := c.OwnBody()
	if err != nil {
		return nil, dialect.ErrorOf(err)
	}
	return &request{expect: c.Expectation, name: name, path: pathEmbeddings, body: body, credential: c.Credential, header: m.forwarding(&c.Call), pass: c.Passthrough}, nil
}

// embed sends the request. It returns only the usage if the request's Passthrough has the response.
func (m *model) embed(ctx context.Context, r *request) (*dialect.EmbeddingResponse, error) {
	if r.pass != nil {
		usage, err := m.copyWhole(ctx, r, r.pass)
		return &dialect.EmbeddingResponse{Usage: dialect.EmbeddingUsage{
			PromptTokens: usage.PromptTokens, TotalTokens: usage.PromptTokens, Estimated: usage.Estimated,
		}}, err
	}
	var k keeper
	if _, err := m.copyWhole(ctx, r, &k); err != nil {
		return nil, err
	}
	return k.embeddings()
}
