package dialect_test

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"penstock/apierr"
	"penstock/dialect"
)

func textItem(s string) dialect.EmbeddingItem { return dialect.EmbeddingItem{Text: &s} }

func imageItem(s string) dialect.EmbeddingItem { return dialect.EmbeddingItem{Image: &s} }

func urlItem(s string) dialect.EmbeddingItem { return dialect.EmbeddingItem{URL: &s} }

func TestARequestToRankInEveryForm(t *testing.T) {
	for item, want := range map[string]dialect.EmbeddingItem{
		`"a cat"`:                           textItem("a cat"),
		`""`:                                textItem(""),
		`"database/image"`:                  textItem("database/image"),
		`"data:image/png;base64,AA=="`:      imageItem("data:image/png;base64,AA=="),
		`"DATA:image/png;base64,AA=="`:      imageItem("DATA:image/png;base64,AA=="),
		`{"text":"data:image/png;b"}`:       textItem("data:image/png;b"),
		`{"image":"AA=="}`:                  imageItem("AA=="),
		`{"url":"https://h/a","text":null}`: urlItem("https://h/a"),
	} {
		c, err := dialect.RankCodec{}.Decode(dialect.Input{Body: []byte(`{"query":` + item + `,"items":["b",` + item + `],"top_n":3}`)})
		if err != nil {
			t.Fatal(err)
		}
		r, err := c.Parse()
		if err != nil {
			t.Errorf("%s: %v", item, err)
			continue
		}
		if r.TopN != 3 || r.List != "items" || !reflect.DeepEqual(r.Query, want) || !reflect.DeepEqual(r.Items, []dialect.EmbeddingItem{textItem("b"), want}) {
			t.Errorf("%s was read as %+v", item, r)
		}
	}
	if _, err := (dialect.RankCodec{}).Decode(dialect.Input{Body: []byte(`{}`), MediaType: "multipart/form-data; boundary=b"}); apierr.From(err).Code != apierr.CodeUnsupportedMediaType {
		t.Errorf("a form: %v", err)
	}
}

func TestARankingAsJSON(t *testing.T) {
	got, err := dialect.RankCodec{}.Encode(&dialect.Ranking{Results: []dialect.Ranked{{Index: 3, Score: 0.25}, {Index: 0, Score: -1}}})
	if want := `{"results":[{"index":3,"score":0.25},{"index":0,"score":-1}]}`; err != nil || string(got) != want {
		t.Errorf("got %s, %v", got, err)
	}
}

// The text of a request to rank counts, pictures do not.
func TestTheExpectationOfARequestToRank(t *testing.T) {
	picture := "data:image/png;base64," + strings.Repeat("A", 4000)
	for body, want := range map[string]int{
		`{"query":"12345678","items":["1234",{"text":"1234"}]}`:                                      4,
		`{"model":"12345678","query":{"image":"12345678"},"documents":["1234",{"url":"12345678"}]}`:  1,
		`{"query":"` + picture + `","items":["` + picture + `",{"image":"` + picture + `"},"1234"]}`: 1,
		`{"query":"1234","items":"12345678","documents":7}`:                                          1,
		`{"query":"1234"`: 4,
	} {
		c, err := dialect.RankCodec{}.Decode(dialect.Input{Body: []byte(body)})
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Expectation(); got.PromptTokens != want || got.MaxTokens != 0 {
			t.Errorf("%.80s: %+v, not %d", body, got, want)
		}
	}
}

// What clients of Cohere, of Jina and of vLLM send is read.
func TestARerankRequestInEveryForm(t *testing.T) {
	for body, want := range map[string]struct {
		query   dialect.EmbeddingItem
		items   []dialect.EmbeddingItem
		top     int
		ignored string
	}{
		`"query":"q","documents":["a","b"],"top_n":1,"return_documents":true`: {textItem("q"), []dialect.EmbeddingItem{textItem("a"), textItem("b")}, 1, ""},
		`"query":"q","documents":[{"text":"a","title":"t"},"b"],"rank_fields":["text"],"max_chunks_per_doc":10,"max_tokens_per_doc":4096`: {
			textItem("q"), []dialect.EmbeddingItem{textItem("a"), textItem("b")}, 0, "documents[].title, max_chunks_per_doc, max_tokens_per_doc",
		},
		`"query":{"image":"https://h/q.png","id":7},"documents":[{"image":"http://h/a.png"},{"image":"AAAA"},{"url":"https://h/b"}],"top_n":null,"user":"u"`: {
			urlItem("https://h/q.png"), []dialect.EmbeddingItem{urlItem("http://h/a.png"), imageItem("AAAA"), urlItem("https://h/b")}, 0, "query.id, user",
		},
	} {
		c, err := dialect.RerankCodec{}.Decode(dialect.Input{Body: []byte(`{"model":"m",` + body + `}`)})
		if err != nil {
			t.Fatal(err)
		}
		r, err := c.Parse()
		if err != nil {
			t.Errorf("%s: %v", body, err)
			continue
		}
		if !reflect.DeepEqual(r.Query, want.query) || !reflect.DeepEqual(r.Items, want.items) || r.TopN != want.top || r.List != "documents" {
			t.Errorf("%s was read as %+v", body, r)
		}
		if got := strings.Join(c.Ignored(), ", "); got != want.ignored {
			t.Errorf("%s: %q is ignored, not %q", body, got, want.ignored)
		}
	}
}

