package dialect

import (
	"encoding/json"
	"strings"

	"penstock/strictjson"
)

// RankRequest is a query, and the items to rank by how similar they are to it. Names are set for
// errors.
type RankRequest struct {
	Query EmbeddingItem
	Items []EmbeddingItem
	TopN  int    // how many results to return, the most similar; 0: all
	List  string // the name of the list of items in the request
}

// RankCall is a request to rank: the client's own bytes, which a model that ranks reads with Parse.
type RankCall struct {
	Call
	ignored

	parse func(*RankCall) (*RankRequest, error) // made by the codec that decoded the call
}

// Parse reads and checks the request. Its error is an *Error.
func (c *RankCall) Parse() (*RankRequest, error) { return c.parse(c) }

// Expectation reads what the request may come to, of which MaxTokens is 0.
func (c *RankCall) Expectation() Expectation {
	var e expecting
	s := scanner{data: c.Body}
	for s.enter('{'); s.more('}'); {
		switch plainName(s.name()) {
		case "query":
			e.rankItem(&s)
		case "items", "documents":
			if s.peek() != '[' {
				s.skip()
				continue
			}
			for s.enter('['); s.more(']'); {
				e.rankItem(&s)
			}
		default:
			s.skip()
		}
	}
	if s.bad {
		e.text = len(c.Body)
	}
	return Expectation{PromptTokens: EstimateTokens(e.text)}
}

// rankItem adds the text of an item: a picture has none.
func (e *expecting) rankItem(s *scanner) {
	if s.peek() != '"' {
		e.value(s, 0)
		return
	}
	if text := s.text(); !isPicture(string(text)) {
		e.text += len(text)
	}
}

// Ranking is the result of a RankCall.
type Ranking struct {
	Results []Ranked // the most similar first; of equal ones, the one with the lower index
	Usage   EmbeddingUsage
}

// Ranked is the place of an item in a Ranking.
type Ranked struct {
	Index int     `json:"index"` // of the item in the request
	Score float32 `json:"score"` // the cosine of its vector and the query's, -1 to 1
}

// RankCodec is the protocol of POST /v1/models/{name}:rank.
type RankCodec struct{}

// Decode returns the call of a request. The model is part of the path.
func (RankCodec) Decode(in Input) (*RankCall, error) {
	if err := checkMediaType(in.MediaType); err != nil {
		return nil, err
	}
	return &RankCall{Call: Call{Dialect: Native, Body: in.Body, MediaType: in.MediaType}, parse: parseRank}, nil
}

// Encode returns the body of a response.
func (RankCodec) Encode(r *Ranking) ([]byte, error) {
	return marshalPlain(struct {
		Results []Ranked `json:"results"`
	}{r.Results})
}

// parseRank reads the body of POST /v1/models/{name}:rank. An unknown member is an error.
func parseRank(c *RankCall) (*RankRequest, error) {
	var body struct {
		Query *rankItem  `json:"query"`
		Items []rankItem `json:"items"`
		TopN  *int       `json:"top_n"`
	}
	if err := parseStrictly(c.Body, &body); err != nil {
		return nil, err
	}
	items := make([]EmbeddingItem, len(body.Items))
	for i, item := range body.Items {
		items[i] = EmbeddingItem(item)
	}
	return newRankRequest(body.Query, "items", items, body.TopN)
}

// newRankRequest checks what both protocols have.
func newRankRequest(query *rankItem, list string, items []EmbeddingItem, topN *int) (*RankRequest, error) {
	var c checks
	c.given("query", query != nil)
	c.given(list, len(items) > 0)
	c.integer("top_n", topN, 1, maxInteger)
	if c.failed != nil {
		return nil, c.failed
	}
	r := &RankRequest{Query: EmbeddingItem(*query), Items: items, List: list}
	if topN != nil {
		r.TopN = *topN
	}
	return r, nil
}

// rankItem is a string, or an object with one of text, image and url. A string that is a data URL
// of an image is that image.
type rankItem EmbeddingItem

// rankObject is the form of a rankItem that is an object.
type rankObject struct {
	Text  *string `json:"text"`
	Image *string `json:"image"`
	URL   *string `json:"url"`
}

// UnmarshalJSON reads a string or an object with one member.
func (i *rankItem) UnmarshalJSON(data []byte) error {
	var o rankObject
	switch data[0] {
	case '"':
		if err := strictjson.Decode(data, &o.Text); err != nil {
			return err
		}
		if isPicture(*o.Text) {
			o.Text, o.Image = nil, o.Text
		}
	case '{':
		if err := strictjson.Decode(data, &o); err != nil {
			return err
		}
	}
	return i.set(o, data)
}

// set checks that an item is one text or one picture.
func (i *rankItem) set(o rankObject, data json.RawMessage) error {
	given := 0
	for _, member := range []*string{o.Text, o.Image, o.URL} {
		if member != nil {
			given++
		}
	}
	switch {
	case data[0] != '"' && data[0] != '{':
		return strictjson.Mismatch("a string, or an object with 'text', 'image' or 'url'", strictjson.TypeOf([]byte(data)))
	case given != 1:
		return strictjson.Mismatch("one of 'text', 'image' and 'url'", "none or several")
	}
	*i = rankItem{Text: o.Text, Image: o.Image, URL: o.URL}
	return nil
}

// isPicture reports whether a string is a data URL of an image.
func isPicture(text string) bool {
	const scheme = "data:image/"
	return len(text) > len(scheme) && strings.EqualFold(text[:len(scheme)], scheme)
}
