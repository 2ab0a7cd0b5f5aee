package upstream

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/engine"
	test "penstock/llm/upstream/upstreamtest"
)

// A native request becomes a streamed chat with the client's own parameters, and its chunks are
// texts.
func TestNative(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := test.New(test.Whole("model-a", 3))
		f := newFixture(t, nil, u)
		defer f.close()
		for _, in := range []dialect.Input{
			{Body: []byte(`{"prompt":"a \"b\"","temperature":0.5,"top_k":3}`)},
			{Query: url.Values{"prompt": {`a "b"`}, "temperature": {"0.5"}, "top_k": {"3"}}},
		} {
			r := f.streamUntil(t.Context(), dialect.Native, in)
			if r.err != nil || r.end.Reason() != "stop" || r.end.Usage().CompletionTokens != 60 {
				t.Errorf("it ended with %+v, %v", r.end, r.err)
			}
			if !slices.Equal(r.chunks, []string{`{"text":"w0 "}`, `{"text":"w1 "}`, `{"text":"w2 "}`}) {
				t.Errorf("the chunks are %q", r.chunks)
			}
			requests := u.Requests(true)
			var got, want any
			if err := json.Unmarshal([]byte(requests[len(requests)-1].Body), &got); err != nil {
				t.Fatal(err)
			}
			_ = json.Unmarshal([]byte(`{"model":"model-a","messages":[{"role":"user","content":"a \"b\""}],"stream":true,"stream_options":{"include_usage":true},"temperature":0.5,"top_k":3}`), &want)
			if a, b := must(json.Marshal(got)), must(json.Marshal(want)); string(a) != string(b) {
				t.Errorf("the upstream's request is %s", a)
			}
		}
		for _, body := range []string{`{}`, `{"prompt":1}`, `{"prompt":"a","n":2}`, `{"prompt":"a","messages":[]}`} {
			if r := f.stream(dialect.Native, body); r.err == nil || r.err.Code != apierr.CodeInvalidInput {
				t.Errorf("%s gives %v", body, r.err)
			}
		}
	})
}

// A request whose caller takes no bytes is streamed from the server, whatever its dialect is, and
// its deltas have typed values.
func TestDeltasOfAWholeResponse(t *testing.T) {
	for name, body := range map[dialect.Name]string{
		dialect.Native:      `{"prompt":"hi","unknown":{"x":1}}`,
		dialect.Chat:        `{"model":"gpt","messages":[{"role":"user","content":"hi"}],"unknown":{"x":1}}`,
		dialect.Completions: `{"model":"gpt","prompt":"hi","max_tokens":5}`,
		dialect.Responses:   `{"model":"gpt","input":"hi","temperature":0.5}`,
	} {
		synctest.Test(t, func(t *testing.T) {
			u := test.New(test.Whole("model-a", 60))
			f := newFixture(t, nil, u)
			defer f.close()
			request, err := codecs[name].Decode(dialect.Input{Body: []byte(body)})
			if err != nil {
				t.Fatal(err)
			}
			text, finish := "", ""
			var usage *dialect.Usage
			end, err := f.run(t.Context(), request, func(deltas ...dialect.Delta) error {
				for _, d := range deltas {
					text, finish = text+d.Text, finish+d.Finish
					if d.Usage != nil {
						usage = d.Usage
					}
					if d.Dialect != "" {
						t.Errorf("%s: a delta has the server's event", name)
					}
				}
				return nil
			})
			if err != nil || text != test.Text(0, 60) || finish != "stop" || usage == nil || usage.TotalTokens != 67 || end.Reason() != "stop" || end.Usage().CompletionTokens != 60 {
				t.Errorf("%s: %q, %q, %+v, %+v, %v", name, text, finish, usage, end, err)
			}
			sent := u.Requests(true)[0]
			var got map[string]json.RawMessage
			if err := json.Unmarshal([]byte(sent.Body), &got); err != nil {
				t.Fatal(err)
			}
			if sent.Path != "/v1/chat/completions" || string(got["stream"]) != "true" || string(got["model"]) != `"model-a"` ||
				string(got["messages"]) != `[{"role":"user","content":"hi"}]` || strings.Contains(body, "unknown") && string(got["unknown"]) != `{"x":1}` {
				t.Errorf("%s: the upstream's request is %s %s", name, sent.Path, sent.Body)
			}
		})
	}
}

