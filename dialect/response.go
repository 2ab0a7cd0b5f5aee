package dialect

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"penstock/sse"

	"github.com/sashabaranov/go-openai"
)

// Response is the response of /v1/responses, whole or as far as it has been generated.
type Response struct {
	ID                string                            `json:"id"`
	Object            string                            `json:"object"` // "response"
	CreatedAt         int64                             `json:"created_at"`
	Status            openai.ResponseStatus             `json:"status"` // in_progress, completed, incomplete
	Error             *ResponseError                    `json:"error"`  // in response.failed
	IncompleteDetails *openai.ResponseIncompleteDetails `json:"incomplete_details"`
	Instructions      *string                           `json:"instructions"`
	MaxOutputTokens   *int                              `json:"max_output_tokens"`
	Model             string                            `json:"model"`
	Output            []ResponseMessage                 `json:"output"`
	ParallelToolCalls bool                              `json:"parallel_tool_calls"`
	PreviousID        *string                           `json:"previous_response_id"`
	Store             bool                              `json:"store"`
	Temperature       *float64                          `json:"temperature"`
	Text              ResponseText                      `json:"text"`
	ToolChoice        string                            `json:"tool_choice"`
	Tools             []struct{}                        `json:"tools"`
	TopP              *float64                          `json:"top_p"`
	Truncation        string                            `json:"truncation"`
	Usage             *ResponseUsage                    `json:"usage"`
	Metadata          json.RawMessage                   `json:"metadata"`
}

// ResponseError is why a response failed.
type ResponseError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// ResponseMessage is the message that a model generates.
type ResponseMessage struct {
	ID      string                `json:"id"`
	Type    string                `json:"type"`   // "message"
	Status  openai.ResponseStatus `json:"status"` // in_progress, completed, incomplete
	Role    string                `json:"role"`   // "assistant"
	Content []ResponsePart        `json:"content"`
}

// ResponsePart is a part of a ResponseMessage.
type ResponsePart struct {
	Type        string     `json:"type"` // "output_text"
	Text        string     `json:"text"`
	Annotations []struct{} `json:"annotations"`
	Logprobs    []struct{} `json:"logprobs"`
}

// ResponseUsage counts tokens, as /v1/responses does.
type ResponseUsage struct {
	InputTokens        int `json:"input_tokens"`
	InputTokensDetails struct {
		CachedTokens int `json:"cached_tokens"`
	} `json:"input_tokens_details"`
	OutputTokens        int                                `json:"output_tokens"`
	OutputTokensDetails openai.ResponseOutputTokensDetails `json:"output_tokens_details"`
	TotalTokens         int                                `json:"total_tokens"`
}

// responseEvents makes a response, and the typed events of its stream, of the deltas of a
// completion that is text. begin comes first, then add for each delta, then complete, or fail
// instead of whatever is next. It is for one response and one goroutine.
type responseEvents struct {
	response Response
	item     ResponseMessage
	text     strings.Builder
	begun    bool // the item has been announced
	finish   string
	sequence int
}

// newResponseEvents begins the response to a request. id is unique, of letters and digits; created
// is Unix time in seconds.
func newResponseEvents(r *ResponsesRequest, id string, created int64) *responseEvents {
	e := &responseEvents{
		response: Response{
			ID: "resp_" + id, Object: "response", CreatedAt: created, Status: openai.ResponseStatusInProgress,
			Instructions: r.Instructions, MaxOutputTokens: r.MaxOutputTokens, Model: r.Model, Output: []ResponseMessage{},
			ParallelToolCalls: true, Temperature: r.Temperature, TopP: r.TopP, Tools: []struct{}{}, ToolChoice: "auto", Truncation: "disabled",
			Text: ResponseText{Format: &ResponseFormat{Type: "text"}}, Metadata: r.Metadata,
		},
		item: ResponseMessage{ID: "msg_" + id, Type: "message", Status: openai.ResponseStatusInProgress, Role: "assistant", Content: []ResponsePart{}},
	}
	if r.Text != nil && r.Text.Format != nil {
		e.response.Text = *r.Text
	}
	if !present(r.Metadata) {
		e.response.Metadata = json.RawMessage(`{}`)
	}
	return e
}

// begin appends the events that come before all others.
func (e *responseEvents) begin(into []sse.Event) []sse.Event {
	return append(into, e.whole(openai.ResponseStreamEventCreated), e.whole(openai.ResponseStreamEventInProgress))
}

