package upstream

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"penstock/apierr"
	"penstock/engine"
	test "penstock/llm/upstream/upstreamtest"
)

func TestNative(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := test.New(test.Whole("model-a", 3))
		h := build(t, nil, u)
		defer h.close()
		v, _ := h.model.Verb("stream")
		for _, in := range []engine.Input{
			{Body: []byte(`{"prompt":"a \"b\"","temperature":0.5,"top_k":3}`)},
			{Query: url.Values{"prompt": {`a "b"`}, "temperature": {"0.5"}, "top_k": {"3"}}},
		} {
			call, err := v.Admit(engine.Caller{})
			if err != nil {
				t.Fatal(err)
			}
			s, err := call.Start(t.Context(), in, engine.StreamOptions{})
			if err != nil {
				t.Fatal(err)
			}
			var chunks []string
			for e, err := range s.Follow(t.Context(), 0, 0) {
				if err != nil {
					t.Fatal(err)
				}
				switch e.Kind {
				case engine.EventChunk:
					chunks = append(chunks, string(e.Data))
				case engine.EventDone:
					if e.End.Reason() != "stop" || e.End.Usage().CompletionTokens != 60 {
						t.Errorf("it ended with %+v", e.End)
					}
				case engine.EventFailed:
					t.Error(e.Err)
				case engine.EventQueued, engine.EventStarted, engine.EventIdle:
				}
			}
			if !slices.Equal(chunks, []string{`{"text":"w0 "}`, `{"text":"w1 "}`, `{"text":"w2 "}`}) {
				t.Errorf("the chunks are %q", chunks)
			}
			requests := u.Requests(true)
			var got, want any
			if err := json.Unmarshal([]byte(requests[len(requests)-1].Body), &got); err != nil {
				t.Fatal(err)
			}
			_ = json.Unmarshal([]byte(`{"model":"model-a","messages":[{"role":"user","content":"a \"b\""}],"stream":true,"stream_options":{"include_usage":true},"temperature":0.5,"top_k":3}`), &want)
			if a, b := must(json.Marshal(got)), must(json.Marshal(want)); string(a) != string(b) {
				t.Errorf("the upstream was asked %s", a)
			}
		}
		for _, body := range []string{`{}`, `{"prompt":1}`, `{"prompt":"a","n":2}`, `{"prompt":"a","messages":[]}`} {
			call, _ := v.Admit(engine.Caller{})
			if _, err := call.Start(t.Context(), engine.Input{Body: []byte(body)}, engine.StreamOptions{}); err == nil || apierr.From(err).Code != apierr.CodeInvalidInput {
				t.Errorf("%s gives %v", body, err)
			}
			call.Close()
		}
	})
}

func TestResponses(t *testing.T) {
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
		"cut":           {script: test.Script{test.Send(begin + delta)}, names: "response.created response.in_progress response.output_item.added response.output_text.delta", code: apierr.CodeUpstreamCut},
		"cut early":     {script: test.Script{test.Send(begin), test.Cut}, code: apierr.CodeUpstreamCut},
		"an error":      {script: test.Script{test.Send(begin + delta + event("error", `,"code":"server_error","message":"oops","sequence_number":4`))}, names: "response.created response.in_progress response.output_item.added response.output_text.delta", code: apierr.CodeUpstreamError},
		"no such thing": {script: test.Script{test.Send("data: {}\n\n")}, code: apierr.CodeUpstreamError},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := build(t, nil, test.New(c.script))
				defer h.close()
				r := h.stream("responses", `{"model":"gpt","input":"hi","stream":true}`)
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
		h := build(t, nil, test.New(test.Script{test.Send(strings.Replace(created, "%", "a", 1)), test.Cut}),
			test.New(test.Script{test.Send(strings.Replace(created, "%", "b", 1) + "event: response.completed\ndata: {}\n\n")}))
		defer h.close()
		r := h.stream("responses", `{"model":"gpt","input":"hi","stream":true}`)
		if r.err != nil || !slices.Equal(r.chunks, []string{`{"from":"b"}`, `{}`}) {
			t.Errorf("what came is %q, %v", r.chunks, r.err)
		}
	})
}

// TestSeveralAnswers: an answer to n = 2 is whole when both choices are.
func TestSeveralAnswers(t *testing.T) {
	both := `{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}`
	for second, code := range map[string]apierr.Code{
		`{"choices":[{"index":1,"delta":{"content":"b"},"finish_reason":"stop"}]}`: "",
		`{"choices":[{"index":1,"delta":{"content":"b"},"finish_reason":null}]}`:   apierr.CodeUpstreamCut,
		`{"choices":[]}`: apierr.CodeUpstreamCut,
	} {
		synctest.Test(t, func(t *testing.T) {
			h := build(t, nil, test.New(test.Script{test.Send("data: " + both + "\n\ndata: " + second + "\n\n")}))
			defer h.close()
			r := h.stream("chat", `{"model":"gpt","n":2,"stream":true}`)
			if code == "" && r.err != nil || code != "" && (r.err == nil || r.err.Code != code) {
				t.Errorf("after %s: %v", second, r.err)
			}
		})
	}
}

func TestTheLastAnswerThatCame(t *testing.T) {
	fail := func(status int) test.Script { return test.Script{test.Fail(status, "x", "Retry-After", "20")} }
	for name, c := range map[string]struct {
		first, second test.Script
		status        int
		code          apierr.Code
	}{
		"both answered":              {fail(500), fail(503), 503, apierr.CodeUpstreamError},
		"the second was silent":      {fail(500), test.Script{test.Stall}, 500, apierr.CodeUpstreamError},
		"the first was silent":       {test.Script{test.Stall}, fail(429), 429, apierr.CodeRateLimited},
		"none answered":              {test.Script{test.Reset}, test.Script{test.Stall}, 0, apierr.CodeUpstreamTimeout},
		"none answered, the other":   {test.Script{test.Stall}, test.Script{test.Reset}, 0, apierr.CodeUpstreamCut},
		"our key is no good":         {fail(500), fail(401), 0, apierr.CodeUpstreamUnauthorized},
		"too long for both of them":  {test.Script{test.Fail(400, "context_length_exceeded")}, test.Script{test.Fail(400, "context_length_exceeded")}, 400, apierr.CodeInvalidInput},
		"too long, and then refused": {test.Script{test.Fail(400, "context_length_exceeded")}, fail(422), 422, apierr.CodeInvalidInput},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := build(t, nil, test.New(c.first), test.New(c.second))
				defer h.close()
				for _, r := range []*reply{h.stream("chat", chatBody), h.whole("chat_whole")} {
					if r.err == nil || r.err.Code != c.code {
						t.Errorf("the client is told %v", r.err)
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
