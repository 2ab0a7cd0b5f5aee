package dialect

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"penstock/strictjson"
)

// Rerank is the dialect of POST /v1/rerank.
const Rerank Name = "rerank"

// RerankCodec is the protocol of POST /v1/rerank, as Cohere's and Jina's clients have in common.
type RerankCodec struct{}

// Decode returns the call of a request. Its caller sets the model.
func (RerankCodec) Decode(in Input) (*RankCall, error) {
	if err := checkMediaType(in.MediaType); err != nil {
		return nil, err
	}
	return &RankCall{Call: Call{Dialect: Rerank, Body: in.Body, MediaType: in.MediaType}, parse: parseRerank}, nil
}

// rerankBody is the body of POST /v1/rerank. Clients of either server send members that only
// advise the other one: they are ignored, and reported, but for RankFields, which choose what is
// ranked.
type rerankBody struct {
	Model           string           `json:"model"`
	Query           *rerankDocument  `json:"query"`
	Documents       []rerankDocument `json:"documents"`
	TopN            *int             `json:"top_n"`
	ReturnDocuments bool             `json:"return_documents"`
	RankFields      []string         `json:"rank_fields"`
}

// parseRerank reads the body of POST /v1/rerank.
func parseRerank(c *RankCall) (*RankRequest, error) {
	var body rerankBody
	if err := parse(c.Body, &body); err != nil {
		return nil, err
	}
	if len(body.RankFields) > 1 || len(body.RankFields) == 1 && body.RankFields[0] != "text" {
		return nil, Unsupported("rank_fields", "is not supported with this model, which ranks 'text'.")
	}
	items := make([]EmbeddingItem, len(body.Documents))
	for i, d := range body.Documents {
		items[i] = EmbeddingItem(d)
	}
	r, err := newRankRequest((*rankItem)(body.Query), "documents", items, body.TopN)
	if err != nil {
		return nil, err
	}
	c.ignoreUnused()
	return r, nil
}

// ignoreUnused records the members of a request that has been parsed which have no use.
func (c *RankCall) ignoreUnused() {
	names, _ := unused[rerankBody](c.Body)
	c.Ignore(names...)
	_ = members(c.Body, func(name string, value jsontext.Value, _ int64) error {
		if name == "query" {
			c.ignoreUnusedOf("query.", value)
		}
		return nil
	})
	for _, document := range documents(c.Body) {
		c.ignoreUnusedOf("documents[].", document)
	}
}

func (c *RankCall) ignoreUnusedOf(prefix string, item jsontext.Value) {
	if item.Kind() != '{' {
		return
	}
	names, _ := unused[rankObject](item)
	for _, name := range names {
		c.Ignore(prefix + name)
	}
}

// documents returns the documents of a request that has been parsed, as the client wrote them. They
// share its memory.
func documents(body []byte) (list []jsontext.Value) {
	_ = members(body, func(name string, value jsontext.Value, end int64) error {
		if name != "documents" {
			return nil
		}
		whole := body[int(end)-len(value) : end]
		d := jsontext.NewDecoder(bytes.NewBuffer(whole), jsontext.AllowInvalidUTF8(true))
		_, _ = d.ReadToken()
		for kind := d.PeekKind(); kind == '"' || kind == '{'; kind = d.PeekKind() {
			v, err := d.ReadValue()
			if err != nil {
				return err
			}
			end := d.InputOffset()
			list = append(list, jsontext.Value(whole[int(end)-len(v):end]))
		}
		return nil
	})
	return list
}

// rerankDocument is a document or the query: as a rankItem, but an object may have more members,
// and an image may be given by its address, as Jina's clients do.
type rerankDocument EmbeddingItem

// UnmarshalJSON reads a string or an object with a text or a picture.
func (d *rerankDocument) UnmarshalJSON(data []byte) error {
	if data[0] != '{' {
		return (*rankItem)(d).UnmarshalJSON(data)
	}
	var o rankObject
	if err := strictjson.DecodeKnown(data, &o); err != nil {
		return err
	}
	if o.Image != nil && o.URL == nil && isAddress(*o.Image) {
		o.URL, o.Image = o.Image, nil
	}
	return (*rankItem)(d).set(o, data)
}

// isAddress reports whether a text is an address of HTTP: no base64 has a colon.
func isAddress(text string) bool {
	scheme, _, ok := strings.Cut(text[:min(len(text), len("https://"))], "://")
	return ok && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https"))
}

// RerankResponse is the body of a response of POST /v1/rerank: Jina's, with Cohere's id and meta.
type RerankResponse struct {
	ID      string         `json:"id"`
	Object  string         `json:"object"` // "list"
	Model   string         `json:"model"`
	Results []RerankResult `json:"results"`
	Usage   EmbeddingUsage `json:"usage"`
	Meta    RerankMeta     `json:"meta"`
}

// RerankResult is a document's place in the ranking.
type RerankResult struct {
	Index          int             `json:"index"`
	RelevanceScore float32         `json:"relevance_score"`
	Document       json.RawMessage `json:"document,omitempty"` // an object; a string is its text
}

// RerankMeta is the usage as Cohere has it.
type RerankMeta struct {
	Tokens RerankTokens `json:"tokens"`
}

// RerankTokens counts tokens.
type RerankTokens struct {
	InputTokens int `json:"input_tokens"`
}

// Encode returns the body of the response to a call. The model has the name that the client gave.
func (RerankCodec) Encode(c *RankCall, r *Ranking) ([]byte, error) {
	response := RerankResponse{
		ID: "rerank-" + rand.Text(), Object: "list", Model: c.Model, Results: make([]RerankResult, len(r.Results)),
		Usage: r.Usage, Meta: RerankMeta{Tokens: RerankTokens{InputTokens: r.Usage.PromptTokens}},
	}
	var list []jsontext.Value
	if returnsDocuments(c.Body) {
		list = documents(c.Body)
	}
	for i, one := range r.Results {
		result := RerankResult{Index: one.Index, RelevanceScore: one.Score}
		if one.Index < len(list) {
			result.Document = json.RawMessage(list[one.Index])
			if list[one.Index].Kind() == '"' {
				result.Document = append(append([]byte(`{"text":`), list[one.Index]...), '}')
			}
		}
		response.Results[i] = result
	}
	return marshalPlain(response)
}

// returnsDocuments reports whether a request, which has been parsed, has return_documents.
func returnsDocuments(body []byte) (returns bool) {
	_ = members(body, func(name string, value jsontext.Value, _ int64) error {
		returns = returns || name == "return_documents" && value.Kind() == 't'
		return nil
	})
	return returns
}

// Error renders a failure: OpenAI's error object, with its message also where Cohere's clients
// ("message") and Jina's ("detail") look for it.
func (RerankCodec) Error(err error, _ string) ErrorResponse {
	r := openAIError(err)
	if _, ok := errors.AsType[*UpstreamAnswer](err); ok {
		return r
	}
	var e Error
	if json.Unmarshal(r.Body, &e) != nil || e.Message == "" {
		return r
	}
	members := map[string]json.RawMessage{}
	if json.Unmarshal(r.Body, &members) != nil {
		return r
	}
	message, _ := marshalPlain(e.Message) // a string always encodes
	for _, name := range []string{"message", "detail"} {
		if _, has := members[name]; !has {
			members[name] = message
		}
	}
	r.Body = objectOf(members)
	return r
}
