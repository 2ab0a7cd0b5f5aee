package dialect

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"penstock/sse"
)

func gatherAll(t *testing.T, name Name, events ...string) string {
	t.Helper()
	g := GatherEvents(name)
	for _, e := range events {
		if err := g.Add([]byte(e)); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := g.Whole()
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(whole) {
		t.Fatalf("no JSON: %s", whole)
	}
	return string(whole)
}

// Inside a delta strings join and lists merge by index; outside it the last value counts, and
// nothing that a server sends is lost.
func TestChunksAreGatheredWithoutLoss(t *testing.T) {
	for name, test := range map[string]struct {
		dialect Name
		events  []string
		want    string
	}{
		"text": {Chat, []string{
			`{"id":"a","object":"chat.completion.chunk","created":1.5,"model":"m","provider":"P","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]}`,
			`{"id":"a","object":"chat.completion.chunk","created":1.5,"model":"m","provider":"P","choices":[{"index":0,"delta":{"role":"assistant","content":"\ud83d"}}],"error":null}`,
			`{"id":"a","model":"","choices":[{"index":0,"delta":{"content":"\ude00"},"finish_reason":"stop","native_finish_reason":"STOP"}],"usage":null}`,
			`{"id":"","choices":[],"usage":{"prompt_tokens":1,"cost":0.5},"citations":["c"]}`,
		}, `{"id":"a","object":"chat.completion","created":1.5,"model":"m","provider":"P","citations":["c"],` +
			`"choices":[{"index":0,"message":{"role":"assistant","content":"\ud83d\ude00"},"logprobs":null,"finish_reason":"stop","native_finish_reason":"STOP"}],` +
			`"usage":{"prompt_tokens":1,"cost":0.5}}`},
		"choices in any order": {Chat, []string{
			`{"choices":[{"index":1,"delta":{"content":"b"}},{"index":0,"delta":{"content":"a"}}]}`,
			`{"choices":[{"index":1,"delta":{"content":"B"},"finish_reason":"length"},{"index":0,"delta":{"content":"A"},"finish_reason":"stop"}]}`,
		}, `{"object":"chat.completion","choices":[` +
			`{"index":0,"message":{"role":"assistant","content":"aA"},"finish_reason":"stop","logprobs":null},` +
			`{"index":1,"message":{"role":"assistant","content":"bB"},"finish_reason":"length","logprobs":null}]}`},
		"tool calls": {Chat, []string{
			`{"choices":[{"index":0,"delta":{"role":"assistant","content":"","tool_calls":[{"index":1,"id":"c1","type":"function","function":{"name":"g","arguments":""}}]}}]}`,
			`{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c0","type":"function","function":{"name":"f","arguments":"{\"a"},"extra_content":{"google":{"thought_signature":"s"}}}]}}]}`,
			`{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c0","type":"function","function":{"name":"f","arguments":"\":1}"}},{"index":1,"id":"","function":{"arguments":"{}"}}]},"finish_reason":"tool_calls"}]}`,
		}, `{"object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[` +
			`{"id":"c0","type":"function","function":{"name":"f","arguments":"{\"a\":1}"},"extra_content":{"google":{"thought_signature":"s"}}},` +
			`{"id":"c1","type":"function","function":{"name":"g","arguments":"{}"}}]},"finish_reason":"tool_calls","logprobs":null}]}`},
		"tool calls without an index": {Chat, []string{
			`{"choices":[{"index":0,"delta":{"tool_calls":[{"id":"c0","function":{"name":"f","arguments":"{}"}}]}}]}`,
			`{"choices":[{"index":0,"delta":{"tool_calls":[{"id":"c1","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"stop"}]}`,
		}, `{"object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[` +
			`{"id":"c0","function":{"name":"f","arguments":"{}"}},{"id":"c1","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"stop","logprobs":null}]}`},
		"reasoning and other members": {Chat, []string{
			`{"choices":[{"index":0,"delta":{"reasoning":"a","reasoning_details":[{"type":"reasoning.text","text":"a","format":"f","index":0}],"audio":{"id":"x","data":"AA"}}}]}`,
			`{"choices":[{"index":0,"delta":{"content":null,"reasoning":"b","reasoning_details":[{"type":"reasoning.text","text":"b","format":"f","index":0}],"audio":{"data":"BB","expires_at":5},"images":[{"url":1}]}}]}`,
			`{"choices":[{"index":0,"delta":{"content":"c","images":[{"url":2}],"n":1},"content_filter_results":{"hate":{}},"finish_reason":"stop"}]}`,
			`{"choices":[{"index":0,"delta":{"n":2},"content_filter_results":{},"finish_reason":null}]}`,
		}, `{"object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"c","reasoning":"ab",` +
			`"reasoning_details":[{"type":"reasoning.text","text":"ab","format":"f","index":0}],"audio":{"id":"x","data":"AABB","expires_at":5},` +
			`"images":[{"url":1},{"url":2}],"n":2},"content_filter_results":{"hate":{}},"finish_reason":"stop","logprobs":null}]}`},
		"logprobs": {Chat, []string{
			`{"choices":[{"index":0,"delta":{"content":"a"},"logprobs":{"content":[{"token":"a"}],"refusal":null}}]}`,
			`{"choices":[{"index":0,"delta":{"content":"b"},"logprobs":{"content":[{"token":"b"}],"refusal":null},"finish_reason":"stop"}]}`,
		}, `{"object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"ab"},"logprobs":{"content":[{"token":"a"},{"token":"b"}],"refusal":null},"finish_reason":"stop"}]}`},
		"contents as parts and as text": {Chat, []string{
			`{"choices":[{"index":0,"delta":{"content":""}}]}`,
			`{"choices":[{"index":0,"delta":{"content":[{"type":"thinking","thinking":"t"}]}}]}`,
			`{"choices":[{"index":0,"delta":{"content":"a"}}]}`,
			`{"choices":[{"index":0,"delta":{"content":"b"},"finish_reason":"stop"}]}`,
		}, `{"object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":[{"type":"thinking","thinking":"t"},{"type":"text","text":"ab"}]},"finish_reason":"stop","logprobs":null}]}`},
		"a whole message": {Chat, []string{
			`{"id":"a","choices":[{"index":0,"message":{"role":"assistant","content":"hi","x":1},"finish_reason":"stop"}]}`,
		}, `{"id":"a","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"hi","x":1},"finish_reason":"stop","logprobs":null}]}`},
		"text completions": {Completions, []string{
			`{"id":"a","object":"text_completion","choices":[{"index":0,"text":"a","logprobs":{"tokens":["a"],"token_logprobs":[-1],"text_offset":[0]}}]}`,
			`{"id":"a","choices":[{"index":0,"text":"b","logprobs":{"tokens":["b"],"token_logprobs":[-2],"text_offset":[1]},"finish_reason":"stop","stop_reason":7}]}`,
		}, `{"id":"a","object":"text_completion","choices":[{"index":0,"text":"ab","logprobs":{"tokens":["a","b"],"token_logprobs":[-1,-2],"text_offset":[0,1]},"finish_reason":"stop","stop_reason":7}]}`},
		"a response": {Responses, []string{
			`{"type":"response.created","response":{"id":"r","output":[]}}`,
			`{"type":"response.completed","response":{"id":"r","status":"completed","output":[{"id":"i"}],"x":1}}`,
		}, `{"id":"r","status":"completed","output":[{"id":"i"}],"x":1}`},
		"a response whose last event has no output": {Responses, []string{
			`{"type":"response.output_item.done","output_index":1,"item":{"id":"i1"}}`,
			`{"type":"response.output_item.done","output_index":0,"item":{"id":"i0"}}`,
			`{"type":"response.completed","response":{"id":"r","output":[],"x":1}}`,
		}, `{"id":"r","output":[{"id":"i0"},{"id":"i1"}],"x":1}`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := gatherAll(t, test.dialect, test.events...); got != test.want {
				t.Errorf("\n%s is not\n%s", got, test.want)
			}
		})
	}
}