// add appends the events of a delta, if it makes any.
func (e *responseEvents) add(into []sse.Event, d *Delta) ([]sse.Event, error) {
	if d.Usage != nil {
		e.count(d.Usage)
	}
	if len(d.Calls) > 0 {
		return nil, errors.New("encode a response: the model calls a tool")
	}
	e.finish = orElse(d.Finish, e.finish)
	if d.Text == "" {
		return into, nil
	}
	into = e.announce(into)
	e.text.WriteString(d.Text)
	return append(into, e.event(openai.ResponseStreamEventOutputTextDelta, struct {
		partPosition
		Delta    string     `json:"delta"`
		Logprobs []struct{} `json:"logprobs"`
	}{e.position(), d.Text, []struct{}{}})), nil
}

// complete appends the events that end a complete response.
func (e *responseEvents) complete(into []sse.Event, end End) []sse.Event {
	into = e.announce(into)
	if e.response.Usage == nil {
		e.count(usageOr(nil, end))
	}
	text := e.text.String()
	part := textPart(text)
	name := openai.ResponseStreamEventCompleted
	e.response.Status = openai.ResponseStatusCompleted
	switch reason := orElse(e.finish, end.Reason); reason {
	case "length":
		e.response.IncompleteDetails = &openai.ResponseIncompleteDetails{Reason: "max_output_tokens"}
	case "content_filter":
		e.response.IncompleteDetails = &openai.ResponseIncompleteDetails{Reason: reason}
	}
	if e.response.IncompleteDetails != nil {
		name, e.response.Status = openai.ResponseStreamEventIncomplete, openai.ResponseStatusIncomplete
	}
	e.item.Status, e.item.Content = e.response.Status, []ResponsePart{part}
	into = append(into,
		e.event(openai.ResponseStreamEventOutputTextDone, struct {
			partPosition
			Text     string     `json:"text"`
			Logprobs []struct{} `json:"logprobs"`
		}{e.position(), text, []struct{}{}}),
		e.event(openai.ResponseStreamEventContentPartDone, partEvent{e.position(), part}),
		e.event(openai.ResponseStreamEventOutputItemDone, itemEvent{Item: e.item}))
	e.response.Output = []ResponseMessage{e.item}
	return append(into, e.whole(name))
}

// failed returns the event with the response as one that failed.
func (e *responseEvents) failed(why ResponseError) sse.Event {
	e.response.Status, e.response.Error = openai.ResponseStatusFailed, &why
	return e.whole(openai.ResponseStreamEventFailed)
}

// fail returns the event that ends a response that failed.
func (e *responseEvents) fail(err *Error) sse.Event {
	return e.event(openai.ResponseStreamEventError, struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Param   string `json:"param,omitzero"`
	}{err.Code, err.Message, err.Param})
}

// partPosition is the position of the part of the response that an event is about.
type partPosition struct {
	ItemID       string `json:"item_id"`
	OutputIndex  int    `json:"output_index"`
	ContentIndex int    `json:"content_index"`
}

type partEvent struct {
	partPosition
	Part ResponsePart `json:"part"`
}

type itemEvent struct {
	OutputIndex int             `json:"output_index"`
	Item        ResponseMessage `json:"item"`
}

func (e *responseEvents) position() partPosition { return partPosition{ItemID: e.item.ID} }

func textPart(text string) ResponsePart {
	return ResponsePart{Type: "output_text", Text: text, Annotations: []struct{}{}, Logprobs: []struct{}{}}
}

// announce appends the events that come before the first text, once.
func (e *responseEvents) announce(into []sse.Event) []sse.Event {
	if e.begun {
		return into
	}
	e.begun = true
	return append(into,
		e.event(openai.ResponseStreamEventOutputItemAdded, itemEvent{Item: e.item}),
		e.event(openai.ResponseStreamEventContentPartAdded, partEvent{e.position(), textPart("")}))
}

func (e *responseEvents) whole(name openai.ResponseStreamEventType) sse.Event {
	return e.event(name, struct {
		Response Response `json:"response"`
	}{e.response})
}

// event writes an event: its type and number, and the members of more, which is a struct with at
// least one.
func (e *responseEvents) event(name openai.ResponseStreamEventType, more any) sse.Event {
	members, err := json.Marshal(more)
	if err != nil {
		panic(err) // structs of strings and numbers always encode
	}
	data := fmt.Appendf(nil, `{"type":%q,"sequence_number":%d,%s`, name, e.sequence, members[1:])
	e.sequence++
	return sse.Event{Name: sse.MustName(string(name)), Data: data}
}

func (e *responseEvents) count(u *Usage) {
	r := &ResponseUsage{InputTokens: u.PromptTokens, OutputTokens: u.CompletionTokens, TotalTokens: u.TotalTokens}
	if d := u.PromptTokensDetails; d != nil {
		r.InputTokensDetails.CachedTokens = d.CachedTokens
	}
	if d := u.CompletionTokensDetails; d != nil {
		r.OutputTokensDetails.ReasoningTokens = d.ReasoningTokens
	}
	e.response.Usage = r
}
