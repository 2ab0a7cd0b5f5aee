package dialect

import (
	"crypto/rand"
	"encoding/json"
	"time"

	"github.com/sashabaranov/go-openai"

	"penstock/apierr"
	"penstock/sse"
)

// Prelude implements Preluder. Clients take no event of a response before response.created, not
// even one that reports a failure: it is the server's own, if it sent one, else one of the request.
// And some show no failure but response.failed, while others raise no exception but for error,
// which comes last: as at OpenAI, there are both.
func (e *responseEncoder) Prelude(err *apierr.Error) (events []sse.Event) {
	if e.events == nil && e.last == nil {
		events = e.open()
	}
	failed := ResponseError{Code: openAIErrorOf(err).Code, Message: openAIErrorOf(err).Message}
	if e.events != nil {
		return append(events, e.events.failed(failed))
	}
	if event, ok := e.failed(failed); ok {
		e.last = event.Data
		events = append(events, event)
	}
	return events
}

// open returns the beginning of a response that had none.
func (e *responseEncoder) open() []sse.Event {
	if len(e.held) > 0 && opensResponse(e.held[0]) {
		e.created, e.last = e.held[0].Data, e.held[len(e.held)-1].Data
		return e.held
	}
	wanted, err := e.request.parseResponse()
	if err != nil { // only the server may have understood the request
		wanted = &ResponsesRequest{Model: e.request.Model}
	}
	e.events = newResponseEvents(wanted, rand.Text(), time.Now().Unix())
	return e.events.begin(nil)
}

// failed returns the event with the server's own response as one that failed, if the server sent
// response.created.
func (e *responseEncoder) failed(why ResponseError) (sse.Event, bool) {
	var event struct {
		Response map[string]json.RawMessage `json:"response"`
	}
	if unmarshalLoosely(e.created, &event) != nil || event.Response == nil {
		return sse.Event{}, false
	}
	event.Response["status"] = json.RawMessage(`"failed"`)
	event.Response["error"], _ = json.Marshal(why) // strings always encode
	events := &responseEvents{sequence: sequenceOf(e.last) + 1}
	return events.event(openai.ResponseStreamEventFailed, event), true
}

// opensResponse reports whether an event is response.created.
func opensResponse(e sse.Event) bool {
	const created = string(openai.ResponseStreamEventCreated)
	if name := e.Name.String(); name != "" {
		return name == created
	}
	var typed struct {
		Type string `json:"type"`
	}
	return unmarshalLoosely(e.Data, &typed) == nil && typed.Type == created
}
