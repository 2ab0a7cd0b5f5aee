package dialect_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"penstock/dialect"
)

// whole gathers deltas into a whole response, with what differs from run to run made the same.
func whole(t *testing.T, codec dialect.Codec, body string, deltas ...dialect.Delta) string {
	t.Helper()
	g := codec.Whole(decode(t, codec, body))
	for _, d := range deltas {
		if err := g.Add(d); err != nil {
			t.Fatal(err)
		}
	}
	got, err := g.Whole(dialect.End{Reason: "stop", Usage: dialect.Usage{PromptTokens: 1, CompletionTokens: 2}})
	if err != nil {
		t.Fatal(err)
	}
	return stable(string(got))
}

func call(index int, id, name, arguments string) dialect.ToolCallDelta {
	kind := ""
	if id != "" {
		kind = "function"
	}
	return dialect.ToolCallDelta{Index: index, ID: id, Type: kind, Function: &dialect.FunctionCall{Name: name, Arguments: arguments}}
}

func TestGatherChat(t *testing.T) {
	got := whole(t, dialect.NewChat(), `{"model":"m"}`,
		dialect.Delta{Fingerprint: "fp"},
		dialect.Delta{Choice: 1, Refusal: "I can"},
		dialect.Delta{Text: "He", Logprobs: []dialect.TokenLogprob{{Token: "He", Logprob: -0.5, Bytes: []int{72, 101}, TopLogprobs: []dialect.TopLogprob{}}}},
		dialect.Delta{Text: "llo", Logprobs: []dialect.TokenLogprob{{Token: "llo", Logprob: -1, TopLogprobs: []dialect.TopLogprob{{Token: "x", Logprob: -2}}}}},
		dialect.Delta{Choice: 2, Calls: []dialect.ToolCallDelta{call(0, "call_a", "f", "")}},
		dialect.Delta{Choice: 2, Calls: []dialect.ToolCallDelta{call(1, "call_b", "g", `{"b":`), call(0, "", "", "{}")}},
		dialect.Delta{Choice: 2, Calls: []dialect.ToolCallDelta{call(1, "", "", "2}")}},
		dialect.Delta{Choice: 1, Refusal: "not"},
		dialect.Delta{Finish: "stop"}, dialect.Delta{Choice: 1, Finish: "content_filter"},
		// A server may send the usage with the last chunk that has a choice.
		dialect.Delta{Choice: 2, Finish: "tool_calls", Usage: &dialect.Usage{PromptTokens: 1, CompletionTokens: 2, TotalTokens: 3, CompletionTokensDetails: &dialect.CompletionTokensDetails{ReasoningTokens: 1}}},
	)
	const want = `{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"m","choices":[` +
		`{"index":0,"message":{"role":"assistant","content":"Hello"},"logprobs":{"content":[{"token":"He","logprob":-0.5,"bytes":[72,101],"top_logprobs":[]},{"token":"llo","logprob":-1,"bytes":null,"top_logprobs":[{"token":"x","logprob":-2,"bytes":null}]}],"refusal":null},"finish_reason":"stop"},` +
		`{"index":1,"message":{"role":"assistant","content":null,"refusal":"I cannot"},"logprobs":null,"finish_reason":"content_filter"},` +
		`{"index":2,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"call_a","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"call_b","type":"function","function":{"name":"g","arguments":"{\"b\":2}"}}]},"logprobs":null,"finish_reason":"tool_calls"}],` +
		`"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3,"completion_tokens_details":{"reasoning_tokens":1,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"system_fingerprint":"fp"}`
	if got != want {
		t.Errorf("the whole response is\n%s\nand should be\n%s", got, want)
	}
}

// Some servers send the id, the type and the name of a call with every piece of its arguments.
func TestGatherARepeatedCall(t *testing.T) {
	got := whole(t, dialect.NewChat(), `{"model":"m"}`,
		dialect.Delta{Calls: []dialect.ToolCallDelta{call(0, "call_a", "f", `{"a"`)}},
		dialect.Delta{Calls: []dialect.ToolCallDelta{call(0, "call_b", "f", `:1}`)}},
		dialect.Delta{Finish: "tool_calls"},
	)
	if want := `"tool_calls":[{"id":"call_a","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]`; !strings.Contains(got, want) {
		t.Errorf("the whole response is %s, without %s", got, want)
	}
}

func TestGatherCompletion(t *testing.T) {
	got := whole(t, dialect.NewCompletions(), `{"model":"m"}`,
		dialect.Delta{Choice: 1, Text: "x"},
		dialect.Delta{Text: "On", Logprobs: []dialect.TokenLogprob{{Token: "On", Logprob: -3, TopLogprobs: []dialect.TopLogprob{{Token: "a", Logprob: -1}}}}},
		dialect.Delta{Text: "ce", Finish: "length", Logprobs: []dialect.TokenLogprob{{Token: "ce", Logprob: -2, Offset: 2, TopLogprobs: []dialect.TopLogprob{{Token: "b", Logprob: -1}, {Token: "b", Logprob: -5}}}}},
		dialect.Delta{Choice: 1, Finish: "stop", Usage: &dialect.Usage{PromptTokens: 1, CompletionTokens: 2, TotalTokens: 3}},
	)
	const want = `{"id":"cmpl-1","object":"text_completion","created":1700000000,"model":"m","choices":[` +
		`{"index":0,"text":"Once","logprobs":{"tokens":["On","ce"],"token_logprobs":[-3,-2],"top_logprobs":[{"a":-1},{"b":-1}],"text_offset":[0,2]},"finish_reason":"length"},` +
		`{"index":1,"text":"x","logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}`
	if got != want {
		t.Errorf("the whole response is\n%s\nand should be\n%s", got, want)
	}
}

func TestGatherFails(t *testing.T) {
	codec := dialect.NewResponses()
	for name, deltas := range map[string][]dialect.Delta{
		"no delta":                   nil,
		"no last event":              {{Dialect: dialect.Responses, Event: event("response.created", `{}`)}},
		"a last event cut in pieces": {{Dialect: dialect.Responses, Event: event("response.completed", `{"response":`)}},
	} {
		g := codec.Whole(decode(t, codec, `{"model":"m","input":"hi"}`))
		if err := g.Add(deltas...); err != nil {
			t.Fatal(err)
		}
		if body, err := g.Whole(dialect.End{}); err == nil {
			t.Errorf("%s: gathered %s", name, body)
		}
	}
	g := codec.Whole(decode(t, codec, `{"model":"m","input":"hi"}`))
	if err := g.Add(dialect.Delta{Calls: []dialect.ToolCallDelta{call(0, "call_a", "f", "")}}); err == nil {
		t.Error("a tool call is lost")
	}
}

func TestPromptForms(t *testing.T) {
	for prompt, want := range map[string]string{
		`"a"`: `"a"`, `["a"]`: `"a"`, `["a","b"]`: `["a","b"]`, `[1,2]`: `[1,2]`, `[[1],[2]]`: `[[1],[2]]`,
		`5`: "", `[]`: "", `["a",1]`: "", `{}`: "", `null`: "",
	} {
		r, err := dialect.ParseCompletionRequest([]byte(`{"model":"m","prompt":` + prompt + `}`))
		if want == "" {
			var e *dialect.Error
			if !errors.As(err, &e) || e.Param != "prompt" {
				t.Errorf("%s gives %v", prompt, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s gives %v", prompt, err)
			continue
		}
		if got, _ := json.Marshal(r.Prompt); string(got) != want {
			t.Errorf("%s becomes %s", prompt, got)
		}
	}
}
