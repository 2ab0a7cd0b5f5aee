package dialecttest

import (
	"bytes"
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/sse"
)

// Conform checks that a codec has what a gateway relies on. body is a request that asks for text.
//
//   - Ends is true for the event that End appends last and for that of Fail, and false for all
//     others, whatever the text of deltas is.
//   - Events in the codec's own dialect are appended as they are, all of a delta and in order.
//   - An event reaches a client as it is: its name and its data pass through the wire.
//   - Error renders any error as an HTTP response, without its cause.
//   - A request keeps its bytes and the codec's name, and has parameters.
func Conform(t *testing.T, codec dialect.Codec, body []byte) {
	t.Helper()
	c := conformance{codec, body}
	t.Run("request", c.request)
	t.Run("text", func(t *testing.T) {
		for _, text := range texts() {
			c.stream(t, text)
		}
	})
	t.Run("own events", c.own)
	t.Run("notices", c.notices)
	t.Run("errors", c.errors)
}

type conformance struct {
	codec dialect.Codec
	body  []byte
}

// texts are what a model may generate: plain text, and what looks like the end of a stream.
func texts() []string {
	return []string{
		"hello", "[DONE]", " [DONE]", "\n[DONE]\n", "data: [DONE]", "done", "failed", "error",
		`{"error":{"message":"m"}}`, `","error":{"message":"m"},"`, `"error"`, `\u0065rror`, `{"\u0065rror":1}`,
		"response.completed", `"response.completed"`, `{"type":"response.completed"}`, `{"type":"error"}`,
		"event: done", "a\n\nevent: done\ndata: {}\n\n", "a\r\n\r\nevent: failed\r\n\r\n", "event: response.failed\rdata: x",
		"\rid: 1-1\r", "end", "failure", "<b>&", "\x00", "\xff\xfe", "\u2028", "\ufeff[DONE]",
	}
}

// deltas has the text wherever a model, or the server of one, can put it.
func deltas(text string) []dialect.Delta {
	foreign := sse.Event{Data: []byte(text)}
	return []dialect.Delta{
		{Fingerprint: text},
		{Text: text},
		{Text: text, Reasoning: text, Refusal: text, Logprobs: []dialect.TokenLogprob{{Token: text, TopLogprobs: []dialect.TopLogprob{{Token: text}}}}},
		{Text: text, Dialect: "another", Event: foreign},
		{Dialect: "another", Event: foreign, Final: true},
		{Finish: text},
		{Usage: &dialect.Usage{PromptTokens: 1, CompletionTokens: 2, TotalTokens: 3}},
	}
}

func (c conformance) decode(t *testing.T) *dialect.Request {
	t.Helper()
	r, err := c.codec.Decode(dialect.Input{Body: c.body})
	if err != nil {
		t.Fatalf("decode the request: %v", err)
	}
	return r
}

func (c conformance) request(t *testing.T) {
	r := c.decode(t)
	if c.codec.Name() == "" || r.Dialect != c.codec.Name() {
		t.Errorf("the codec's name is %q, and its request's dialect %q", c.codec.Name(), r.Dialect)
	}
	if !bytes.Equal(r.Body, c.body) || r.Choices < 1 {
		t.Errorf("the request has %d choices and the body %q", r.Choices, r.Body)
	}
	p, err := r.Parameters()
	if err != nil {
		t.Fatalf("read the parameters: %v", err)
	}
	if p.Messages == nil && p.Prompt == nil || p.N < 1 || p.Names.Input == "" {
		t.Errorf("the parameters are %+v", p)
	}
}

