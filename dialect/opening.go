package dialect

import (
	"crypto/rand"
	"time"

	"penstock/sse"

	"github.com/sashabaranov/go-openai"
)

// Opening implements Opener: clients take no event of a response before response.created, not even
// one that reports a failure. It is the server's own, if it sent one, else one of the request.
func (e *responseEncoder) Opening() []sse.Event {
	if e.events != nil || e.last != nil {
		return nil
	}
	if len(e.held) > 0 && opensResponse(e.held[0]) {
		e.last = e.held[len(e.held)-1].Data
		return e.held
	}
	wanted, err := e.request.parseResponse()
	if err != nil { // only the server may have understood the request
		wanted = &ResponsesRequest{Model: e.request.Model}
	}
	e.events = newResponseEvents(wanted, rand.Text(), time.Now().Unix())
	return e.events.begin(nil)
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