// A whole response becomes a stream from which the same response is gathered.
func TestWholeResponsesSurviveAStream(t *testing.T) {
	answers := map[string]string{
		"everything": `{"id":"a","object":"chat.completion","created":1,"model":"m","usage":{"total_tokens":1,"x":2},"timings":{"a":[1]},"choices":[` +
			`{"index":1,"message":{"role":"assistant","content":"b","refusal":null,"annotations":[{"type":"url_citation"}]},"logprobs":{"content":[{"token":"b"}],"refusal":null},"finish_reason":"stop","stop_reason":3},` +
			`{"index":0,"message":{"role":"assistant","content":null,"reasoning_content":"r","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"2","type":"function","function":{"name":"g","arguments":"{}"}}]},"logprobs":null,"finish_reason":"tool_calls"}]}`,
	}
	files, err := filepath.Glob("../llm/upstream/testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		answers[filepath.Base(file)] = string(data)
	}
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			events, err := EventsOf(Chat, []byte(answer))
			if err != nil {
				t.Fatal(err)
			}
			last := len(events) - 1
			if string(events[last].Data) != done {
				t.Errorf("the last event is %s", events[last].Data)
			}
			choices := strings.Count(answer, `"finish_reason"`)
			reader := newChunkReader(Chat, &Request{Choices: choices}, false)
			var chunks []string
			for _, e := range events[:last] {
				if sign := reader.Read(e); sign == SignError || sign == SignMalformed {
					t.Errorf("the event %s means %d", e.Data, sign)
				}
				chunks = append(chunks, string(e.Data))
			}
			if !reader.Whole() {
				t.Errorf("the stream has no end: %q", chunks)
			}
			got, want := plainAnswer(t, gatherAll(t, Chat, chunks...)), plainAnswer(t, answer)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("\n%v is not\n%v\n%s", got, want, strings.Join(chunks, "\n"))
			}
		})
	}
}