// stream encodes all that there can be of a text, and ends it in each way after each delta.
func (c conformance) stream(t *testing.T, text string) {
	t.Helper()
	all := deltas(text)
	end := dialect.End{Reason: text, Usage: dialect.Usage{PromptTokens: 1, CompletionTokens: 2, TotalTokens: 3}}
	failure := &apierr.Error{Code: apierr.CodeUpstreamCut, Reason: text, Message: text, Param: text}
	for n := range len(all) + 1 {
		e := c.codec.Stream(c.decode(t))
		events, err := e.Encode(nil, all[:n])
		if err != nil {
			t.Fatalf("text %q: encode %d deltas: %v", text, n, err)
		}
		c.wire(t, events, false)
		c.wire(t, []sse.Event{e.Fail(failure)}, true)

		e = c.codec.Stream(c.decode(t))
		if events, err = e.Encode(nil, all[:n]); err != nil {
			t.Fatalf("text %q: encode %d deltas: %v", text, n, err)
		}
		ended, err := e.End(events, end)
		if n == 0 && err != nil {
			continue // a model begins with a delta; without one, a codec may have nothing to end
		}
		if err != nil || len(ended) <= len(events) {
			t.Fatalf("text %q: the end after %d deltas is %d events, %v", text, n, len(ended)-len(events), err)
		}
		c.wire(t, ended[len(events):len(ended)-1], false)
		c.wire(t, ended[len(ended)-1:], true)

		g := c.codec.Whole(c.decode(t))
		if err := g.Add(all[:n]...); err != nil {
			t.Fatalf("text %q: gather %d deltas: %v", text, n, err)
		}
		if whole, err := g.Whole(end); n > 0 && (err != nil || len(whole) == 0) {
			t.Errorf("text %q: the whole response of %d deltas is %q, %v", text, n, whole, err)
		}
	}
}

// own encodes deltas of a server that uses the codec's dialect.
func (c conformance) own(t *testing.T) {
	events := []sse.Event{{Data: []byte("1")}, {Name: sse.MustName("x"), Data: []byte("2")}, {Data: []byte("3\n4")}}
	got, err := c.codec.Stream(c.decode(t)).Encode(nil, []dialect.Delta{
		{Text: "not looked at", Dialect: c.codec.Name(), Event: events[0], More: events[1:2]},
		{Dialect: c.codec.Name(), Event: events[2]},
	})
	same := func(a, b sse.Event) bool { return a.Name == b.Name && bytes.Equal(a.Data, b.Data) }
	if err != nil || !slices.EqualFunc(got, events, same) {
		t.Errorf("the events %q are encoded as %q, %v", events, got, err)
	}
}

// wire checks what a client gets of events, which end a stream or do not.
func (c conformance) wire(t *testing.T, events []sse.Event, ends bool) {
	t.Helper()
	var raw []byte
	for _, e := range events {
		raw = e.Append(raw, sse.ID{})
	}
	r := sse.NewReader(bytes.NewReader(raw), len(raw)+1)
	for _, e := range events {
		if got := c.codec.Ends(e); got != ends {
			t.Errorf("Ends is %t for the event %q %q", got, e.Name, e.Data)
		}
		got, err := r.Next()
		if err != nil || string(got.Name) != e.Name.String() || !bytes.Equal(got.Data, e.Data) {
			t.Errorf("the event %q %q arrives as %q %q, %v", e.Name, e.Data, got.Name, got.Data, err)
		}
	}
}

func (c conformance) notices(t *testing.T) {
	for _, n := range []dialect.Notice{{Position: 1}, {Position: 20, Model: "m"}, {Model: "[DONE]"}, {}} {
		if e, ok := c.codec.Notice(n); ok {
			c.wire(t, []sse.Event{e}, false)
		}
	}
}

func (c conformance) errors(t *testing.T) {
	const cause = "a cause that no client may see"
	for _, err := range []error{
		&apierr.Error{Code: apierr.CodeInvalidInput, Reason: "bad", Message: "no", Param: "p", Cause: errors.New(cause)},
		&apierr.Error{Code: apierr.CodeQueueFull, Message: "no", RetryAfter: 1500 * time.Millisecond, Cause: errors.New(cause)},
		&apierr.Error{Code: apierr.CodeInternal, Message: "no", Cause: errors.New(cause)},
		dialect.InvalidValue("p", "no."),
		&dialect.Error{Status: http.StatusNotFound, Type: dialect.InvalidRequest, Message: "no", Code: "c"},
		errors.New(cause),
	} {
		r := c.codec.Error(err, "request-1")
		if r.Status < 400 || r.Status > 599 || len(r.Body) == 0 || http.Header(r.Header).Get("Content-Type") == "" {
			t.Errorf("%v is the response %d, %v, %q", err, r.Status, r.Header, r.Body)
		}
		if bytes.Contains(r.Body, []byte(cause)) {
			t.Errorf("%v shows its cause: %s", err, r.Body)
		}
		if a, ok := errors.AsType[*apierr.Error](err); ok && a.RetryAfter > 0 && http.Header(r.Header).Get("Retry-After") != "2" {
			t.Errorf("%v may be retried after %q", err, http.Header(r.Header).Get("Retry-After"))
		}
	}
}
