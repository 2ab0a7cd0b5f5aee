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
		{`{"choices":[{"index":1,"delta":{"refusal":"no"},"finish_reason":"stop"}]}`, []dialect.Delta{{Choice: 1, Refusal: "no"}}},
		{
			`{"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"c","type":"function","function":{"name":"f","arguments":"{"}}]}}]}`,
			[]dialect.Delta{{Calls: []dialect.ToolCallDelta{{Index: 1, ID: "c", Type: "function", Function: &dialect.FunctionCall{Name: "f", Arguments: "{"}}}}},
		},
		{
			`{"choices":[{"index":0,"delta":{"content":"b"},"logprobs":{"content":[{"token":"b","logprob":-0.5,"bytes":[98],"top_logprobs":[]}]}}]}`,
			[]dialect.Delta{{Text: "b", Logprobs: []dialect.TokenLogprob{{Token: "b", Logprob: -0.5, Bytes: []int{98}, TopLogprobs: []dialect.TopLogprob{}}}}},
		},
		{`{"choices":[{"index":0,"delta":{},"logprobs":"none","finish_reason":"length"}]}`, nil},
		{`{"choices":[],"usage":{"prompt_tokens":2,"completion_tokens":3,"total_tokens":5}}`, nil},
		{`{"choices":[{"delta":{"content":1}}]}`, nil},
	} {
		e := sse.Event{Data: []byte(step.chunk)}
		if sign := reader.Read(e); sign >= dialect.SignLast {
			t.Errorf("%s means %d", step.chunk, sign)
		}
		if got, err := reader.Deltas(nil, e); err != nil || !reflect.DeepEqual(got, step.want) {
			t.Errorf("%s makes %+v, %v", step.chunk, got, err)
		}
	}
	rest := []dialect.Delta{{Finish: "length"}, {Choice: 1, Finish: "stop"}, {Usage: &dialect.Usage{PromptTokens: 2, CompletionTokens: 3, TotalTokens: 5}}}
	if got := reader.Rest(nil); !reflect.DeepEqual(got, rest) {
		t.Errorf("at the end there are %+v", got)
	}
	if end := reader.End(); !reader.Whole() || end.Reason != "length" || end.Usage.TotalTokens != 5 {
		t.Errorf("it ends with %+v", end)
	}
	if _, err := reader.Deltas(nil, sse.Event{Data: []byte(`{"choices":[{"index":9999,"delta":{"content":"a"}}]}`)}); err == nil {
		t.Error("choices without number have deltas")
	}
}

// Values of another shape than OpenAI's fail no stream: what is text in them is taken.
func TestTypedDeltasOfOddShapes(t *testing.T) {
	call := func(index int, id, arguments string) dialect.Delta {
		return dialect.Delta{Calls: []dialect.ToolCallDelta{{Index: index, ID: id, Function: &dialect.FunctionCall{Name: "f", Arguments: arguments}}}}
	}
	for chunk, want := range map[string][]dialect.Delta{
		`{"choices":[{"delta":{"content":[{"type":"text","text":"a"},{"type":"text","text":{"value":"b"}},"c"]}}]}`:                     {{Text: "abc"}},
		`{"choices":[{"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"a"}]}}]}`: {{Text: "a", Reasoning: "hm"}},
		`{"created":17.5,"choices":[{"delta":{"role":null,"content":"a"}}]}`:                                                            {{Text: "a"}},
		`{"created":"17","choices":[{"index":"0","delta":{"content":"a"},"finish_reason":7}]}`:                                          {{Text: "a"}},
		`{"choices":[{"delta":{"content":"a"},"logprobs":[]}]}`:                                                                         {{Text: "a"}},
		`{"choices":[{"delta":{"content":"a"}},{"delta":{"content":"b"}}]}`:                                                             {{Text: "a"}, {Choice: 1, Text: "b"}},
		`{"choices":{"delta":{"content":"a"}}}`:                                                                                         {{Text: "a"}},
		`{"choices":[null,{"index":0,"delta":"a"}]}`:                                                                                    {{Text: "a"}},
		`{"choices":[{"delta":{"content":{"text":"a"}}}]}`:                                                                              {{Text: "a"}},
		`{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"x","function":{"name":"f","arguments":{"a": 1}}}]}}]}`:                    {call(0, "x", `{"a": 1}`)},
		`{"choices":[{"delta":{"tool_calls":{"index":"2","id":7,"function":{"name":"f","arguments":null}}}}]}`:                          {call(2, "7", "")},
		`{"choices":[{"delta":{"tool_calls":[{"id":"x","function":{"name":"f","arguments":"1"}}]}}]}`:                                   {call(0, "x", "1")},
	} {
		r := decodeAs(t, dialect.NewNative(), `{"prompt":"hi"}`)
		reader := dialect.OpenAIRemote(r).Reader(r, true)
		e := sse.Event{Data: []byte(chunk)}
		if sign := reader.Read(e); sign != dialect.SignContent && sign != dialect.SignQuiet {
			t.Errorf("%s means %d", chunk, sign)
		}
		if got, err := reader.Deltas(nil, e); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s makes %+v, %v", chunk, got, err)
		}
	}
}

// Tool calls without an index are told apart by their ids.
func TestTypedDeltasOfToolCallsWithoutAnIndex(t *testing.T) {
	r := decodeAs(t, dialect.NewNative(), `{"prompt":"hi"}`)
	reader := dialect.OpenAIRemote(r).Reader(r, true)
	var indexes []int
	for _, calls := range []string{
		`{"id":"a","function":{"name":"f"}},{"id":"b","function":{"name":"f"}}`, `{"function":{"arguments":"1"}}`,
		`{"id":"a","function":{"arguments":"2"}}`, `{"id":"c","function":{"name":"f"}}`,
	} {
		deltas, err := reader.Deltas(nil, sse.Event{Data: []byte(`{"choices":[{"delta":{"tool_calls":[` + calls + `]}}]}`)})
		if err != nil {
			t.Fatal(err)
		}
		for _, call := range deltas[0].Calls {
			indexes = append(indexes, call.Index)
		}
	}
	if want := []int{0, 1, 1, 0, 2}; !reflect.DeepEqual(indexes, want) {
		t.Errorf("the indexes are %v, not %v", indexes, want)
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
