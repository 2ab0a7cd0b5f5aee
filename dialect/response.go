package dialect

import (
	"encoding/json"
	"fmt"
	"strings"

	"penstock/sse"
)

// Response is the answer of /v1/responses, whole or as far as it has come.
type Response struct {
	ID                string              `json:"id"`
	Object            string              `json:"object"` // "response"
	CreatedAt         int64               `json:"created_at"`
	Status            string              `json:"status"` // in_progress, completed, incomplete
	Error             *struct{}           `json:"error"`  // null: a failure is an event, or an HTTP answer
	IncompleteDetails *ResponseIncomplete `json:"incomplete_details"`
	Instructions      *string             `json:"instructions"`
	MaxOutputTokens   *int                `json:"max_output_tokens"`
	Model             string              `json:"model"`
	Output            []ResponseMessage   `json:"output"`
	ParallelToolCalls bool                `json:"parallel_tool_calls"`
	PreviousID        *string             `json:"previous_response_id"`
	Store             bool                `json:"store"`
	Temperature       *float64            `json:"temperature"`
	Text              ResponseText        `json:"text"`
	ToolChoice        string              `json:"tool_choice"`
	Tools             []struct{}          `json:"tools"`
	TopP              *float64            `json:"top_p"`
	Truncation        string              `json:"truncation"`
	Usage             *ResponseUsage      `json:"usage"`
	Metadata          map[string]string   `json:"metadata"`
}

// ResponseIncomplete says why a response ended before its end.
type ResponseIncomplete struct {
	Reason string `json:"reason"` // max_output_tokens, content_filter
}

// ResponseMessage is the message a model answers with.
type ResponseMessage struct {
	ID      string         `json:"id"`
	Type    string         `json:"type"`   // "message"
	Status  string         `json:"status"` // in_progress, completed, incomplete
	Role    string         `json:"role"`   // "assistant"
	Content []ResponsePart `json:"content"`
}

// ResponsePart is a part of a ResponseMessage.
type ResponsePart struct {
	Type        string     `json:"type"` // "output_text"
	Text        string     `json:"text"`
	Annotations []struct{} `json:"annotations"`
	Logprobs    []struct{} `json:"logprobs"`
}

// ResponseUsage counts tokens in the words of /v1/responses.
type ResponseUsage struct {
	InputTokens        int `json:"input_tokens"`
	InputTokensDetails struct {
		CachedTokens int `json:"cached_tokens"`
	} `json:"input_tokens_details"`
	OutputTokens        int `json:"output_tokens"`
	OutputTokensDetails struct {
		ReasoningTokens int `json:"reasoning_tokens"`
	} `json:"output_tokens_details"`
	TotalTokens int `json:"total_tokens"`
}

// ResponseEvents makes a response, and the typed events of its stream, of the deltas of a
// completion that is text. Begin comes first, then Add for each delta, then Complete,
// or Fail in the place of whatever is next. It is for one answer and one goroutine.
type ResponseEvents struct {
	response Response
	item     ResponseMessage
	text     strings.Builder
	begun    bool // the item has been announced
	finish   string
	sequence int
}

// NewResponseEvents begins the answer to a request. id is unique, of letters and digits;
// created is Unix time in seconds.
func NewResponseEvents(r *ResponsesRequest, id string, created int64) *ResponseEvents {
	e := &ResponseEvents{
		response: Response{
			ID: "resp_" + id, Object: "response", CreatedAt: created, Status: "in_progress",
			Instructions: r.Instructions, MaxOutputTokens: r.MaxOutputTokens, Model: r.Model, Output: []ResponseMessage{},
			ParallelToolCalls: true, Temperature: r.Temperature, TopP: r.TopP, Tools: []struct{}{}, ToolChoice: "auto", Truncation: "disabled",
			Text: ResponseText{Format: &ResponseFormat{Type: "text"}}, Metadata: r.Metadata,
		},
		item: ResponseMessage{ID: "msg_" + id, Type: "message", Status: "in_progress", Role: "assistant", Content: []ResponsePart{}},
	}
	if r.Text != nil && r.Text.Format != nil {
		e.response.Text = *r.Text
	}
	if e.response.Metadata == nil {
		e.response.Metadata = map[string]string{}
	}
	return e
}

// Begin returns the events that come before all others.
func (e *ResponseEvents) Begin() []sse.Event {
	return []sse.Event{e.whole("response.created"), e.whole("response.in_progress")}
}

