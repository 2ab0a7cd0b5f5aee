package dialect_test

import (
	"regexp"
	"strings"
	"testing"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/sse"
)

func event(name, data string) sse.Event {
	return sse.Event{Name: sse.MustName(name), Data: []byte(data)}
}

func decode(t testing.TB, codec dialect.Codec, body string) *dialect.Request {
	t.Helper()
	r, err := codec.Decode(dialect.Input{Body: []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var (
	randomID = regexp.MustCompile(`"(chatcmpl-|cmpl-|resp_|msg_)[A-Z2-7]{26}"`)
	created  = regexp.MustCompile(`"(created|created_at)":\d+`)
)

// stable returns a text with its ids and times replaced by constants.
func stable(text string) string {
	return created.ReplaceAllString(randomID.ReplaceAllString(text, `"${1}1"`), `"$1":1700000000`)
}

// wire returns the bytes of events, made stable.
func wire(events []sse.Event) string {
	var b []byte
	for _, e := range events {
		b = e.Append(b, sse.ID{})
	}
	return stable(string(b))
}

// stream returns the events of a complete stream, each delta encoded by itself.
func stream(t testing.TB, codec dialect.Codec, body string, deltas []dialect.Delta) (events []sse.Event) {
	t.Helper()
	e := codec.Stream(decode(t, codec, body))
	var err error
	for i := range deltas {
		if events, err = e.Encode(events, deltas[i:i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if events, err = e.End(events, dialect.End{Reason: "stop", Usage: dialect.Usage{PromptTokens: 3, CompletionTokens: 2}}); err != nil {
		t.Fatal(err)
	}
	return events
}

// scripted is what a local model emits: it begins, generates, finishes, and counts tokens.
func scripted() []dialect.Delta {
	return []dialect.Delta{
		{Fingerprint: "fp"},
		{Text: "a <b>"},
		{Text: "c", Logprobs: []dialect.TokenLogprob{{Token: "c", Logprob: -1, Bytes: []int{99}, TopLogprobs: []dialect.TopLogprob{{Token: "d", Logprob: -2}}, Offset: 5}}},
		{Finish: "stop"},
		{Usage: &dialect.Usage{PromptTokens: 3, CompletionTokens: 2, TotalTokens: 5}},
	}
}

const (
	chatHead       = `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m","choices":[`
	completionHead = `{"id":"cmpl-1","object":"text_completion","created":1700000000,"model":"m","choices":[`
	logprobs       = `{"content":[{"token":"c","logprob":-1,"bytes":[99],"top_logprobs":[{"token":"d","logprob":-2,"bytes":null}]}],"refusal":null}`
	usage          = `"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}`
)

// The bytes that clients get, written by hand.
func TestStreams(t *testing.T) {
	for name, c := range map[string]struct {
		codec  dialect.Codec
		body   string
		deltas []dialect.Delta
		want   string
	}{
		"chat": {
			dialect.NewChat(), `{"model":"m","stream":true,"stream_options":{"include_usage":true}}`, scripted(), "" +
				"data: " + chatHead + `{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"system_fingerprint":"fp"}` + "\n\n" +
				"data: " + chatHead + `{"index":0,"delta":{"content":"a \u003cb\u003e"},"logprobs":null,"finish_reason":null}],"system_fingerprint":"fp"}` + "\n\n" +
				"data: " + chatHead + `{"index":0,"delta":{"content":"c"},"logprobs":` + logprobs + `,"finish_reason":null}],"system_fingerprint":"fp"}` + "\n\n" +
				"data: " + chatHead + `{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"system_fingerprint":"fp"}` + "\n\n" +
				"data: " + chatHead + `],` + usage + `,"system_fingerprint":"fp"}` + "\n\n" +
				"data: [DONE]\n\n",
		},
		"chat without usage, of another dialect's server": {
			dialect.NewChat(), `{"model":"m","stream":true}`, []dialect.Delta{
				{Reasoning: "r"},
				{Calls: []dialect.ToolCallDelta{call(0, "call_a", "f", "")}},
				{Choice: 1, Refusal: "no", Finish: "content_filter", Usage: &dialect.Usage{PromptTokens: 3}},
			}, "" +
				"data: " + chatHead + `{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]}` + "\n\n" +
				"data: " + chatHead + `{"index":0,"delta":{"reasoning_content":"r"},"logprobs":null,"finish_reason":null}]}` + "\n\n" +
				"data: " + chatHead + `{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_a","type":"function","function":{"name":"f","arguments":""}}]},"logprobs":null,"finish_reason":null}]}` + "\n\n" +
				"data: " + chatHead + `{"index":1,"delta":{"refusal":"no"},"logprobs":null,"finish_reason":null}]}` + "\n\n" +
				"data: " + chatHead + `{"index":1,"delta":{},"logprobs":null,"finish_reason":"content_filter"}]}` + "\n\n" +
				"data: [DONE]\n\n",
		},
		"a chat server's own chunks": {
			dialect.NewChat(), `{"model":"m","stream":true}`, []dialect.Delta{
				{Text: "not looked at", Dialect: dialect.Chat, Event: event("", `{"any": "bytes" }`)},
				{Dialect: dialect.Chat, Event: event("x", "{\n}")},
			}, "data: {\"any\": \"bytes\" }\n\nevent: x\ndata: {\ndata: }\n\ndata: [DONE]\n\n",
		},
		"completions": {
			dialect.NewCompletions(), `{"model":"m","prompt":"p","stream":true,"stream_options":{"include_usage":true}}`, scripted(), "" +
				"data: " + completionHead + `{"index":0,"text":"a \u003cb\u003e","logprobs":null,"finish_reason":null}],"system_fingerprint":"fp"}` + "\n\n" +
				"data: " + completionHead + `{"index":0,"text":"c","logprobs":{"tokens":["c"],"token_logprobs":[-1],"top_logprobs":[{"d":-2}],"text_offset":[5]},"finish_reason":null}],"system_fingerprint":"fp"}` + "\n\n" +
				"data: " + completionHead + `{"index":0,"text":"","logprobs":null,"finish_reason":"stop"}],"system_fingerprint":"fp"}` + "\n\n" +
				"data: " + completionHead + `],` + usage + `,"system_fingerprint":"fp"}` + "\n\n" +
				"data: [DONE]\n\n",
		},
		"a completions server's own chunks": {
			dialect.NewCompletions(), `{"model":"m","prompt":"p","stream":true}`,
			[]dialect.Delta{{Dialect: dialect.Completions, Event: event("", `{"any": "bytes" }`)}},
			"data: {\"any\": \"bytes\" }\n\ndata: [DONE]\n\n",
		},
		"a responses server's own events": {
			dialect.NewResponses(), `{"model":"m","input":"hi","stream":true}`, []dialect.Delta{
				{Dialect: dialect.Responses, Event: event("response.created", `{ }`)},
				{Dialect: dialect.Responses, Event: event("response.completed", `{"response": {} }`)},
			}, "event: response.created\ndata: { }\n\nevent: response.completed\ndata: {\"response\": {} }\n\n",
		},
		"a responses server's own events without names": {
			dialect.NewResponses(), `{"model":"m","input":"hi","stream":true}`, []dialect.Delta{
				{Dialect: dialect.Responses, Event: event("", `{"type":"response.completed"}`), Final: true},
			}, "data: {\"type\":\"response.completed\"}\n\n",
		},
		"native": {
			dialect.NewNative(), `{"prompt":"p"}`, scripted(), "" +
				`data: {"text":"a \u003cb\u003e"}` + "\n\n" +
				`data: {"text":"c"}` + "\n\n" +
				"event: done\n" + `data: {"reason":"stop","usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}` + "\n\n",
		},
		"native, of a chat server": {
			dialect.NewNative(), `{"prompt":"p"}`, []dialect.Delta{
				{Text: "a", Refusal: "b", Dialect: dialect.Chat, Event: event("", "{}")}, {Reasoning: "r"},
			}, `data: {"text":"ab"}` + "\n\n" +
				"event: done\n" + `data: {"reason":"stop","usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}` + "\n\n",
		},
	} {
		if got := wire(stream(t, c.codec, c.body, c.deltas)); got != c.want {
			t.Errorf("%s: the events are\n%s\nand should be\n%s", name, got, c.want)
		}
	}
}

func TestWholeResponses(t *testing.T) {
	for name, c := range map[string]struct {
		codec dialect.Codec
		body  string
		want  string
	}{
		"chat":        {dialect.NewChat(), `{"model":"m"}`, `{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"a \u003cb\u003ec"},"logprobs":` + logprobs + `,"finish_reason":"stop"}],` + usage + `,"system_fingerprint":"fp"}`},
		"completions": {dialect.NewCompletions(), `{"model":"m","prompt":"p"}`, completionHead + `{"index":0,"text":"a <b>c","logprobs":{"tokens":["c"],"token_logprobs":[-1],"top_logprobs":[{"d":-2}],"text_offset":[5]},"finish_reason":"stop"}],` + usage + `,"system_fingerprint":"fp"}`},
		"responses":   {dialect.NewResponses(), `{"model":"m","input":"i"}`, `{"id":"resp_1","object":"response","created_at":1700000000,"status":"completed","error":null,"incomplete_details":null,"instructions":null,"max_output_tokens":null,"model":"m","output":[{"id":"msg_1","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"a \u003cb\u003ec","annotations":[],"logprobs":[]}]}],"parallel_tool_calls":true,"previous_response_id":null,"store":false,"temperature":null,"text":{"format":{"type":"text"}},"tool_choice":"auto","tools":[],"top_p":null,"truncation":"disabled","usage":{"input_tokens":3,"input_tokens_details":{"cached_tokens":0},"output_tokens":2,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":5},"metadata":{}}`},
		"native":      {dialect.NewNative(), `{"prompt":"p"}`, `{"output":"a <b>c","reason":"stop","usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}`},
	} {
		if got := whole(t, c.codec, c.body, scripted()...); got != c.want {
			t.Errorf("%s: the response is\n%s\nand should be\n%s", name, got, c.want)
		}
	}
	// A model need not count tokens in a delta: the end has them too.
	if got, want := whole(t, dialect.NewCompletions(), `{"model":"m","prompt":"p"}`, dialect.Delta{}), `{"id":"cmpl-1","object":"text_completion","created":1700000000,"model":"m","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}`; got != want {
		t.Errorf("without text the response is %s", got)
	}
}

func TestFailures(t *testing.T) {
	cut := &apierr.Error{Code: apierr.CodeQueueFull, Reason: "too_many", Message: "the queue is full", Param: "p"}
	for _, c := range []struct {
		codec dialect.Codec
		body  string
		want  string
	}{
		{dialect.NewChat(), `{"model":"m"}`, `data: {"error":{"message":"the queue is full","type":"rate_limit_error","param":"p","code":"too_many"}}` + "\n\n"},
		{dialect.NewCompletions(), `{"model":"m"}`, `data: {"error":{"message":"the queue is full","type":"rate_limit_error","param":"p","code":"too_many"}}` + "\n\n"},
		{dialect.NewResponses(), `{"model":"m"}`, "event: error\n" + `data: {"type":"error","sequence_number":0,"code":"too_many","message":"the queue is full","param":"p"}` + "\n\n"},
		{dialect.NewNative(), `{"prompt":"p"}`, "event: failed\n" + `data: {"code":"queue_full","reason":"too_many","message":"the queue is full"}` + "\n\n"},
	} {
		if got := wire([]sse.Event{c.codec.Stream(decode(t, c.codec, c.body)).Fail(cut)}); got != c.want {
			t.Errorf("%s: a failure is\n%s\nand should be\n%s", c.codec.Name(), got, c.want)
		}
	}
}

// A client takes the first chunk of a chat for the first token: there is none before it.
func TestTheRoleComesWithTheFirstToken(t *testing.T) {
	for name, first := range map[string]dialect.Delta{
		"text": {Text: "a"}, "reasoning": {Reasoning: "r"}, "the end": {Finish: "stop"},
		"a call": {Calls: []dialect.ToolCallDelta{call(0, "call_a", "f", "")}},
	} {
		e := dialect.NewChat().Stream(decode(t, dialect.NewChat(), `{"model":"m","stream":true}`))
		events, err := e.Encode(nil, []dialect.Delta{{Fingerprint: "fp"}, {}})
		if err != nil || len(events) != 0 {
			t.Errorf("%s: before it come\n%s%v", name, wire(events), err)
		}
		events, err = e.Encode(nil, []dialect.Delta{first})
		if got := wire(events); err != nil || len(events) != 2 || strings.Index(got, `"role":"assistant"`) > strings.Index(got, "\n\n") || strings.Count(got, `"system_fingerprint":"fp"`) != 2 {
			t.Errorf("%s: with it come\n%s%v", name, got, err)
		}
	}
}