// plainAnswer decodes a response without the members that are null or empty, and the order of its
// choices.
func plainAnswer(t *testing.T, answer string) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(answer), &v); err != nil {
		t.Fatal(err)
	}
	var clean func(any)
	clean = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, value := range v {
				if list, ok := value.([]any); value == nil || value == "" || ok && len(list) == 0 {
					delete(v, name)
				} else {
					clean(value)
				}
			}
		case []any:
			for _, e := range v {
				clean(e)
			}
		}
	}
	clean(v)
	slices.SortFunc(v["choices"].([]any), func(a, b any) int {
		return int(a.(map[string]any)["index"].(float64) - b.(map[string]any)["index"].(float64))
	})
	return v
}

// The events of a whole response of /v1/responses are numbered, and end with the response itself.
func TestTheEventsOfAWholeResponse(t *testing.T) {
	const answer = `{"id":"r","object":"response","status":"incomplete","output":[
		{"id":"rs","type":"reasoning","summary":[{"type":"summary_text","text":"s"}],"encrypted_content":"e"},
		{"id":"m","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"hi","annotations":[{"type":"file"}],"logprobs":[{"token":"hi"}]},{"type":"refusal","refusal":"no"}]},
		{"id":"f","type":"function_call","status":"completed","call_id":"c","name":"g","arguments":"{}"},
		{"id":"w","type":"web_search_call","status":"completed","action":{"query":"q"}}],"usage":{"input_tokens":1},"x":1}`
	events, err := EventsOf(Responses, []byte(answer))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"created", "in_progress",
		"output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta", "reasoning_summary_text.done", "reasoning_summary_part.done", "output_item.done",
		"output_item.added", "content_part.added", "output_text.delta", "output_text.annotation.added", "output_text.done", "content_part.done",
		"content_part.added", "refusal.delta", "refusal.done", "content_part.done", "output_item.done",
		"output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done",
		"output_item.added", "output_item.done",
		"incomplete",
	}
	var names, all []string
	var reader responsesReader
	for i, e := range events {
		var data struct {
			Type     string `json:"type"`
			Sequence int    `json:"sequence_number"`
		}
		if err := json.Unmarshal(e.Data, &data); err != nil || data.Type != e.Name.String() || data.Sequence != i {
			t.Errorf("event %d is %s %s, %v", i, e.Name, e.Data, err)
		}
		if sign := reader.Read(e); sign == SignError || sign == SignMalformed || (sign == SignLast) != (i == len(events)-1) {
			t.Errorf("the event %s means %d", e.Data, sign)
		}
		names, all = append(names, strings.TrimPrefix(data.Type, "response.")), append(all, string(e.Data))
	}
	if !slices.Equal(names, want) {
		t.Errorf("the events are %q", names)
	}
	for _, line := range []string{
		`{"type":"response.created","sequence_number":0,"response":{"id":"r","object":"response","status":"in_progress","output":[],"usage":null,"x":1}}`,
		`{"type":"response.content_part.added","sequence_number":9,"item_id":"m","output_index":1,"content_index":0,"part":{"type":"output_text","text":"","annotations":[],"logprobs":[]}}`,
		`{"type":"response.refusal.delta","sequence_number":15,"item_id":"m","output_index":1,"content_index":1,"delta":"no"}`,
		`{"type":"response.output_item.added","sequence_number":19,"output_index":2,"item":{"id":"f","type":"function_call","status":"in_progress","call_id":"c","name":"g","arguments":""}}`,
		`{"type":"response.function_call_arguments.done","sequence_number":21,"item_id":"f","output_index":2,"name":"g","arguments":"{}"}`,
	} {
		if !slices.Contains(all, line) {
			t.Errorf("there is no event %s in\n%s", line, strings.Join(all, "\n"))
		}
	}
}

