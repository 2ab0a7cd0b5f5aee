package gateway_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"penstock/auth"
	"penstock/clip"
	"penstock/dialect"
	"penstock/engine"
	"penstock/gateway"
	"penstock/llm/upstream"
	"penstock/onnx"
	"penstock/onnx/onnxtest"
)

// rankers is a gateway with the model clip, which ranks; far, whose server reranks; mute, which
// passes nothing through; and words, which generates.
type rankers struct {
	*server

	mu  sync.Mutex
	got []sent // by far's server
}

const reranked = `{"results": [{"index":1,"relevance_score":0.50}],"usage":{"total_tokens":21}}`

func newRankers(t *testing.T, change ...func(*gateway.Options)) *rankers {
	t.Helper()
	r := &rankers{}
	theirs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(request.Body)
		r.mu.Lock()
		r.got = append(r.got, sent{"far", request.Method, request.RequestURI, string(body), request.Header})
		r.mu.Unlock()
		if strings.Contains(string(body), "BAD") {
			w.WriteHeader(http.StatusUnprocessableEntity)
			_, _ = io.WriteString(w, `{"message":"theirs"}`)
			return
		}
		reply("application/json", reranked)(w, request)
	}))
	t.Cleanup(theirs.Close)
	r.server = newServer(t, 2, 9, func(e *engine.Engine) {
		clip.New(clip.Options{
			Name: "clip", Path: filepath.Join("..", "models", "clip-tiny"), Labels: []string{"a photo of a cat", "a photo of a dog"}, Batch: 4,
			ONNX: onnx.Options{Library: onnxtest.Library(t)},
		}).Register(e)
		config := upstream.Config{
			Name: "far", Pass: []dialect.PassRoute{"rerank"}, Log: slog.New(slog.DiscardHandler),
			Servers:  []upstream.Server{{Name: "a", BaseURL: theirs.URL + "/v1", Model: "their-model", Weight: 1}},
			Timeouts: upstream.Timeouts{Connect: time.Minute, FirstToken: time.Minute, BetweenTokens: time.Minute, Whole: time.Minute},
			Gate:     engine.GateConfig{Permits: 1, Queue: 1},
		}
		mute := config
		mute.Name, mute.Pass = "mute", nil
		for _, c := range []upstream.Config{config, mute} {
			if _, err := upstream.Add(e, c); err != nil {
				t.Fatal(err)
			}
		}
		words(nil)(e)
	}, change...)
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// picture returns a photo as base64.
func picture(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "clip", "testdata", "photos", name))
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(data)
}

