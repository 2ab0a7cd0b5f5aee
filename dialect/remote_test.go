package dialect_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"penstock/dialect"
	"penstock/sse"
)

// decodeAs decodes a request by the codec of a dialect.
func decodeAs(t *testing.T, codec dialect.Codec, body string) *dialect.Request {
	t.Helper()
	r, err := codec.Decode(dialect.Input{Body: []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A chunk of a server becomes one delta for each choice with values, and one for the usage.
func TestTypedDeltasOfChunks(t *testing.T) {
	r := decodeAs(t, dialect.NewNative(), `{"prompt":"hi"}`)
	r.Choices = 2
	reader := dialect.OpenAIRemote(r).Reader(r, true)
	for _, step := range []struct {
		chunk string
		want  []dialect.Delta
	}{
		{`{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}],"system_fingerprint":"fp"}`, nil},
		{
			`{"choices":[{"index":0,"delta":{"reasoning_content":"hm","reasoning":"hm"}},{"index":1,"delta":{"content":"a"}}],"system_fingerprint":"fp"}`,
			[]dialect.Delta{{Reasoning: "hm", Fingerprint: "fp"}, {Choice: 1, Text: "a"}},
		},
		{`{"choices":[{"index":0,"delta":{"reasoning":"so"}}],"usage":{"completion_tokens":1}}`, []dialect.Delta{{Reasoning: "so"}}},
		{`{"choices":[{"index":1,"delta":{"refusal":"no"},"finish_reason":"stop"}]}`, []dialect.Delta{{Choice: 1, Refusal: "no", Finish: "stop"}}},
		{
			`{"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"c","type":"function","function":{"name":"f","arguments":"{"}}]}}]}`,
			[]dialect.Delta{{Calls: []dialect.ToolCallDelta{{Index: 1, ID: "c", Type: "function", Function: &dialect.FunctionCall{Name: "f", Arguments: "{"}}}}},
		},
		{
			`{"choices":[{"index":0,"delta":{"content":"b"},"logprobs":{"content":[{"token":"b","logprob":-0.5,"bytes":[98],"top_logprobs":[]}]}}]}`,
			[]dialect.Delta{{Text: "b", Logprobs: []dialect.TokenLogprob{{Token: "b", Logprob: -0.5, Bytes: []int{98}, TopLogprobs: []dialect.TopLogprob{}}}}},
		},
		{`{"choices":[{"index":0,"delta":{},"logprobs":"none","finish_reason":"length"}]}`, []dialect.Delta{{Finish: "length"}}},
		{
			`{"choices":[],"usage":{"prompt_tokens":2,"completion_tokens":3,"total_tokens":5}}`,
			[]dialect.Delta{{Usage: &dialect.Usage{PromptTokens: 2, CompletionTokens: 3, TotalTokens: 5}}},
		},
	} {
		e := sse.Event{Data: []byte(step.chunk)}
		if sign := reader.Read(e); sign >= dialect.SignLast {
			t.Errorf("%s means %d", step.chunk, sign)
		}
		if got, err := reader.Deltas(nil, e); err != nil || !reflect.DeepEqual(got, step.want) {
			t.Errorf("%s makes %+v, %v", step.chunk, got, err)
		}
	}
	if end := reader.End(); !reader.Whole() || end.Reason != "length" || end.Usage.TotalTokens != 5 {
		t.Errorf("it ends with %+v", end)
	}
	if _, err := reader.Deltas(nil, sse.Event{Data: []byte(`{"choices":[{"delta":{"content":1}}]}`)}); err == nil {
		t.Error("a content that is no text has deltas")
	}
}

// Requests that a server is not sent as they are become chats, streamed and with usage.
func TestTranslatedRequests(t *testing.T) {
	const options = `,"stream":true,"stream_options":{"include_usage":true},"model":"m"}`
	for _, c := range []struct {
		codec dialect.Codec
		body  string
		want  string // "": the request is refused
		param string // of the refusal
	}{
		{dialect.NewNative(), `{"prompt":"a \"b\"","top_k":3,"new":[1.0]}`, `{"messages":[{"role":"user","content":"a \"b\""}],"top_k":3,"new":[1.0]` + options, ""},
		{dialect.NewNative(), `{"messages":[{"role":"x","y":1}],"model":"z","stream":false}`, `{"messages":[{"role":"x","y":1}]` + options, ""},
		{dialect.NewNative(), `{"temperature":1}`, "", "messages"},
		{dialect.NewNative(), `{"prompt":"a","n":2}`, "", "n"},
		{dialect.NewChat(), `{"model":"gpt","messages":[],"new":{"x":1},"n":2}`, `{"messages":[],"new":{"x":1},"n":2` + options, ""},
		{
			dialect.NewCompletions(), `{"model":"gpt","prompt":"a","max_tokens":5,"logprobs":2,"n":2,"stop":"x","seed":7}`,
			`{"messages":[{"role":"user","content":"a"}],"max_completion_tokens":5,"logprobs":true,"top_logprobs":2,"n":2,"stop":["x"],"seed":7` + options, "",
		},
		{dialect.NewCompletions(), `{"model":"gpt","prompt":["a","b"]}`, "", "prompt"},
		{dialect.NewCompletions(), `{"model":"gpt","prompt":"a","suffix":"b"}`, "", "suffix"},
		{
			dialect.NewResponses(), `{"model":"gpt","input":"a","instructions":"b","max_output_tokens":5}`,
			`{"messages":[{"role":"system","content":"b"},{"role":"user","content":"a"}],"max_completion_tokens":5` + options, "",
		},
		{dialect.NewResponses(), `{"model":"gpt","input":"a","previous_response_id":"x"}`, "", "previous_response_id"},
	} {
		r := decodeAs(t, c.codec, c.body)
		remote := dialect.OpenAIRemote(r)
		body, err := remote.Body(r)
		if c.want == "" {
			if d, ok := err.(*dialect.Error); !ok || d.Param != c.param { //nolint:errorlint // itself
				t.Errorf("%s gives %v", c.body, err)
			}
			continue
		}
		if err != nil || remote.Path() != "/chat/completions" {
			t.Errorf("%s gives %v at %s", c.body, err, remote.Path())
			continue
		}
		var got, want map[string]any
		if err := json.Unmarshal(body.For("m", true), &got); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(c.want), &want); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s becomes %s", c.body, body.For("m", true))
		}
	}
}