// Add takes a delta and returns the events it makes, which may be none.
func (e *ResponseEvents) Add(d *Delta) []sse.Event {
	if d.Usage != nil {
		e.count(*d.Usage)
	}
	if d.Finish != "" {
		e.finish = d.Finish
	}
	if d.Text == "" {
		return nil
	}
	events := e.announce()
	e.text.WriteString(d.Text)
	return append(events, e.event("response.output_text.delta", struct {
		partPlace
		Delta    string     `json:"delta"`
		Logprobs []struct{} `json:"logprobs"`
	}{e.inPart(), d.Text, []struct{}{}}))
}

// Complete returns the events that end a complete answer.
func (e *ResponseEvents) Complete(end End) []sse.Event {
	events := e.announce()
	if e.response.Usage == nil {
		e.count(end.Usage)
	}
	text := e.text.String()
	part := e.part(text)
	name := "response.completed"
	e.response.Status = "completed"
	switch e.finish {
	case "length":
		e.response.IncompleteDetails = &ResponseIncomplete{"max_output_tokens"}
	case "content_filter":
		e.response.IncompleteDetails = &ResponseIncomplete{e.finish}
	}
	if e.response.IncompleteDetails != nil {
		name, e.response.Status = "response.incomplete", "incomplete"
	}
	e.item.Status, e.item.Content = e.response.Status, []ResponsePart{part}
	events = append(events,
		e.event("response.output_text.done", struct {
			partPlace
			Text     string     `json:"text"`
			Logprobs []struct{} `json:"logprobs"`
		}{e.inPart(), text, []struct{}{}}),
		e.event("response.content_part.done", struct {
			partPlace
			Part ResponsePart `json:"part"`
		}{e.inPart(), part}),
		e.event("response.output_item.done", itemEvent{Item: e.item}))
	e.response.Output = []ResponseMessage{e.item}
	return append(events, e.whole(name))
}

// Fail returns the event that ends an answer that failed.
func (e *ResponseEvents) Fail(err *Error) sse.Event {
	return e.event("error", struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Param   string `json:"param,omitzero"`
	}{err.Code, err.Message, err.Param})
}

// Response returns the whole answer, after Complete.
func (e *ResponseEvents) Response() Response { return e.response }

// partPlace says which part of the answer an event is about.
type partPlace struct {
	ItemID       string `json:"item_id"`
	OutputIndex  int    `json:"output_index"`
	ContentIndex int    `json:"content_index"`
}

type itemEvent struct {
	OutputIndex int             `json:"output_index"`
	Item        ResponseMessage `json:"item"`
}

func (e *ResponseEvents) inPart() partPlace { return partPlace{ItemID: e.item.ID} }

func (e *ResponseEvents) part(text string) ResponsePart {
	return ResponsePart{Type: "output_text", Text: text, Annotations: []struct{}{}, Logprobs: []struct{}{}}
}

// announce returns the events that come before the first text, once.
func (e *ResponseEvents) announce() []sse.Event {
	if e.begun {
		return nil
	}
	e.begun = true
	return []sse.Event{
		e.event("response.output_item.added", itemEvent{Item: e.item}),
		e.event("response.content_part.added", struct {
			partPlace
			Part ResponsePart `json:"part"`
		}{e.inPart(), e.part("")}),
	}
}

func (e *ResponseEvents) whole(name string) sse.Event {
	return e.event(name, struct {
		Response Response `json:"response"`
	}{e.response})
}

// event writes an event: its type and number, and the members of more, which is a struct
// with at least one.
func (e *ResponseEvents) event(name string, more any) sse.Event {
	members, err := json.Marshal(more)
	if err != nil {
		panic(err) // structs of strings and numbers always encode
	}
	data := fmt.Appendf(nil, `{"type":%q,"sequence_number":%d,%s`, name, e.sequence, members[1:])
	e.sequence++
	return sse.Event{Name: sse.MustName(name), Data: data}
}

func (e *ResponseEvents) count(u Usage) {
	r := &ResponseUsage{InputTokens: u.PromptTokens, OutputTokens: u.CompletionTokens, TotalTokens: u.TotalTokens}
	if d := u.PromptTokensDetails; d != nil {
		r.InputTokensDetails.CachedTokens = d.CachedTokens
	}
	if d := u.CompletionTokensDetails; d != nil {
		r.OutputTokensDetails.ReasoningTokens = d.ReasoningTokens
	}
	e.response.Usage = r
}
