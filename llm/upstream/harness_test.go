package upstream

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/engine"
	"penstock/failover"
	test "penstock/llm/upstream/upstreamtest"
	"penstock/sse"
	"penstock/stream"
	"penstock/test/memnet"
)

// fixture is a model with its upstreams, in one bubble of virtual time.
type fixture struct {
	t        *testing.T
	engine   *engine.Engine
	model    *engine.Model
	config   Config
	attempts *attemptLog
	dials    map[string]func(context.Context) (net.Conn, error) // by "host:port"
	closers  []func()
	charges  chan engine.Usage // of each call
}

// attemptLog is a failover.Observer that collects the outcomes.
type attemptLog struct {
	mu       sync.Mutex
	outcomes []string
}

// Attempted implements failover.Observer.
func (l *attemptLog) Attempted(_, server string, o failover.Outcome) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.outcomes = append(l.outcomes, server+" "+string(o))
}

// String returns the outcomes, each after its server.
func (l *attemptLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.outcomes, ", ")
}

// newFixture returns a fixture with the given upstreams, of which the first is used first; change
// may alter its configuration. The caller closes it at the end of the bubble.
func newFixture(t *testing.T, change func(*Config), upstreams ...http.Handler) *fixture {
	t.Helper()
	f := &fixture{t: t, attempts: &attemptLog{}, charges: make(chan engine.Usage, 10000), dials: map[string]func(context.Context) (net.Conn, error){}}
	f.config = Config{
		Name:     "gpt",
		Timeouts: Timeouts{Connect: 5 * time.Second, FirstToken: 10 * time.Second, BetweenTokens: 15 * time.Second, Whole: time.Minute},
		Gate:     engine.GateConfig{Permits: 100, Queue: 10},
		Observer: f.attempts,
		Log:      logTo(io.Discard),
		dial: func(ctx context.Context, _, address string) (net.Conn, error) {
			if dial := f.dials[address]; dial != nil {
				return dial(ctx)
			}
			return nil, errRefused
		},
	}
	for i, u := range upstreams {
		name := string(rune('a' + i))
		f.config.Servers = append(f.config.Servers, Server{Name: name, BaseURL: "http://" + name + ".test/v1", APIKey: "sk-secret-" + name, Model: "model-" + name, Priority: i + 1, Weight: 1})
		f.serve(name+".test:80", u)
	}
	if change != nil {
		change(&f.config)
	}
	f.engine = engine.New(engine.Options{Gate: engine.GateConfig{Permits: 1}})
	m, err := Add(f.engine, f.config)
	if err != nil {
		t.Fatal(err)
	}
	f.model = m
	f.engine.Load(t.Context())
	synctest.Wait()
	return f
}

