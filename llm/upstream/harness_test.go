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
	test "penstock/llm/upstream/upstreamtest"
	"penstock/test/memnet"
)

// house is a model with its upstreams, in one bubble of virtual time.
type house struct {
	t       *testing.T
	engine  *engine.Engine
	model   *engine.Model
	config  Config
	asked   *tally
	dials   map[string]func(context.Context) (net.Conn, error) // by "host:port"
	closers []func()
}

// tally is an Observer.
type tally struct {
	mu    sync.Mutex
	asked []string
}

func (t *tally) Asked(_, server string, o Outcome) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asked = append(t.asked, server+" "+string(o))
}

func (t *tally) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(t.asked, ", ")
}

// build makes a house of the upstreams given, the first one asked first; change may alter
// its configuration. It is torn down at the end of the bubble by close.
func build(t *testing.T, change func(*Config), upstreams ...http.Handler) *house {
	t.Helper()
	h := &house{t: t, asked: &tally{}, dials: map[string]func(context.Context) (net.Conn, error){}}
	h.config = Config{
		Name:     "gpt",
		Timeouts: Timeouts{Connect: 5 * time.Second, FirstToken: 10 * time.Second, BetweenTokens: 15 * time.Second, Whole: time.Minute},
		Gate:     engine.GateConfig{Permits: 100, Queue: 10},
		Observer: h.asked,
		Log:      logTo(io.Discard),
		dial: func(ctx context.Context, _, address string) (net.Conn, error) {
			if dial := h.dials[address]; dial != nil {
				return dial(ctx)
			}
			return nil, errRefused
		},
	}
	for i, u := range upstreams {
		name := string(rune('a' + i))
		h.config.Servers = append(h.config.Servers, Server{Name: name, BaseURL: "http://" + name + ".test/v1", APIKey: "sk-secret-" + name, Model: "model-" + name, Priority: i + 1, Weight: 1})
		h.serve(name+".test:80", u)
	}
	if change != nil {
		change(&h.config)
	}
	h.engine = engine.New(engine.Options{Gate: engine.GateConfig{Permits: 1}})
	m, err := Add(h.engine, h.config)
	if err != nil {
		t.Fatal(err)
	}
	h.model = m
	h.engine.Load(t.Context())
	synctest.Wait()
	return h
}

func (h *house) serve(address string, u http.Handler) {
	listener := memnet.Listen()
	server := &http.Server{Handler: u, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	go server.Serve(listener)
	h.dials[address] = func(ctx context.Context) (net.Conn, error) { return listener.Dial(ctx, "", "") }
	h.closers = append(h.closers, func() { server.Close() })
}

func (h *house) close() {
	if err := h.engine.Close(); err != nil {
		h.t.Error(err)
	}
	for _, c := range h.closers {
		c()
	}
}

// head is an engine.Answer that keeps what it is given.
type head struct {
	status int
	header http.Header
	body   strings.Builder
	calls  int
}

func (h *head) Head(status int, header map[string][]string) {
	h.calls++
	h.status, h.header = status, header
}
func (h *head) Write(p []byte) (int, error) { return h.body.Write(p) }

// reply is what a client got.
type reply struct {
	head
	chunks []string // the data of each
	names  []string
	end    engine.End
	err    *apierr.Error
	took   time.Duration
}

const chatBody = `{"model":"gpt","stream":true,"unknown":{"model":"x"},"messages":[{"role":"user","content":"hi"}]}`

func (h *house) stream(verb, body string) *reply {
	return h.streamOn(context.Background(), verb, body, nil)
}

// streamOn streams; each chunk is shown to watch as it comes, which may be nil.
func (h *house) streamOn(ctx context.Context, verb, body string, watch func(*reply)) *reply {
	h.t.Helper()
	r := &reply{}
	begin := time.Now()
	defer func() { r.took = time.Since(begin) }()
	v, _ := h.model.Verb(verb)
	call, err := v.Admit(engine.Caller{})
	if err != nil {
		h.t.Fatal(err)
	}
	defer call.Close()
	s, err := call.Start(ctx, engine.Input{Body: []byte(body), Answer: &r.head, Credential: "client-key"}, engine.StreamOptions{})
	if err != nil {
		r.err = apierr.From(err)
		return r
	}
	for e, err := range s.Follow(ctx, 0, 0) {
		if err != nil {
			r.err = apierr.From(err)
			return r
		}
		switch e.Kind {
		case engine.EventChunk:
			r.chunks = append(r.chunks, string(e.Data))
			r.names = append(r.names, e.Name)
			if watch != nil {
				watch(r)
			}
		case engine.EventDone:
			r.end = e.End
		case engine.EventFailed:
			r.err = e.Err
		case engine.EventQueued, engine.EventStarted, engine.EventIdle:
		}
	}
	return r
}

// whole asks for a whole answer.
func (h *house) whole(verb string) *reply {
	h.t.Helper()
	r := &reply{}
	begin := time.Now()
	defer func() { r.took = time.Since(begin) }()
	v, _ := h.model.Verb(verb)
	call, err := v.Admit(engine.Caller{})
	if err != nil {
		h.t.Fatal(err)
	}
	defer call.Close()
	if _, err := call.Predict(h.t.Context(), engine.Input{Body: []byte(strings.Replace(chatBody, "true", "false", 1)), Answer: &r.head}); err != nil {
		r.err = apierr.From(err)
	}
	return r
}

// text joins what the chunks say.
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

// model is who the last chunk says has answered.
func (r *reply) model() string {
	if len(r.chunks) == 0 {
		return ""
	}
	var chunk dialect.ChatChunk
	_ = json.Unmarshal([]byte(r.chunks[len(r.chunks)-1]), &chunk)
	return chunk.Model
}

// upstreamAnswer returns the HTTP answer that the client is to get as it was.
func (r *reply) upstreamAnswer() *dialect.UpstreamAnswer {
	a, _ := errors.AsType[*dialect.UpstreamAnswer](r.err)
	return a
}

// data takes the data out of events as upstreamtest writes them.
func data(events ...string) (out []string) {
	for _, e := range events {
		out = append(out, strings.TrimSuffix(strings.TrimPrefix(e, "data: "), "\n\n"))
	}
	return out
}

// eventsIn takes apart what is sent in one piece.
func eventsIn(pieces ...string) []string {
	events := strings.SplitAfter(strings.Join(pieces, ""), "\n\n")
	return events[:len(events)-1]
}

func isWhole(t *testing.T, r *reply, model string) {
	t.Helper()
	if r.err != nil {
		t.Fatalf("the stream failed after %v: %v", r.took, r.err)
	}
	if got, want := r.text(), test.Text(0, 60); got != want {
		t.Errorf("the answer is %q", got)
	}
	if r.end.Reason() != "stop" || r.end.Usage() != (engine.Usage{PromptTokens: 7, CompletionTokens: 60}) {
		t.Errorf("the end is %q with %+v", r.end.Reason(), r.end.Usage())
	}
	if got := r.model(); got != model {
		t.Errorf("the answer says that %q gave it, not %q", got, model)
	}
}

func logTo(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

var errRefused = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
