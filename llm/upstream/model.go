package upstream

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/engine"
)

// model is a Config at work.
type model struct {
	config  Config
	servers []*server // by their index
	pool    *pool
	drains  sync.WaitGroup // answers whose last bytes are being read
}

func newModel(c Config) *model {
	m := &model{config: c}
	for i, s := range c.Servers {
		m.servers = append(m.servers, &server{Server: s, index: i, transport: newTransport(s.BaseURL, c.Timeouts.Connect, c.Gate.Permits, c.dial)})
	}
	m.pool = newPool(m.servers)
	return m
}

// close waits for what is left of answers and closes the connections.
func (m *model) close() error {
	m.drains.Wait()
	for _, s := range m.servers {
		s.transport.CloseIdleConnections()
	}
	return nil
}

func (m *model) register(to *engine.Model) {
	generate := func(verb string, decode func(engine.Input) (question, error), g func(context.Context, question, func(...engine.Encoded) error) (engine.End, error)) {
		engine.Generates(to, verb, engine.Generator[question, question, engine.Encoded]{
			Decode:     decode,
			Preprocess: unchanged,
			Generate:   g,
		})
	}
	stream := func(verb string, e *endpoint, g func(question) grammar) {
		generate(verb, decodeQuestion, func(ctx context.Context, q question, emit func(...engine.Encoded) error) (engine.End, error) {
			return m.stream(ctx, e, q, g, emit)
		})
	}
	whole := func(verb string, e *endpoint) {
		engine.Predicts(to, verb, engine.Predictor[question, question, engine.Output, engine.Output]{
			Decode:     decodeQuestion,
			Preprocess: unchanged,
			Predict: func(ctx context.Context, q question) (engine.Output, error) {
				return m.whole(ctx, e, q)
			},
			Postprocess: func(_ context.Context, o engine.Output) (engine.Output, error) { return o, nil },
			Encode:      func(o engine.Output) (engine.Output, error) { return o, nil },
		})
	}
	ofChunks := func(q question) grammar { return &chunks{n: q.answers()} }
	generate("stream", decodeNative, m.native)
	stream("chat", chatStream, ofChunks)
	stream("complete", completionStream, ofChunks)
	stream("responses", responseStream, func(question) grammar { return &typedEvents{} })
	whole("chat_whole", chatWhole)
	whole("complete_whole", completionWhole)
	whole("responses_whole", responseWhole)
	whole("embed", embeddings)
}

// question is a client's request.
type question struct {
	body       []byte
	peek       dialect.Peek
	credential string        // the client's own key; may be empty
	answer     engine.Answer // takes the head, and a whole answer's body; may be nil
}

// answers is how many are wanted.
func (q question) answers() int {
	return min(q.peek.N, maxChoices+1) * q.peek.Prompts // beyond maxChoices only [DONE] makes them whole
}

// key returns what a server is asked with, and whether it is the client's own.
func (q question) key(s *server) (key string, own bool) {
	if s.ForwardAuthorization && q.credential != "" {
		return q.credential, true
	}
	return s.APIKey, false
}

func decodeQuestion(in engine.Input) (question, error) {
	peek, err := dialect.PeekRequest(in.Body)
	if err != nil {
		return question{}, badInput(err)
	}
	return question{body: in.Body, peek: peek, credential: in.Credential, answer: in.Answer}, nil
}

// badInput is a *dialect.Error as the engine has it.
func badInput(err error) error {
	e := &apierr.Error{Code: apierr.CodeInvalidInput, Message: err.Error(), Cause: err}
	if d, ok := errors.AsType[*dialect.Error](err); ok {
		e.Param = d.Param
		if d.Code == string(apierr.CodeInvalidJSON) {
			e.Code = apierr.CodeInvalidJSON
		}
	}
	return e
}

func unchanged(_ context.Context, q question) (question, error) { return q, nil }

// open is an answer that has begun well: its head is there, and its status is a success.
type open struct {
	model  *model
	head   *http.Response
	body   io.Reader // unpacked
	ctx    context.Context
	watch  *watch
	secret string // the key that went out
	ownKey bool   // it is the client's own
	over   bool   // the body has been read to its end
}

// ask sends the question to a server. silence is how long its head may take, and what it
// is called if that is too long. The caller closes the open answer.
func (m *model) ask(ctx context.Context, s *server, e *endpoint, q question, limit time.Duration, cause error) (*open, *fault) {
	body, err := dialect.ReplaceModel(q.body, s.Model)
	if err != nil {
		return nil, &fault{outcome: OutcomeRejected, remedy: nothing, err: apierr.From(err)} // it was peeked into before
	}
	key, ownKey := q.key(s)
	ctx, watch := newWatch(ctx, m.config.Timeouts.Connect, errConnect)
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { watch.expect(limit, cause) },
	})
	head, err := e.post(traced, s.transport, s.BaseURL, key, body) //nolint:bodyclose // open.close does
	if err != nil {
		defer watch.stop()
		return nil, unanswered(ctx, err, m.config.Timeouts)
	}
	o := &open{model: m, head: head, ctx: ctx, watch: watch, secret: key, ownKey: ownKey}
	if o.body, err = decoded(head); err != nil {
		defer o.close()
		return nil, broken("%w", err)
	}
	if head.StatusCode < 200 || head.StatusCode > 299 {
		defer o.close()
		watch.expect(m.config.Timeouts.BetweenTokens, errBetweenTokens)
		f := answered(head, o.body, key, ownKey)
		if cause := context.Cause(ctx); cause != nil {
			return nil, unanswered(ctx, cause, m.config.Timeouts)
		}
		return nil, f.named(s)
	}
	return o, nil
}

// named puts the server's name on an answer that the client may get as it is.
func (f *fault) named(s *server) *fault {
	if a, ok := errors.AsType[*dialect.UpstreamAnswer](f.err); ok {
		a.Header.Set(headerUpstream, s.Name)
	}
	return f
}

// headerUpstream says which server answered.
const headerUpstream = "X-Penstock-Upstream"

// close breaks the answer off, if it is not over.
func (o *open) close() {
	o.watch.stop()
	o.head.Body.Close()
}

// drainTime is how long the last bytes of a complete answer may take.
const drainTime = time.Second

// drain reads the few bytes that come after an answer's end, so that its connection can
// be used again, and does not keep the caller waiting for them.
func (o *open) drain() {
	if o.over {
		o.close()
		return
	}
	o.watch.outlive(drainTime)
	o.model.drains.Go(func() {
		defer o.close()
		_, _ = io.CopyN(io.Discard, o.body, 64<<10) // whatever comes: the answer is complete
	})
}