func (f *fixture) serve(address string, u http.Handler) {
	listener := memnet.Listen()
	server := &http.Server{Handler: u, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	go server.Serve(listener)
	f.dials[address] = func(ctx context.Context) (net.Conn, error) { return listener.Dial(ctx, "", "") }
	f.closers = append(f.closers, func() { server.Close() })
}

func (f *fixture) close() {
	if err := f.engine.Close(); err != nil {
		f.t.Error(err)
	}
	for _, c := range f.closers {
		c()
	}
}

// head is a dialect.Passthrough that keeps what it is given.
type head struct {
	status int
	header http.Header
	body   strings.Builder
	calls  int
}

// Head implements dialect.Passthrough.
func (h *head) Head(status int, header http.Header) {
	h.calls++
	h.status, h.header = status, header
}

// Write implements dialect.Passthrough.
func (h *head) Write(p []byte) (int, error) { return h.body.Write(p) }

// reply is what a client got.
type reply struct {
	head
	chunks []string // the data of each event but the terminal one, unless that is the server's
	names  []string
	end    engine.End
	usage  dialect.EmbeddingUsage
	err    *apierr.Error
	took   time.Duration

	opening []string // names of the events before the terminal one of a stream without others
}

const chatBody = `{"model":"gpt","stream":true,"stream_options":{"include_usage":true},"unknown":{"model":"x"},"messages":[{"role":"user","content":"hi"}]}`

// codecs are the codecs of the dialects.
var codecs = map[dialect.Name]dialect.Codec{
	dialect.Native: dialect.NewNative(), dialect.Chat: dialect.NewChat(),
	dialect.Completions: dialect.NewCompletions(), dialect.Responses: dialect.NewResponses(),
}

func (f *fixture) stream(d dialect.Name, body string) *reply {
	return f.streamUntil(context.Background(), d, dialect.Input{Body: []byte(body)})
}

// streamUntil streams a response until it ends, or ctx does.
func (f *fixture) streamUntil(ctx context.Context, d dialect.Name, in dialect.Input) *reply {
	f.t.Helper()
	r := &reply{}
	begin := time.Now()
	defer func() { r.took = time.Since(begin) }()
	in.MediaType = "application/json"
	request, err := codecs[d].Decode(in)
	if err != nil {
		r.err = dialect.ErrorOf(err)
		return r
	}
	request.Stream, request.Credential, request.Passthrough = true, "client-key", &r.head
	verb, call := f.admit()
	defer call.Close()
	s, err := verb.Start(ctx, call, request, &encoder{codecs[d].Stream(request), &r.end}, engine.StreamOptions{})
	if err != nil {
		r.err = apierr.From(err)
		return r
	}
	if err := s.Serve(ctx, 0, 0, &sink{r, d}); err != nil {
		r.err = apierr.From(err)
	}
	return r
}

func (f *fixture) admit() (*engine.Generation[*dialect.Request, dialect.Delta], *engine.Call) {
	f.t.Helper()
	verb, ok := engine.GenerationOf[*dialect.Request, dialect.Delta](f.model, "generate")
	if !ok {
		f.t.Fatal("the model does not generate")
	}
	call, err := verb.Admit(engine.Caller{Charge: func(u engine.Usage) { f.charges <- u }})
	if err != nil {
		f.t.Fatal(err)
	}
	return verb, call
}

// decode returns a request in a dialect.
func (f *fixture) decode(d dialect.Name, body string) *dialect.Request {
	f.t.Helper()
	request, err := codecs[d].Decode(dialect.Input{Body: []byte(body), MediaType: "application/json"})
	if err != nil {
		f.t.Fatal(err)
	}
	return request
}

// run sends a request without a stream of its own between the model and emit.
func (f *fixture) run(ctx context.Context, request *dialect.Request, emit func(...dialect.Delta) error) (engine.End, error) {
	f.t.Helper()
	verb, call := f.admit()
	defer call.Close()
	return verb.Run(ctx, call, request, emit)
}

// encoder is a dialect's encoder as the engine's, which keeps the end.
type encoder struct {
	dialect.Encoder
	end *engine.End
}

// End implements engine.Encoder.
func (e *encoder) End(into []sse.Event, end engine.End) ([]sse.Event, error) {
	*e.end = end
	u := end.Usage()
	return e.Encoder.End(into, dialect.End{Reason: end.Reason(), Usage: dialect.Usage{PromptTokens: u.PromptTokens, CompletionTokens: u.CompletionTokens}})
}

// Prelude implements engine.Preluder.
func (e *encoder) Prelude(err *apierr.Error) []sse.Event {
	if p, ok := e.Encoder.(dialect.Preluder); ok {
		return p.Prelude(err)
	}
	return nil
}

// sink is a stream.Sink that fills a reply.
type sink struct {
	reply   *reply
	dialect dialect.Name
}

// Notice implements stream.Sink.
func (s *sink) Notice(stream.Notice, bool) bool { return true }

// Ready implements stream.Sink.
func (s *sink) Ready(int) bool { return true }

// Events implements stream.Sink.
func (s *sink) Events(events []sse.Event, _ int64, _ bool) bool {
	for _, e := range events {
		s.reply.chunks = append(s.reply.chunks, string(e.Data))
		s.reply.names = append(s.reply.names, e.Name.String())
	}
	return true
}

// End implements stream.Sink.
func (s *sink) End(t stream.Terminal, number int64) bool {
	s.reply.err = t.Err
	for _, e := range t.Prelude {
		s.reply.opening = append(s.reply.opening, e.Name.String())
	}
	if s.dialect == dialect.Responses && t.Err == nil { // the server's own
		return s.Events([]sse.Event{t.Event}, number, false)
	}
	return true
}

// whole requests a whole response.
func (f *fixture) whole(d dialect.Name) *reply {
	f.t.Helper()
	r := &reply{}
	begin := time.Now()
	defer func() { r.took = time.Since(begin) }()
	in := dialect.Input{Body: []byte(strings.Replace(chatBody, "true", "false", 1)), MediaType: "application/json"}
	var err error
	if d == dialect.Embeddings {
		err = f.embed(in, r)
	} else {
		err = f.generateWhole(d, in, r)
	}
	if err != nil {
		r.err = apierr.From(err)
	}
	return r
}

func (f *fixture) generateWhole(d dialect.Name, in dialect.Input, r *reply) error {
	request, err := codecs[d].Decode(in)
	if err != nil {
		return dialect.ErrorOf(err)
	}
	request.Passthrough = &r.head
	_, err = f.run(f.t.Context(), request, func(deltas ...dialect.Delta) error {
		f.t.Errorf("%d deltas of a whole response", len(deltas))
		return nil
	})
	return err
}

func (f *fixture) embed(in dialect.Input, r *reply) error {
	request, err := dialect.EmbeddingCodec{}.Decode(in)
	if err != nil {
		return dialect.ErrorOf(err)
	}
	request.Passthrough = &r.head
	verb, ok := engine.PredictionOf[*dialect.EmbeddingCall, *dialect.EmbeddingResponse](f.model, "embed")
	if !ok {
		f.t.Fatal("the model does not embed")
	}
	call, err := verb.Admit(engine.Caller{Charge: func(u engine.Usage) { f.charges <- u }})
	if err != nil {
		f.t.Fatal(err)
	}
	defer call.Close()
	response, err := verb.Do(f.t.Context(), call, request)
	if response != nil {
		r.usage = response.Usage
	}
	if response != nil && len(response.Data) > 0 {
		f.t.Errorf("a response that was passed through is returned too: %+v", response)
	}
	return err
}

// text joins the texts of the chunks.
func (r *reply) text() string {
	var b strings.Builder
	for _, c := range r.chunks {
		var chunk dialect.ChatChunk
		if err := json.Unmarshal([]byte(c), &chunk); err != nil {
			return err.Error()
		}
		for _, choice := range chunk.Choices {
			if choice.Delta.Content != nil {
				b.WriteString(*choice.Delta.Content)
			}
		}
	}
	return b.String()
}

// model is the model that the last chunk names.
func (r *reply) model() string {
	if len(r.chunks) == 0 {
		return ""
	}
	var chunk dialect.ChatChunk
	_ = json.Unmarshal([]byte(r.chunks[len(r.chunks)-1]), &chunk)
	return chunk.Model
}

// upstreamAnswer returns the upstream's own response that the client gets, nil if it gets none.
func (r *reply) upstreamAnswer() *dialect.UpstreamAnswer {
	a, _ := errors.AsType[*dialect.UpstreamAnswer](r.err)
	return a
}

// data returns the data of events as upstreamtest writes them.
func data(events ...string) (out []string) {
	for _, e := range events {
		out = append(out, strings.TrimSuffix(strings.TrimPrefix(e, "data: "), "\n\n"))
	}
	return out
}

// eventsIn splits what is sent in one piece into events.
func eventsIn(pieces ...string) []string {
	events := strings.SplitAfter(strings.Join(pieces, ""), "\n\n")
	return events[:len(events)-1]
}

// isWhole checks that a reply is the complete response of a model.
func isWhole(t *testing.T, r *reply, model string) {
	t.Helper()
	if r.err != nil {
		t.Fatalf("the stream failed after %v: %v", r.took, r.err)
	}
	if got, want := r.text(), test.Text(0, 60); got != want {
		t.Errorf("the text is %q, not %q", got, want)
	}
	if r.end.Reason() != "stop" || r.end.Usage() != (engine.Usage{PromptTokens: 7, CompletionTokens: 60}) {
		t.Errorf("the end is %q with %+v", r.end.Reason(), r.end.Usage())
	}
	if got := r.model(); got != model {
		t.Errorf("the response names the model %q, not %q", got, model)
	}
}

func logTo(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

var errRefused = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
