package local

import (
	"context"
	"testing"

	"penstock/dialect"
	"penstock/engine"
	"penstock/sse"
)

// codecs are those that a gateway has.
var codecs = map[dialect.Name]dialect.Codec{
	dialect.Native:      dialect.NewNative(),
	dialect.Chat:        dialect.NewChat(),
	dialect.Completions: dialect.NewCompletions(),
	dialect.Responses:   dialect.NewResponses(),
}

func decode(name dialect.Name, body string) (*dialect.Request, error) {
	return codecs[name].Decode(dialect.Input{Body: []byte(body)})
}

// check decodes a request's body, and has the model check it.
func check(m *Model, name dialect.Name, in dialect.Input) error {
	r, err := codecs[name].Decode(in)
	if err != nil {
		return err
	}
	return m.check(r)
}

// jobOf returns the job of a native request.
func jobOf(t testing.TB, m *Model, body string) job {
	t.Helper()
	_, j := prepare(t, m, dialect.Native, body)
	return j
}

func prepare(t testing.TB, m *Model, name dialect.Name, body string) (*dialect.Request, job) {
	t.Helper()
	r, err := decode(name, body)
	if err != nil {
		t.Fatal(err)
	}
	j, err := m.preprocess(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	return r, j
}

// response is a response in a dialect, streamed and whole.
type response struct {
	events   []sse.Event // without the terminal one
	terminal sse.Event
	whole    []byte
	end      engine.End
}

// respond generates a response to a request, as it goes to a client of that dialect.
func respond(t testing.TB, m *Model, name dialect.Name, body string) (all response) {
	t.Helper()
	r, j := prepare(t, m, name, body)
	e, g := codecs[name].Stream(r), codecs[name].Whole(r)
	keep := func(events []sse.Event, err error) error {
		for _, e := range events { // an encoder's memory is its own
			all.events = append(all.events, sse.Event{Name: e.Name, Data: append([]byte(nil), e.Data...)})
		}
		return err
	}
	var err error
	all.end, err = m.generate(context.Background(), j, func(deltas ...dialect.Delta) error {
		if err := keep(e.Encode(nil, deltas)); err != nil {
			return err
		}
		return g.Add(deltas...)
	})
	if err != nil {
		t.Fatal(err)
	}
	end := endOf(all.end)
	if err := keep(e.End(nil, end)); err != nil || len(all.events) == 0 {
		t.Fatalf("%d events, %v", len(all.events), err)
	}
	last := len(all.events) - 1
	all.events, all.terminal = all.events[:last], all.events[last]
	if all.whole, err = g.Whole(end); err != nil {
		t.Fatal(err)
	}
	return all
}

func endOf(end engine.End) dialect.End {
	u := end.Usage()
	return dialect.End{Reason: end.Reason(), Usage: dialect.Usage{
		PromptTokens: u.PromptTokens, CompletionTokens: u.CompletionTokens, TotalTokens: u.PromptTokens + u.CompletionTokens,
	}}
}

// encoder is a dialect's encoder as the engine uses it.
type encoder struct{ dialect.Encoder }

func (e encoder) End(into []sse.Event, end engine.End) ([]sse.Event, error) {
	return e.Encoder.End(into, endOf(end))
}

var _ engine.Encoder[dialect.Delta] = encoder{}
