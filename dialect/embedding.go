package dialect

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"slices"

	"penstock/strictjson"
)

// EncodingBase64 is the EmbeddingRequest.EncodingFormat of compact vectors.
const EncodingBase64 = "base64"

// EmbeddingRequest is the body of POST /v1/embeddings.
type EmbeddingRequest struct {
	Model          string         `json:"model"`
	Input          EmbeddingInput `json:"input"`
	Dimensions     *int           `json:"dimensions,omitzero"`
	EncodingFormat string         `json:"encoding_format,omitzero"` // float, base64; "" is float
	User           string         `json:"user,omitzero"`
}

// EmbeddingInput is one item or a list of them; or token ids, one list or several. One of the two
// fields is set.
type EmbeddingInput struct {
	Items  []EmbeddingItem
	Tokens [][]int
}

// EmbeddingItem is a string, or, which is not OpenAI's but what models of pictures and texts need,
// {"image": …} or {"url": …}. One of the fields is set.
type EmbeddingItem struct {
	Text  *string `json:"-"`
	Image *string `json:"image,omitzero"` // a data URL, or base64
	URL   *string `json:"url,omitzero"`   // a picture's address

	Name string `json:"-"` // how errors refer to it; "": by its index in the input
}

// EmbeddingResponse is the response of POST /v1/embeddings.
type EmbeddingResponse struct {
	Object string         `json:"object"` // "list"
	Data   []Embedding    `json:"data"`   // in the order of the input
	Model  string         `json:"model"`
	Usage  EmbeddingUsage `json:"usage"`
}

// Embedding is one item's vector.
type Embedding struct {
	Object    string `json:"object"` // "embedding"
	Index     int    `json:"index"`
	Embedding Vector `json:"embedding"`
}

// EmbeddingUsage counts the tokens of all texts.
type EmbeddingUsage struct {
	PromptTokens int  `json:"prompt_tokens"`
	TotalTokens  int  `json:"total_tokens"`
	Estimated    bool `json:"-"` // the model has not counted them
}

// Vector is written as a list of numbers or, in Base64, as the base64 of its numbers' four bytes
// each, the low one first. Both are read.
type Vector struct {
	Values []float32
	Base64 bool
}

// MarshalJSON writes the base64 if Base64 is set, else the list.
func (v Vector) MarshalJSON() ([]byte, error) {
	if !v.Base64 {
		return json.Marshal(v.Values)
	}
	raw := make([]byte, 0, 4*len(v.Values))
	for _, f := range v.Values {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(f))
	}
	return json.Marshal(raw)
}

// UnmarshalJSON reads either form.
func (v *Vector) UnmarshalJSON(data []byte) error {
	if *v = (Vector{}); data[0] != '"' {
		return strictjson.Decode(data, &v.Values)
	}
	var text string
	if err := strictjson.Decode(data, &text); err != nil {
		return err
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(raw)%4 != 0 {
		return strictjson.Mismatch("the base64 of numbers of four bytes", "other text")
	}
	v.Base64 = true
	for ; len(raw) > 0; raw = raw[4:] {
		v.Values = append(v.Values, math.Float32frombits(binary.LittleEndian.Uint32(raw)))
	}
	return nil
}

// MarshalJSON writes the shortest of the forms.
func (i EmbeddingInput) MarshalJSON() ([]byte, error) {
	switch {
	case len(i.Items) == 1:
		return json.Marshal(i.Items[0])
	case i.Items != nil:
		return json.Marshal(i.Items)
	}
	return json.Marshal(i.Tokens)
}

// UnmarshalJSON reads any of the forms. Of a list, the first element decides.
func (i *EmbeddingInput) UnmarshalJSON(data []byte) error {
	*i = EmbeddingInput{}
	if data[0] != '[' {
		i.Items = make([]EmbeddingItem, 1)
		return strictjson.Decode(data, &i.Items[0])
	}
	switch first := bytes.TrimLeft(data[1:], " \t\r\n"); {
	case first[0] == '[':
		if err := strictjson.Decode(data, &i.Tokens); err != nil {
			return err
		}
	case first[0] == '-' || '0' <= first[0] && first[0] <= '9':
		i.Tokens = make([][]int, 1)
		if err := strictjson.Decode(data, &i.Tokens[0]); err != nil {
			return err
		}
	default:
		return strictjson.Decode(data, &i.Items)
	}
	if bytes.Contains(data, []byte("null")) { // which has become 0, or nothing
		return strictjson.Mismatch("token ids", "null")
	}
	if slices.ContainsFunc(i.Tokens, func(ids []int) bool { return len(ids) == 0 }) {
		return strictjson.Mismatch("token ids", "an empty array")
	}
	return nil
}

// MarshalJSON writes a string or an object.
func (i EmbeddingItem) MarshalJSON() ([]byte, error) {
	if i.Text != nil {
		return json.Marshal(*i.Text)
	}
	type object EmbeddingItem
	return json.Marshal(object(i))
}

// UnmarshalJSON reads a string or an object with one picture.
func (i *EmbeddingItem) UnmarshalJSON(data []byte) error {
	*i = EmbeddingItem{}
	switch data[0] {
	case '"':
		i.Text = new(string)
		return strictjson.Decode(data, i.Text)
	case '{':
		type object EmbeddingItem
		if err := strictjson.Decode(data, (*object)(i)); err != nil {
			return err
		}
		if (i.Image == nil) == (i.URL == nil) {
			return strictjson.Mismatch("one of 'image' and 'url'", "none or both")
		}
		return nil
	}
	return strictjson.Mismatch("a string, an object with 'image' or 'url', or an array of them", strictjson.TypeOf(data))
}

// ParseEmbeddingRequest reads and checks the body of POST /v1/embeddings. Its error is an *Error.
func ParseEmbeddingRequest(body []byte) (*EmbeddingRequest, error) {
	r := new(EmbeddingRequest)
	if err := parse(body, r); err != nil {
		return nil, err
	}
	var c checks
	c.given("model", r.Model != "")
	c.given("input", len(r.Input.Items)+len(r.Input.Tokens) > 0)
	c.integer("dimensions", r.Dimensions, 1, maxInteger)
	if r.EncodingFormat != "" {
		c.oneOf("encoding_format", r.EncodingFormat, "float", EncodingBase64)
	}
	if c.failed != nil {
		return nil, c.failed
	}
	return r, nil
}