// Embeddings are parsed for a caller that takes no bytes.
func TestEmbeddingsWithoutAPassthrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := test.New(test.Script{test.Answer(200, `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,1]}],"model":"m","usage":{"prompt_tokens":2,"total_tokens":2}}`)},
			test.Script{test.Answer(200, `{"data":1}`)})
		f := newFixture(t, nil, u)
		defer f.close()
		embed := func() (*dialect.EmbeddingResponse, error) {
			request, err := dialect.EmbeddingCodec{}.Decode(dialect.Input{Body: []byte(`{"model":"gpt","input":"hi"}`)})
			if err != nil {
				t.Fatal(err)
			}
			verb, _ := engine.PredictionOf[*dialect.EmbeddingCall, *dialect.EmbeddingResponse](f.model, "embed")
			call, err := verb.Admit(engine.Caller{})
			if err != nil {
				t.Fatal(err)
			}
			defer call.Close()
			return verb.Do(t.Context(), call, request)
		}
		if r, err := embed(); err != nil || len(r.Data) != 1 || !slices.Equal(r.Data[0].Embedding.Values, []float32{0.5, 1}) || r.Usage.TotalTokens != 2 {
			t.Errorf("%+v, %v", r, err)
		}
		if r, err := embed(); r != nil || err == nil || apierr.From(err).Code != apierr.CodeUpstreamError {
			t.Errorf("a malformed response gives %+v, %v", r, err)
		}
	})
}

// TestRequestHeaders checks all headers of the requests to upstreams.
func TestRequestHeaders(t *testing.T) {
	common := http.Header{
		"Authorization": {"Bearer sk-secret-a"}, "Content-Type": {"application/json"}, "User-Agent": {"penstock"},
	}
	streamed, whole := common.Clone(), common.Clone()
	whole.Set("Accept", "application/json")
	streamed.Set("Accept", "text/event-stream")
	streamed.Set("Cache-Control", "no-cache")
	streamed.Set("Connection", "keep-alive")
	keyless := streamed.Clone()
	keyless.Del("Authorization")
	for name, c := range map[string]struct {
		key  string
		send func(*fixture) *reply
		want http.Header
	}{
		"chat, streamed":        {"sk-secret-a", func(f *fixture) *reply { return f.stream(dialect.Chat, chatBody) }, streamed},
		"completions, streamed": {"sk-secret-a", func(f *fixture) *reply { return f.stream(dialect.Completions, chatBody) }, streamed},
		"responses, streamed":   {"sk-secret-a", func(f *fixture) *reply { return f.stream(dialect.Responses, chatBody) }, streamed},
		"native, streamed":      {"sk-secret-a", func(f *fixture) *reply { return f.stream(dialect.Native, `{"prompt":"hi"}`) }, streamed},
		"without a key":         {"", func(f *fixture) *reply { return f.stream(dialect.Chat, chatBody) }, keyless},
		"chat, whole":           {"sk-secret-a", func(f *fixture) *reply { return f.whole(dialect.Chat) }, whole},
		"completions, whole":    {"sk-secret-a", func(f *fixture) *reply { return f.whole(dialect.Completions) }, whole},
		"responses, whole":      {"sk-secret-a", func(f *fixture) *reply { return f.whole(dialect.Responses) }, whole},
		"embeddings":            {"sk-secret-a", func(f *fixture) *reply { return f.whole(dialect.Embeddings) }, whole},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := test.New(test.Script{test.Fail(400, "bad")})
				f := newFixture(t, func(config *Config) {
					config.Servers[0].APIKey = c.key
					config.Servers[0].BaseURL += "/" // which changes nothing
				}, u)
				defer f.close()
				c.send(f)
				request := u.Requests(true)[0]
				length := request.Header.Get("Content-Length")
				request.Header.Del("Content-Length")
				if length != strconv.Itoa(len(request.Body)) || !maps.EqualFunc(request.Header, c.want, slices.Equal) {
					t.Errorf("the headers are %v", request.Header)
				}
				if !strings.HasPrefix(request.Path, "/v1/") {
					t.Errorf("the path is %s", request.Path)
				}
			})
		})
	}
}

func TestStreamsOfResponses(t *testing.T) {
	event := func(name, rest string) string {
		return "event: " + name + "\ndata: {\"type\":\"" + name + "\"" + rest + "}\n\n"
	}
	begin := event("response.created", `,"sequence_number":0`) + event("response.in_progress", `,"sequence_number":1`) + event("response.output_item.added", `,"sequence_number":2`)
	delta := event("response.output_text.delta", `,"sequence_number":3,"delta":"Hello"`)
	for name, c := range map[string]struct {
		script test.Script
		names  string
		code   apierr.Code
		reason string
	}{
		"completed": {
			script: test.Script{test.Send(begin + delta + event("response.completed", `,"response":{"status":"completed","usage":{"input_tokens":3,"output_tokens":4}}`)), test.Stall},
			names:  "response.created response.in_progress response.output_item.added response.output_text.delta response.completed", reason: "stop",
		},
		"incomplete": {
			script: test.Script{test.Send(begin + delta + event("response.incomplete", `,"response":{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}}`))},
			names:  "response.created response.in_progress response.output_item.added response.output_text.delta response.incomplete", reason: "length",
		},
		"failed": {
			script: test.Script{test.Send(begin + event("response.failed", `,"response":{"status":"failed","error":{"code":"x"}}`))},
			names:  "response.created response.in_progress response.output_item.added response.failed", reason: "failed",
		},
		"cut":       {script: test.Script{test.Send(begin + delta)}, names: "response.created response.in_progress response.output_item.added response.output_text.delta", code: apierr.CodeUpstreamCut},
		"cut early": {script: test.Script{test.Send(begin), test.Cut}, code: apierr.CodeUpstreamCut},
		"an error":  {script: test.Script{test.Send(begin + delta + event("error", `,"code":"server_error","message":"oops","sequence_number":4`))}, names: "response.created response.in_progress response.output_item.added response.output_text.delta", code: apierr.CodeUpstreamError},
		"no type":   {script: test.Script{test.Send("data: {}\n\n")}, code: apierr.CodeUpstreamError},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, nil, test.New(c.script))
				defer f.close()
				r := f.stream(dialect.Responses, `{"model":"gpt","input":"hi","stream":true}`)
				if got := strings.Join(r.names, " "); got != c.names {
					t.Errorf("the events are %q", got)
				}
				if c.code != "" && (r.err == nil || r.err.Code != c.code) || c.code == "" && r.err != nil || r.end.Reason() != c.reason {
					t.Errorf("it ended with %q, %v", r.end.Reason(), r.err)
				}
				if name == "completed" && (r.end.Usage() != engine.Usage{PromptTokens: 3, CompletionTokens: 4} || r.took > time.Second) {
					t.Errorf("it took %v and counted %+v", r.took, r.end.Usage())
				}
			})
		})
	}
}