func TestBadRerankRequests(t *testing.T) {
	for body, want := range map[string]struct{ param, code string }{
		`{"documents":["a"]}`:                                          {"query", "missing_required_parameter"},
		`{"query":"q"}`:                                                {"documents", "missing_required_parameter"},
		`{"query":"q","documents":[]}`:                                 {"documents", "missing_required_parameter"},
		`{"query":"q","documents":[7]}`:                                {"documents[0]", "invalid_type"},
		`{"query":"q","documents":["a",{"title":"t"}]}`:                {"documents[1]", "invalid_type"},
		`{"query":"q","documents":["a",{"text":7}]}`:                   {"documents[1].text", "invalid_type"},
		`{"query":"q","documents":[{"text":"a","image":"b"}]}`:         {"documents[0]", "invalid_type"},
		`{"query":"q","documents":["a"],"top_n":0}`:                    {"top_n", "integer_below_min_value"},
		`{"query":"q","documents":["a"],"top_n":"1"}`:                  {"top_n", "invalid_type"},
		`{"query":"q","documents":["a"],"return_documents":"yes"}`:     {"return_documents", "invalid_type"},
		`{"query":"q","documents":[{"text":"a"}],"rank_fields":["t"]}`: {"rank_fields", "unsupported_parameter"},
		`{"query":"q","documents":["a"]`:                               {"", "invalid_json"},
		`["q"]`:                                                        {"", "invalid_json"},
	} {
		c, err := dialect.RerankCodec{}.Decode(dialect.Input{Body: []byte(body)})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Parse()
		var e *dialect.Error
		if !errors.As(err, &e) || e.Status != http.StatusBadRequest || e.Param != want.param || e.Code != want.code {
			t.Errorf("%s: %+v", body, err)
		}
	}
}

// The response has what clients of Cohere and of Jina read; a document is returned as it was sent.
func TestARerankResponse(t *testing.T) {
	ranking := &dialect.Ranking{
		Results: []dialect.Ranked{{Index: 1, Score: 0.5}, {Index: 0, Score: 0.25}},
		Usage:   dialect.EmbeddingUsage{PromptTokens: 7, TotalTokens: 7},
	}
	for more, documents := range map[string][]string{
		``:                          {"", ""},
		`,"return_documents":false`: {"", ""},
		`,"return_documents":true`:  {`,"document":{"text":"a <b>","year":1999}`, `,"document":{"text":"caf\u00e9 \"1\""}`},
	} {
		c, err := dialect.RerankCodec{}.Decode(dialect.Input{Body: []byte(`{"query":"q","documents":["caf\u00e9 \"1\"", {"text": "a <b>", "year":1999}]` + more + `}`)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Parse(); err != nil {
			t.Fatal(err)
		}
		c.Model = "clip"
		got, err := dialect.RerankCodec{}.Encode(c, ranking)
		if err != nil {
			t.Fatal(err)
		}
		id, rest, _ := strings.Cut(strings.TrimPrefix(string(got), `{"id":"rerank-`), `"`)
		want := fmt.Sprintf(`,"object":"list","model":"clip","results":[{"index":1,"relevance_score":0.5%s},{"index":0,"relevance_score":0.25%s}],"usage":{"prompt_tokens":7,"total_tokens":7},"meta":{"tokens":{"input_tokens":7}}}`, documents[0], documents[1])
		if len(id) < 20 || rest != want {
			t.Errorf("got %s, not %s", got, want)
		}
	}
}

// An error has OpenAI's object, and its message where clients of Cohere and Jina look for it. An
// upstream's is left as it is.
func TestARerankError(t *testing.T) {
	r := dialect.RerankCodec{}.Error(&apierr.Error{Code: apierr.CodeInvalidInput, Reason: "bad_text", Param: "query", Message: "query is empty"}, "")
	const want = `{"detail":"query is empty","error":{"message":"query is empty","type":"invalid_request_error","param":"query","code":"bad_text"},"message":"query is empty"}`
	if r.Status != http.StatusBadRequest || string(r.Body) != want {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	theirs := &dialect.UpstreamAnswer{Status: 422, Body: []byte(`{"message":"theirs"}`)}
	if r := (dialect.RerankCodec{}).Error(theirs, ""); r.Status != 422 || !slices.Equal(r.Body, theirs.Body) {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}
