package dialect

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"

	"penstock/apierr"
	"penstock/sse"
)

// NewResponses returns the codec of POST /v1/responses.
func NewResponses() Codec { return responseCodec{openAI{Responses}} }

type responseCodec struct{ openAI }

// Decode implements Codec.
func (responseCodec) Decode(in Input) (r *Request, err error) {
	r, err = decodeOpenAI(Responses, in, func(body []byte) (*Parameters, error) {
		wanted, err := r.parseResponse()
		if err != nil {
			return nil, err
		}
		chat, err := wanted.Chat()
		if err != nil {
			return nil, err
		}
		p, err := chat.parameters(unused[ResponsesRequest](body, responseUnused...))
		if err == nil {
			p.Names = ParameterNames{Input: "input", MaxTokens: "max_output_tokens", Logprobs: "top_logprobs", Format: "text.format.type"}
		}
		return p, err
	})
	return r, err
}

// parseResponse parses the request, once.
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

// Ends implements Codec.
func (responseCodec) Ends(e sse.Event) bool {
	return endsResponse(e.Name.String()) || endsResponseByData(e.Data)
}

// Stream implements Codec.
func (responseCodec) Stream(r *Request) Encoder { return &responseEncoder{request: r} }

type responseEncoder struct {
	request *Request
	events  *responseEvents // of a model that emits typed values; nil until there is one
	created []byte          // data of the first event passed through, if that is response.created
	last    []byte          // data of the last event passed through
	held    []sse.Event     // what a server's response began with that failed
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
		if d.Held {
			e.held = append(e.held, sse.Event{Name: d.Event.Name, Data: bytes.Clone(d.Event.Data)})
			continue
		}
		if d.Final || endsResponse(d.Event.Name.String()) {
			e.final, e.ended = sse.Event{Name: d.Event.Name, Data: bytes.Clone(d.Event.Data)}, true
			continue
		}
		if e.last == nil && opensResponse(d.Event) {
			e.created = bytes.Clone(d.Event.Data)
		}
		into = append(append(into, d.Event), d.More...)
		e.note(into[len(into)-1].Data)
	}
	return into, nil
}

// note keeps what Fail needs of the last event. Most are small, and copying one costs less than
// reading it.
func (e *responseEncoder) note(data []byte) {
	const small = 64 << 10
	e.last = e.last[:0]
	if len(data) > small {
		e.last, _ = json.Marshal(map[string]int{"sequence_number": sequenceOf(data)})
		return
	}
	e.last = append(e.last, data...)
}

// delta appends the events of a delta's typed values.
func (e *responseEncoder) delta(into []sse.Event, d *Delta) ([]sse.Event, error) {
	if e.events == nil {
		wanted, err := e.request.parseResponse()
		if err != nil {
			return nil, err
		}
		e.events = newResponseEvents(wanted, rand.Text(), time.Now().Unix())
		into = e.events.begin(into)
	}
	return e.events.add(into, d)
}

// End implements Encoder.
func (e *responseEncoder) End(into []sse.Event, end End) ([]sse.Event, error) {
	switch {
	case e.ended:
		return append(into, e.final), nil
	case e.events == nil:
		return nil, fmt.Errorf("a response without its last event")
	}
	return e.events.complete(into, end), nil
}

// Fail implements Encoder. The event's sequence_number is the one after the last event's.
func (e *responseEncoder) Fail(err *apierr.Error) sse.Event {
	events := e.events
	if events == nil {
		events = &responseEvents{}
		if e.last != nil {
			events.sequence = sequenceOf(e.last) + 1
		}
	}
	return events.fail(openAIErrorOf(err))
}

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

// responseGatherer makes the response that the last event of its stream would have.
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
		return marshalPlain(event.Response)
	}
	if g.encoder.events == nil {
		return nil, fmt.Errorf("a response without any event")
	}
	g.encoder.events.complete(nil, end)
	return json.Marshal(g.encoder.events.response) // as in the events: < and > are escaped
}