func TestResponsesFailOverBeforeContent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		created := "event: response.created\ndata: {\"from\":\"%\"}\n\n"
		f := newFixture(t, nil, test.New(test.Script{test.Send(strings.Replace(created, "%", "a", 1)), test.Cut}),
			test.New(test.Script{test.Send(strings.Replace(created, "%", "b", 1) + "event: response.completed\ndata: {}\n\n")}))
		defer f.close()
		r := f.stream(dialect.Responses, `{"model":"gpt","input":"hi","stream":true}`)
		if r.err != nil || !slices.Equal(r.chunks, []string{`{"from":"b"}`, `{}`}) {
			t.Errorf("the client gets %q, %v", r.chunks, r.err)
		}
	})
}

// A response with two choices is complete when both are.
func TestSeveralChoices(t *testing.T) {
	both := `{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}`
	for second, code := range map[string]apierr.Code{
		`{"choices":[{"index":1,"delta":{"content":"b"},"finish_reason":"stop"}]}`: "",
		`{"choices":[{"index":1,"delta":{"content":"b"},"finish_reason":null}]}`:   apierr.CodeUpstreamCut,
		`{"choices":[]}`: apierr.CodeUpstreamCut,
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, nil, test.New(test.Script{test.Send("data: " + both + "\n\ndata: " + second + "\n\n")}))
			defer f.close()
			r := f.stream(dialect.Chat, `{"model":"gpt","n":2,"stream":true}`)
			if code == "" && r.err != nil || code != "" && (r.err == nil || r.err.Code != code) {
				t.Errorf("after %s: %v", second, r.err)
			}
		})
	}
}

func TestTheClientGetsTheLastResponse(t *testing.T) {
	fail := func(status int) test.Script { return test.Script{test.Fail(status, "x", "Retry-After", "20")} }
	for name, c := range map[string]struct {
		first, second test.Script
		status        int
		code          apierr.Code
	}{
		"both respond":                       {fail(500), fail(503), 503, apierr.CodeUpstreamError},
		"the second does not respond":        {fail(500), test.Script{test.Stall}, 500, apierr.CodeUpstreamError},
		"the first does not respond":         {test.Script{test.Stall}, fail(429), 429, apierr.CodeRateLimited},
		"none responds":                      {test.Script{test.Reset}, test.Script{test.Stall}, 0, apierr.CodeUpstreamTimeout},
		"none responds, the other way round": {test.Script{test.Stall}, test.Script{test.Reset}, 0, apierr.CodeUpstreamCut},
		"our key is refused":                 {fail(500), fail(401), 0, apierr.CodeUpstreamUnauthorized},
		"too long for both of them":          {test.Script{test.Fail(400, "context_length_exceeded")}, test.Script{test.Fail(400, "context_length_exceeded")}, 400, apierr.CodeInvalidInput},
		"too long, and then refused":         {test.Script{test.Fail(400, "context_length_exceeded")}, fail(422), 422, apierr.CodeInvalidInput},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, nil, test.New(c.first), test.New(c.second))
				defer f.close()
				for _, r := range []*reply{f.stream(dialect.Chat, chatBody), f.whole(dialect.Chat)} {
					if r.err == nil || r.err.Code != c.code {
						t.Errorf("the client gets the error %v", r.err)
					}
					switch a := r.upstreamAnswer(); {
					case c.status == 0 && a != nil, c.status != 0 && (a == nil || a.Status != c.status):
						t.Errorf("the client gets %v", a)
					case a != nil && c.status != 400 && a.Header.Get("Retry-After") != "20":
						t.Errorf("its headers are %v", a.Header)
					}
				}
			})
		})
	}
}
