package dialect

import (
	"encoding/json"
	"strings"

	"penstock/strictjson"
)

// Message is one turn of a conversation, in a request or in a whole response.
type Message struct {
	Role       string     `json:"role"` // system, developer, user, assistant, tool, function
	Content    Content    `json:"content"`
	Refusal    *string    `json:"refusal,omitzero"`
	Name       string     `json:"name,omitzero"`
	ToolCalls  []ToolCall `json:"tool_calls,omitzero"`
	ToolCallID string     `json:"tool_call_id,omitzero"` // role tool: the call whose result this is

	FunctionCall *FunctionCall   `json:"function_call,omitzero"` // deprecated form of ToolCalls
	Audio        json.RawMessage `json:"audio,omitzero"`
	Annotations  json.RawMessage `json:"annotations,omitzero"`
}

// Content is the content of a message: a string, a list of parts, or null (the zero value).
type Content struct {
	Text  *string // set if it is a string
	Parts []Part  // set if it is a list
}

// Text returns content that is one string.
func Text(s string) Content {
	return Content{Text: &s}
}

// Part is an element of a message's content.
type Part struct {
	Type       string          `json:"type"` // text, refusal, image_url, input_audio, file
	Text       string          `json:"text,omitzero"`
	Refusal    string          `json:"refusal,omitzero"`
	ImageURL   json.RawMessage `json:"image_url,omitzero"`
	InputAudio json.RawMessage `json:"input_audio,omitzero"`
	File       json.RawMessage `json:"file,omitzero"`
}

// String returns the text of the content, parts of type text joined; other parts have none.
func (c Content) String() string {
	if c.Text != nil {
		return *c.Text
	}
	var b strings.Builder
	for _, p := range c.Parts {
		if p.Type == "text" {
			b.WriteString(p.Text)
		}
	}
	return b.String()
}

// MarshalJSON writes the string, the list, or null.
func (c Content) MarshalJSON() ([]byte, error) {
	switch {
	case c.Text != nil:
		return json.Marshal(*c.Text)
	case c.Parts != nil:
		return json.Marshal(c.Parts)
	}
	return []byte("null"), nil
}

// UnmarshalJSON reads a string, a list of parts, or null.
func (c *Content) UnmarshalJSON(data []byte) error {
	*c = Content{}
	switch data[0] {
	case 'n':
		return nil
	case '"':
		c.Text = new(string)
		return strictjson.Decode(data, c.Text)
	case '[':
		return strictjson.DecodeKnown(data, &c.Parts)
	}
	return strictjson.Mismatch("one of a string or array of objects", strictjson.TypeOf(data))
}

// Tool is something the model may call.
type Tool struct {
	Type     string          `json:"type"` // function, custom
	Function *Function       `json:"function,omitzero"`
	Custom   json.RawMessage `json:"custom,omitzero"`
}

// Function is the declaration of a function: its parameters are a JSON schema.
type Function struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitzero"`
	Parameters  json.RawMessage `json:"parameters,omitzero"`
	Strict      *bool           `json:"strict,omitzero"`
}

// ToolChoice determines whether and which tool is to be called.
type ToolChoice struct {
	Mode string          // none, auto or required; "" if one is named
	Tool json.RawMessage // the object that names one
}

// MarshalJSON writes the mode as a string, or the object that names a tool.
func (t ToolChoice) MarshalJSON() ([]byte, error) {
	if t.Tool != nil {
		return t.Tool, nil
	}
	return json.Marshal(t.Mode)
}

// UnmarshalJSON reads a mode or an object.
func (t *ToolChoice) UnmarshalJSON(data []byte) error {
	*t = ToolChoice{}
	switch data[0] {
	case '"':
		return strictjson.Decode(data, &t.Mode)
	case '{':
		t.Tool = append(json.RawMessage{}, data...)
		return nil
	}
	return strictjson.Mismatch("one of a string or object", strictjson.TypeOf(data))
}

// ToolCall is a call the model made, whole.
type ToolCall struct {
	ID       string          `json:"id"`
	Type     string          `json:"type"`
	Function *FunctionCall   `json:"function,omitzero"`
	Custom   json.RawMessage `json:"custom,omitzero"`
}

// FunctionCall names a function and gives its arguments as a JSON text, which the model wrote and
// which may be invalid.
type FunctionCall struct {
	Name      string `json:"name,omitzero"`
	Arguments string `json:"arguments"`
}
