package dialect_test

import (
	"encoding/json"
	"errors"
	"iter"
	"strings"
	"testing"

	"penstock/dialect"
)

func lines(text string) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for line := range strings.Lines(text) {
			if !yield([]byte(line)) {
				return
			}
		}
	}
}

func TestGatherChat(t *testing.T) {
	whole, err := dialect.GatherChat(lines(`{"id":"c","object":"chat.completion.chunk","created":7,"model":"m","system_fingerprint":"fp","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]}
{"id":"c","created":7,"model":"m","choices":[{"index":1,"delta":{"role":"assistant","refusal":"I can"},"finish_reason":null},{"index":0,"delta":{"content":"He"},"logprobs":{"content":[{"token":"He","logprob":-0.5,"bytes":[72,101],"top_logprobs":[]}],"refusal":null}}]}
{"id":"c","created":7,"model":"m","choices":[{"index":0,"delta":{"content":"llo"},"logprobs":{"content":[{"token":"llo","logprob":-1,"bytes":null,"top_logprobs":[{"token":"x","logprob":-2,"bytes":null}]}]}}]}
{"id":"c","created":7,"model":"m","choices":[{"index":2,"delta":{"tool_calls":[{"index":0,"id":"call_a","type":"function","function":{"name":"f","arguments":""}}]}}]}
{"id":"c","created":7,"model":"m","choices":[{"index":2,"delta":{"tool_calls":[{"index":1,"id":"call_b","type":"function","function":{"name":"g","arguments":"{\"b\":"}},{"index":0,"function":{"arguments":"{}"}}]}}]}
{"id":"c","created":7,"model":"m","choices":[{"index":2,"delta":{"tool_calls":[{"index":1,"function":{"arguments":"2}"}}]}},{"index":1,"delta":{"refusal":"not"}}]}
{"id":"c","created":7,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"},{"index":1,"delta":{},"finish_reason":"content_filter"},{"index":2,"delta":{},"finish_reason":"tool_calls"}]}
{"id":"c","created":7,"model":"m","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3,"completion_tokens_details":{"reasoning_tokens":1}}}
`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"id":"c","object":"chat.completion","created":7,"model":"m","choices":[` +
		`{"index":0,"message":{"role":"assistant","content":"Hello"},"logprobs":{"content":[{"token":"He","logprob":-0.5,"bytes":[72,101],"top_logprobs":[]},{"token":"llo","logprob":-1,"bytes":null,"top_logprobs":[{"token":"x","logprob":-2,"bytes":null}]}],"refusal":null},"finish_reason":"stop"},` +
		`{"index":1,"message":{"role":"assistant","content":null,"refusal":"I cannot"},"logprobs":null,"finish_reason":"content_filter"},` +
		`{"index":2,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"call_a","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"call_b","type":"function","function":{"name":"g","arguments":"{\"b\":2}"}}]},"logprobs":null,"finish_reason":"tool_calls"}],` +
		`"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3,"completion_tokens_details":{"reasoning_tokens":1,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"system_fingerprint":"fp"}`
	if string(got) != want {
		t.Errorf("the whole answer is\n%s\nand should be\n%s", got, want)
	}
}

func TestGatherCompletion(t *testing.T) {
	whole, err := dialect.GatherCompletion(lines(`{"id":"c","object":"text_completion","created":7,"model":"m","choices":[{"index":1,"text":"x","logprobs":null,"finish_reason":null}]}
{"id":"c","created":7,"model":"m","choices":[{"index":0,"text":"On","logprobs":{"tokens":["On"],"token_logprobs":[null],"top_logprobs":[{"a":-1}],"text_offset":[0]}}]}
{"id":"c","created":7,"model":"m","choices":[{"index":0,"text":"ce","logprobs":{"tokens":["ce"],"token_logprobs":[-2],"top_logprobs":[{"b":-1}],"text_offset":[2]},"finish_reason":"length"},{"index":1,"text":"","finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}
`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"id":"c","object":"text_completion","created":7,"model":"m","choices":[` +
		`{"index":0,"text":"Once","logprobs":{"tokens":["On","ce"],"token_logprobs":[null,-2],"top_logprobs":[{"a":-1},{"b":-1}],"text_offset":[0,2]},"finish_reason":"length"},` +
		`{"index":1,"text":"x","logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}`
	if string(got) != want {
		t.Errorf("the whole answer is\n%s\nand should be\n%s", got, want)
	}
}

func TestGatherFails(t *testing.T) {
	var e *dialect.Error
	if _, err := dialect.GatherChat(lines(`{"error":{"message":"overloaded","code":503}}`)); !errors.As(err, &e) || e.Message != "overloaded" || e.Code != "503" {
		t.Errorf("an error object gives %v", err)
	}
	if _, err := dialect.GatherChat(lines(`{"choices":`)); err == nil || errors.As(err, &e) && e.Message == "" {
		t.Errorf("rubbish gives %v", err)
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
