package dialect

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"penstock/apierr"
	"penstock/sse"
)

// NewResponses returns the codec of POST /v1/responses.
func NewResponses() Codec { return responseCodec{openAI{Responses}} }

type responseCodec struct{ openAI }

// Decode implements Codec.
func (responseCodec) Decode(in Input) (r *Request, err error) {
	r, err = decodeOpenAI(Responses, in, func([]byte) (*Parameters, error) {
		wanted, err := r.parseResponse()
		if err != nil {
			return nil, err
		}
		chat, err := wanted.Chat()
		if err != nil {
			return nil, err
		}
		p, err := chat.parameters()
		if err == nil {
			p.Names.Input = "input"
		}
		return p, err
	})
	return r, err
}

// parseResponse reads the whole request, once.
func (r *Request) parseResponse() (*ResponsesRequest, error) {
	if r.response != nil {
		return r.response, nil
	}
	wanted, err := ParseResponsesRequest(r.Body)
	if err == nil {
		r.response = wanted
	}
	return wanted, err
}

// The names of the events that end a stream of responses.
var responseEnds = []string{"response.completed", "response.incomplete", "response.failed", "error"}

// Ends implements Codec. Clients look at the name, or at the type inside the data.
func (responseCodec) Ends(e sse.Event) bool {
	if slices.Contains(responseEnds, e.Name.String()) {
		return true
	}
	if !mayEnd(e.Data) {
		return isDone(e.Data)
	}
	return slices.Contains(responseEnds, responseType(e.Data))
}

// mayEnd reports whether data could have the type of an ending event: nearly all events lack the
// words, and need not be parsed.
func mayEnd(data []byte) bool {
	for _, word := range [][]byte{[]byte("response.completed"), []byte("response.incomplete"), []byte("response.failed"), []byte("error"), []byte(`\u`)} {
		if bytes.Contains(data, word) {
			return true
		}
	}
	return false
}

// responseType returns the type inside an event's data, "" if it has none.
func responseType(data []byte) string {
	var event struct {
		Type string `json:"type"`
	}
	_ = unmarshalLoosely(data, &event) // what is no JSON has no type
	return event.Type
}

// Stream implements Codec.
func (responseCodec) Stream(r *Request) Encoder { return &responseEncoder{request: r} }

type responseEncoder struct {
	request *Request
	events  *ResponseEvents // of a model that emits typed values; nil until it begins
	last    []byte          // data of the last event passed through
	final   sse.Event       // the server's own last event, held for End
	ended   bool            // there is one
}

// Encode implements Encoder.
func (e *responseEncoder) Encode(into []sse.Event, deltas []Delta) (_ []sse.Event, err error) {
	for i := range deltas {
		d := &deltas[i]
		if d.Dialect != Responses {
			if into, err = e.delta(into, d); err != nil {
				return nil, err
			}
			continue
		}
		if slices.Contains(responseEnds, d.Event.Name.String()) || d.Final {
			e.final, e.ended = sse.Event{Name: d.Event.Name, Data: bytes.Clone(d.Event.Data)}, true
			continue
		}
		e.last = append(e.last[:0], d.Event.Data...)
		into = append(into, d.Event)
	}
	return into, nil
}

// delta appends the events of a delta's typed values.
func (e *responseEncoder) delta(into []sse.Event, d *Delta) ([]sse.Event, error) {
	if e.events == nil {
		wanted, err := e.request.parseResponse()
		if err != nil {
			return nil, err
		}
		e.events = NewResponseEvents(wanted, rand.Text(), time.Now().Unix())
		into = appendNamed(into, e.events.Begin())
	}
	return appendNamed(into, e.events.Add(d)), nil
}

// End implements Encoder.
func (e *responseEncoder) End(into []sse.Event, end End) ([]sse.Event, error) {
	switch {
	case e.ended:
		return append(into, e.final), nil
	case e.events == nil:
		return nil, fmt.Errorf("a response without its last event")
	}
	return appendNamed(into, e.events.Complete(end)), nil
}

// Fail implements Encoder. The event's sequence_number is the one after the last event's.
func (e *responseEncoder) Fail(err *apierr.Error) sse.Event {
	events := e.events
	if events == nil {
		events = &ResponseEvents{}
		if e.last != nil {
			events.sequence = sequenceOf(e.last) + 1
		}
	}
	return events.Fail(openAIErrorOf(err))
}

func appendNamed(into, events []sse.Event) []sse.Event { return append(into, events...) }

// sequenceOf returns the sequence_number of an event, -1 if it has none.
func sequenceOf(data []byte) int {
	var e struct {
		SequenceNumber *int `json:"sequence_number"`
	}
	if err := unmarshalLoosely(data, &e); err != nil || e.SequenceNumber == nil {
		return -1
	}
	return *e.SequenceNumber
}

// Whole implements Codec.
func (responseCodec) Whole(r *Request) Gatherer {
	return &responseGatherer{responseEncoder{request: r}}
}

// responseGatherer makes a response of what the last event of its stream would hold.
type responseGatherer struct{ encoder responseEncoder }

// Add implements Gatherer.
func (g *responseGatherer) Add(deltas ...Delta) error {
	_, err := g.encoder.Encode(nil, deltas)
	return err
}

// Whole implements Gatherer.
func (g *responseGatherer) Whole(end End) ([]byte, error) {
	if g.encoder.ended {
		var event struct {
			Response json.RawMessage `json:"response"`
		}
		if err := json.Unmarshal(g.encoder.final.Data, &event); err != nil {
			return nil, fmt.Errorf("read a response: %w", err)
		}
		return event.Response, nil
	}
	if g.encoder.events == nil {
		return nil, fmt.Errorf("a response without any event")
	}
	g.encoder.events.Complete(end)
	return json.Marshal(g.encoder.events.Response())
}