func TestWhatIsNoWholeResponse(t *testing.T) {
	for _, body := range []string{``, `[]`, `[1]`, `{}`, `{"choices":null}`, `{"x":1}`, `{"choices":[]} {`, strings.Repeat("[", 1000)} {
		if events, err := EventsOf(Chat, []byte(body)); err == nil {
			t.Errorf("%.20s becomes %v", body, events)
		}
	}
	for _, body := range []string{`{}`, `{"status":"queued","output":[]}`} {
		if events, err := EventsOf(Responses, []byte(body)); err == nil {
			t.Errorf("%s becomes %v", body, events)
		}
	}
}

// FuzzGather gathers what a Reader has read: nothing fails or grows beyond what came.
func FuzzGather(f *testing.F) {
	f.Add(`{"choices":[{"index":0,"delta":{"content":"a","tool_calls":[{"index":0,"function":{"arguments":"x"}}]}}]}`, `{"choices":[{"delta":{"content":["b"],"tool_calls":[{"index":0},{"index":"1"}]},"message":{}}]}`)
	f.Add(`{"choices":[{"delta":[]}],"a":1}`, `{"choices":[{"delta":{"a":{"b":[]}}},1,null],"a":{"b":null}}`)
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, name := range []Name{Chat, Completions, Responses} {
			g := GatherEvents(name)
			var r Reader = newChunkReader(name, &Request{Choices: 1}, false)
			if name == Responses {
				r = &responsesReader{}
			}
			for _, data := range []string{a, b} {
				if sign := r.Read(sse.Event{Data: []byte(data)}); sign == SignMalformed || sign == SignError || sign == SignEmpty || sign == SignDone {
					return
				}
				if g.Add([]byte(data)) != nil {
					return
				}
			}
			whole, err := g.Whole()
			if err != nil {
				continue
			}
			if !json.Valid(whole) && json.Valid([]byte(a)) && json.Valid([]byte(b)) {
				t.Errorf("%s and %s become %s", a, b, whole)
			}
			if _, err := EventsOf(name, whole); err != nil && name != Responses && len(whole) < 150 {
				t.Errorf("%s: %v", whole, err)
			}
		}
	})
}