// Both routes rank the same, in the order of the cosines of the embeddings.
func TestBothRoutesRankByTheEmbeddings(t *testing.T) {
	s := newRankers(t)
	list := `["a photo of a dog",{"image":"` + picture(t, "cat_chelsea.jpg") + `"},{"text":"a rocket"},{"image":"` + picture(t, "coffee.jpg") + `"}]`
	var embedded dialect.EmbeddingResponse
	w := s.record(request("POST", "/v1/embeddings", `{"model":"clip","input":`+strings.Replace(strings.Replace(list, `{"text":"a rocket"}`, `"a rocket"`, 1), "[", `["a photo of a cat",`, 1)+`}`))
	if err := json.Unmarshal(w.Body.Bytes(), &embedded); err != nil || len(embedded.Data) != 5 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	cosine := func(i int) (sum float64) {
		for j, v := range embedded.Data[0].Embedding.Values {
			sum += float64(v) * float64(embedded.Data[i+1].Embedding.Values[j])
		}
		return sum
	}
	check := func(name string, index, n int, score, before float64) {
		t.Helper()
		if difference := score - cosine(index); difference > 1e-5 || difference < -1e-5 || score > before {
			t.Errorf("%s, result %d: index %d has %g, not %g, after %g", name, n, index, score, cosine(index), before)
		}
	}
	for _, path := range []string{"/v1/models/clip:rank", "/v1/models/clip/rank"} {
		w := s.record(request("POST", path, `{"query":"a photo of a cat","items":`+list+`}`))
		var out struct {
			Results []struct {
				Index *int
				Score *float64
			}
		}
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || w.Code != 200 || len(out.Results) != 4 || w.Header().Get("Content-Type") != "application/json" {
			t.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
		before := 1.0
		for n, r := range out.Results {
			check(path, *r.Index, n, *r.Score, before)
			before = *r.Score
		}
	}
	w = s.record(request("POST", "/v1/rerank", `{"model":"clip","query":{"text":"a photo of a cat"},"documents":`+list+`,"top_n":3,"return_documents":true,"max_tokens_per_doc":7}`))
	var out dialect.RerankResponse
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || w.Code != 200 || len(out.Results) != 3 || out.Model != "clip" || out.Usage.PromptTokens == 0 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	var sent []json.RawMessage
	if err := json.Unmarshal([]byte(list), &sent); err != nil {
		t.Fatal(err)
	}
	sent[0] = json.RawMessage(`{"text":"a photo of a dog"}`)
	before := 1.0
	for n, r := range out.Results {
		check("rerank", r.Index, n, float64(r.RelevanceScore), before)
		if before = float64(r.RelevanceScore); string(r.Document) != string(sent[r.Index]) {
			t.Errorf("result %d has the document %.90s", n, r.Document)
		}
	}
	if got := w.Header().Get("X-Penstock-Ignored"); got != "max_tokens_per_doc" {
		t.Errorf("ignored: %s", got)
	}
	if got := s.record(request("GET", "/v1/models/clip", "")).Body.String(); !strings.Contains(got, `"verbs":["predict","embed","rank","infer"]`) {
		t.Errorf("the model is %s", got)
	}
}

// One route serves models that rank, and passes through what is for others.
func TestRerankIsServedOrPassedThrough(t *testing.T) {
	s := newRankers(t)
	const body = `{ "model":"far", "query":"a","documents":["a","b"], "score":1.0 }`
	w := s.record(request("POST", "/v1/rerank?x=%20a", body, "Content-Type", "application/json"))
	if w.Code != 200 || w.Body.String() != reranked {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	w = s.record(request("GET", "/v1/rerank?model=far", ""))
	if w.Code != 200 || w.Body.String() != reranked {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	w = s.record(request("POST", "/v1/rerank", `{"model":"far","query":"BAD"}`))
	if w.Code != 422 || w.Body.String() != `{"message":"theirs"}` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if r := s.got[0]; len(s.got) != 3 || r.uri != "/v1/rerank?x=%20a" || r.body != strings.Replace(body, "far", "their-model", 1) || s.got[1].method != "GET" {
		t.Errorf("the server gets %+v", s.got)
	}
	for _, r := range []struct {
		method, path, body string
		status             int
		code               string
	}{
		{"POST", "/v1/rerank", `{"model":"clip","query":"a","documents":["a"]}`, 200, ""},
		{"POST", "/v1/rerank?model=clip", `{"query":"a","documents":["a"]}`, 200, ""},
		{"GET", "/v1/rerank?model=clip", "", 405, "method_not_allowed"},
		{"POST", "/v1/rerank", `{"query":"a","documents":["a"]}`, 400, "missing_required_parameter"},
		{"POST", "/v1/rerank", `{"model":"mute","query":"a","documents":["a"]}`, 404, "model_not_supported"},
		{"POST", "/v1/rerank", `{"model":"words","query":"a","documents":["a"]}`, 404, "model_not_supported"},
		{"POST", "/v1/rerank", `{"model":"none","query":"a","documents":["a"]}`, 404, "model_not_found"},
		{"POST", "/v1/rerank", `{"model":"clip","query":"a","documents":[]}`, 400, "missing_required_parameter"},
		{"POST", "/v1/rerank", `{"model":"clip","query":"a","documents":["a"],"top_n":0}`, 400, "integer_below_min_value"},
		{"POST", "/v1/rerank", `{"model":"clip","query":"a","documents":["a",{"image":"AAAA"}]}`, 400, "not_an_image"},
		{"POST", "/v1/rerank", `{"model":"clip","query":"a"`, 400, "invalid_json"},
		{"POST", "/v1/rerank/", `{"model":"clip","query":"a","documents":["a"]}`, 404, "unknown_url"},
		{"POST", "/rerank", `{"model":"clip","query":"a","documents":["a"]}`, 404, "unknown_url"},
	} {
		w := s.record(request(r.method, r.path, r.body, "Content-Type", "application/json"))
		if got, _ := errorOf(w.Body.String()); w.Code != r.status || got != r.code {
			t.Errorf("%s %s %s: %d %s", r.method, r.path, r.body, w.Code, w.Body)
		}
		if r.status < 400 || !strings.HasPrefix(r.path, "/v1/rerank") || strings.HasSuffix(r.path, "/") {
			continue
		}
		var e struct{ Message, Detail string }
		if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || e.Message == "" || e.Detail != e.Message {
			t.Errorf("the error is %s", w.Body)
		}
	}
	for _, path := range []string{"/v2/rerank", "/rerank", "/v1/rerank/"} { // of other versions of Cohere's API
		if w := s.record(request("POST", path, "{}")); w.Code != 404 || !strings.Contains(w.Body.String(), "the path is /v1/rerank") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	m, err := s.Model("clip")
	if err != nil {
		t.Fatal(err)
	}
	s.SetDefault(m)
	if w := s.record(request("POST", "/v1/rerank", `{"query":"a","documents":["a"]}`)); w.Code != 200 || !strings.Contains(w.Body.String(), `"model":"clip"`) {
		t.Errorf("the default model: %d %s", w.Code, w.Body)
	}
	want := `penstock_http_requests_total{code="200",method="POST",route="/v1/rerank"} 4`
	if got := s.record(request("GET", "/metrics", "")).Body.String(); !strings.Contains(got, want) {
		t.Errorf("the metrics lack %s", want)
	}
}

// A route of models that rank does not exist without one.
func TestRerankWithoutAModelThatRanks(t *testing.T) {
	s := newServer(t, 1, 1, words(nil))
	w := s.record(request("POST", "/v1/rerank", `{"model":"words","query":"a","documents":["a"]}`))
	if got := w.Body.String(); w.Code != 404 || !strings.Contains(got, "no Cohere API") || strings.Contains(got, `"detail"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestErrorsOfTheRankRoute(t *testing.T) {
	s := newRankers(t)
	for _, r := range []struct {
		method, path, media, body string
		status                    int
		code, allow               string
	}{
		{"GET", "/v1/models/clip:rank", "", "", 405, "method_not_allowed", "POST"},
		{"POST", "/v1/models/words:rank", "", `{"query":"a","items":["a"]}`, 406, "not_acceptable", ""},
		{"POST", "/v1/models/none:rank", "", `{"query":"a","items":["a"]}`, 404, "model_not_found", ""},
		{"POST", "/v1/models/clip:rank?top_n=1", "", `{"query":"a","items":["a"]}`, 400, "invalid_input", ""},
		{"POST", "/v1/models/clip:rank", "image/png", "\x89PNG", 415, "unsupported_media_type", ""},
		{"POST", "/v1/models/clip:rank", "", `{"query":"a"`, 400, "invalid_json", ""},
		{"POST", "/v1/models/clip:rank", "", ``, 400, "invalid_json", ""},
		{"POST", "/v1/models/clip:rank", "", `{"query":"a","items":[]}`, 400, "invalid_input", ""},
		{"POST", "/v1/models/clip:rank", "", `{"query":"a","items":["a"],"model":"clip"}`, 400, "invalid_input", ""},
		{"POST", "/v1/models/clip:rank", "", `{"query":"a","items":["a"],"top_n":0}`, 400, "invalid_input", ""},
		{"POST", "/v1/models/clip:rank", "", `{"query":"a","items":[` + strings.Repeat(`"a",`, 1000) + `"a"]}`, 400, "invalid_input", ""},
		{"POST", "/v1/models/clip:rank", "", `{"query":"a","items":[` + strings.Repeat(`{"text":"a"},`, 999) + `"a"]}`, 200, "", ""},
	} {
		w := s.record(request(r.method, r.path, r.body, "Content-Type", r.media))
		if w.Code != r.status || r.code != "" && code(t, w.Body) != r.code || w.Header().Get("Allow") != r.allow {
			t.Errorf("%s %s %.60s: %d %s", r.method, r.path, r.body, w.Code, w.Body)
		}
	}
	if g := s.Snapshot().Gates[0]; g.Inside != 0 {
		t.Errorf("left at the gate: %+v", g)
	}
}

// Both routes need a key, keep its limits, and charge it with the tokens of the texts.
func TestRankingsKeepTheLimitsOfKeys(t *testing.T) {
	s := newRankers(t, withKeys(t, map[string]auth.Limits{
		"clip": {Models: []string{"clip"}}, "far": {Models: []string{"far"}}, "once": {RequestsPerMinute: 1}, "few": {TokensPerMinute: 19},
	}))
	const short = `"a cat","a dog"` // 4 tokens each; the query is "a cat" again
	long := `"` + strings.Repeat("1234", 21) + `"`
	for _, r := range []struct {
		key, items string
		status     int
		code       string
	}{
		{"", short, 401, "missing_api_key"},
		{"of-clip", short, 200, ""},
		{"of-far", short, 403, "model_not_allowed"},
		{"of-once", short, 200, ""},
		{"of-once", short, 429, "rate_limit_exceeded"},
		{"of-few", long, 429, "rate_limit_exceeded"},
		{"of-few", short, 200, ""},
		{"of-few", short, 200, ""},
		{"of-few", short, 429, "rate_limit_exceeded"},
	} {
		for path, body := range map[string]string{
			"/v1/models/clip:rank": `{"query":"a cat","items":[` + r.items + `]}`,
			"/v1/rerank":           `{"model":"clip","query":"a cat","documents":[` + r.items + `]}`,
		} {
			if path == "/v1/rerank" && (r.key == "of-once" || r.key == "of-few" && r.items == short) {
				continue // each such row is one request
			}
			var headers []string
			if r.key != "" {
				headers = []string{"Authorization", "Bearer " + r.key}
			}
			w := s.record(request("POST", path, body, headers...))
			var e struct{ Error struct{ Code, Reason string } }
			_ = json.Unmarshal(w.Body.Bytes(), &e)
			if w.Code != r.status || r.code != "" && e.Error.Reason != r.code && e.Error.Code != r.code {
				t.Errorf("%s %s %.60s: %d %s", r.key, path, r.items, w.Code, w.Body)
			}
		}
	}
	metrics := s.record(request("GET", "/metrics", "", "Authorization", "Bearer of-clip")).Body.String()
	for _, want := range []string{
		`penstock_key_tokens_total{key="key:clip",type="prompt"} 16`, `penstock_key_tokens_total{key="key:few",type="prompt"} 16`,
		`penstock_key_tokens_estimated_total{key="key:clip"} 0`, `penstock_tokens_total{model="clip",type="prompt"} 40`,
	} {
		if !strings.Contains(metrics, want+"\n") {
			t.Errorf("the metrics lack %s", want)
		}
	}
}

// Pages of allowed origins reach both routes, and read what was ignored.
func TestPagesReachTheRoutesThatRank(t *testing.T) {
	const page = "https://page.example"
	s := newRankers(t, func(o *gateway.Options) { o.Origins = []string{page} })
	for path, body := range map[string]string{
		"/v1/models/clip:rank": `{"query":"a","items":["a"]}`, "/v1/rerank": `{"model":"clip","query":"a","documents":["a"],"user":"u"}`,
	} {
		w := s.record(request("OPTIONS", path, "", "Origin", page, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type"))
		if w.Code != 204 || w.Header().Get("Access-Control-Allow-Origin") != page {
			t.Errorf("the preflight of %s: %d %v", path, w.Code, w.Header())
		}
		w = s.record(request("POST", path, body, "Content-Type", "application/json", "Origin", page, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors"))
		if w.Code != 200 || w.Header().Get("Access-Control-Allow-Origin") != page || !strings.Contains(w.Header().Get("Access-Control-Expose-Headers"), "X-Penstock-Ignored") {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
		w = s.record(request("POST", path, body, "Content-Type", "text/plain", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors"))
		if w.Code != 403 {
			t.Errorf("%s from another page: %d", path, w.Code)
		}
	}
}
