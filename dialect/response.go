package dialect

import (
	"encoding/json"
	"fmt"
	"strings"
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

// NamedEvent is a server-sent event to be written.
type NamedEvent struct {
	Name string
	Data []byte // JSON
}

// ResponseEvents makes a response, and the typed events of its stream, of the chunks of a
// chat answer that is text. Begin comes first, then Chunk for each chunk, then Complete,
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
func (e *ResponseEvents) Begin() []NamedEvent {
	return []NamedEvent{e.whole("response.created"), e.whole("response.in_progress")}
}

// Chunk takes the JSON of a ChatChunk and returns the events it makes, which may be none.
func (e *ResponseEvents) Chunk(data []byte) ([]NamedEvent, error) {
	var chunk ChatChunk
	if err := readChunk(data, &chunk); err != nil {
		return nil, err
	}
	if chunk.Usage != nil {
		e.count(*chunk.Usage)
	}
	var events []NamedEvent
	for _, c := range chunk.Choices {
		if c.Delta.ToolCalls != nil {
			return nil, fmt.Errorf("read a chunk: it calls a tool")
		}
		if c.FinishReason != nil {
			e.finish = *c.FinishReason
		}
		if c.Delta.Content == nil || *c.Delta.Content == "" {
			continue
		}
		events = append(events, e.announce()...)
		e.text.WriteString(*c.Delta.Content)
		events = append(events, e.event("response.output_text.delta", struct {
			partPlace
			Delta    string     `json:"delta"`
			Logprobs []struct{} `json:"logprobs"`
		}{e.inPart(), *c.Delta.Content, []struct{}{}}))
	}
	return events, nil
}

// Complete returns the events that end a complete answer.
func (e *ResponseEvents) Complete() []NamedEvent {
	events := e.announce()
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
func (e *ResponseEvents) Fail(err *Error) NamedEvent {
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
func (e *ResponseEvents) announce() []NamedEvent {
	if e.begun {
		return nil
	}
	e.begun = true
	return []NamedEvent{
		e.event("response.output_item.added", itemEvent{Item: e.item}),
		e.event("response.content_part.added", struct {
			partPlace
			Part ResponsePart `json:"part"`
		}{e.inPart(), e.part("")}),
	}
}

func (e *ResponseEvents) whole(name string) NamedEvent {
	return e.event(name, struct {
		Response Response `json:"response"`
	}{e.response})
}

// event writes an event: its type and number, and the members of more, which is a struct
// with at least one.
func (e *ResponseEvents) event(name string, more any) NamedEvent {
	members, err := json.Marshal(more)
	if err != nil {
		panic(err) // structs of strings and numbers always encode
	}
	data := fmt.Appendf(nil, `{"type":%q,"sequence_number":%d,%s`, name, e.sequence, members[1:])
	e.sequence++
	return NamedEvent{Name: name, Data: data}
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

// ResponseSequence returns the sequence_number of an event of /v1/responses, -1 if it has
// none: an error that ends a stream of events that somebody else made has the next one.
func ResponseSequence(event []byte) int {
	var e struct {
		SequenceNumber *int `json:"sequence_number"`
	}
	if err := unmarshalLoosely(event, &e); err != nil || e.SequenceNumber == nil {
		return -1
	}
	return *e.SequenceNumber
}

// ResponseError returns the event that ends a stream of /v1/responses that failed, with
// its sequence_number.
func ResponseError(err *Error, sequence int) NamedEvent {
	e := ResponseEvents{sequence: sequence}
	return e.Fail(err)
}
