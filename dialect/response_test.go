package dialect_test

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"penstock/dialect"
)

func TestResponsesRequestAsChat(t *testing.T) {
	for body, want := range map[string]string{
		`{"model":"m","input":"hi","instructions":"be brief","max_output_tokens":5,"temperature":0,"store":false}`: `{"model":"m","messages":[{"role":"system","content":"be brief"},{"role":"user","content":"hi"}],"max_completion_tokens":5,"stream":true,"stream_options":{"include_usage":true},"temperature":0}`,
		`{"model":"m","input":[{"role":"user","content":"a"},{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"b","annotations":[]}]},{"role":"user","content":[{"type":"input_text","text":"c"}]}],"text":{"format":{"type":"json_object"}}}`: `{"model":"m","messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"text","text":"b"}]},{"role":"user","content":[{"type":"text","text":"c"}]}],"response_format":{"type":"json_object"},"stream":true,"stream_options":{"include_usage":true}}`,
		`{"input":"hi"}`:                                                             "model",
		`{"model":"m"}`:                                                              "input",
		`{"model":"m","input":5}`:                                                    "input",
		`{"model":"m","input":"a","foo":1}`:                                          "foo",
		`{"model":"m","input":"a","store":true}`:                                     "store",
		`{"model":"m","input":"a","previous_response_id":"resp_1"}`:                  "previous_response_id",
		`{"model":"m","input":"a","background":true}`:                                "background",
		`{"model":"m","input":"a","tools":[{"type":"web_search"}]}`:                  "tools",
		`{"model":"m","input":"a","temperature":3}`:                                  "temperature",
		`{"model":"m","input":"a","text":{"format":{"type":"xml"}}}`:                 "text.format.type",
		`{"model":"m","input":[{"type":"function_call_output","call_id":"1"}]}`:      "input[0].type",
		`{"model":"m","input":[{"role":"user","content":[{"type":"input_image"}]}]}`: "input[0].content[0].type",
		`{"model":"m","input":[{"role":"user","content":7}]}`:                        "input[0].content",
	} {
		r, err := dialect.ParseResponsesRequest([]byte(body))
		var chat *dialect.ChatRequest
		if err == nil {
			chat, err = r.Chat()
		}
		if err != nil {
			var e *dialect.Error
			if !errors.As(err, &e) || e.Param != want || e.Status != 400 {
				t.Errorf("%s gives %+v", body, err)
			}
			continue
		}
		got, err := json.Marshal(chat)
		if err != nil || string(got) != want {
			t.Errorf("%s becomes %s, %v", body, got, err)
		}
		if _, err := dialect.ParseChatRequest(got); err != nil {
			t.Errorf("%s becomes a chat request that is refused: %v", body, err)
		}
	}
}

func TestResponseEvents(t *testing.T) {
	r, err := dialect.ParseResponsesRequest([]byte(`{"model":"m","input":"hi","instructions":"be brief","temperature":0.5}`))
	if err != nil {
		t.Fatal(err)
	}
	e := dialect.NewResponseEvents(r, "1", 1700000000)
	events := e.Begin()
	for _, chunk := range []string{
		`{"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}`,
		`{"choices":[{"index":0,"delta":{"content":"Hel"}}]}`,
		`{"choices":[{"index":0,"delta":{"content":"lo"}}]}`,
		`{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`,
		`{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}`,
	} {
		more, err := e.Chunk([]byte(chunk))
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, more...)
	}
	var b strings.Builder
	for i, event := range append(events, e.Complete()...) {
		if n := dialect.ResponseSequence(event.Data); n != i {
			t.Errorf("event %d has number %d", i, n)
		}
		b.WriteString("event: " + event.Name + "\ndata: " + string(event.Data) + "\n\n")
	}
	want, err := os.ReadFile("testdata/response.sse")
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("the events are\n%s", b.String())
	}
	whole := e.Response()
	if whole.Status != "completed" || whole.Output[0].Content[0].Text != "Hello" || whole.Usage.TotalTokens != 5 {
		t.Errorf("the whole response is %+v", whole)
	}
}

func TestResponseEventsThatEndEarly(t *testing.T) {
	r, err := dialect.ParseResponsesRequest([]byte(`{"model":"m","input":"hi"}`))
	if err != nil {
		t.Fatal(err)
	}
	e := dialect.NewResponseEvents(r, "1", 1700000000)
	if _, err := e.Chunk([]byte(`{"choices":[{"index":0,"delta":{"content":"Hel"},"finish_reason":"length"}]}`)); err != nil {
		t.Fatal(err)
	}
	events := e.Complete()
	last := events[len(events)-1]
	if last.Name != "response.incomplete" || !strings.Contains(string(last.Data), `"incomplete_details":{"reason":"max_output_tokens"}`) {
		t.Errorf("the last event is %s %s", last.Name, last.Data)
	}
	failed := dialect.ResponseError(&dialect.Error{Code: "upstream_cut", Message: "it broke off"}, 7)
	if want := `{"type":"error","sequence_number":7,"code":"upstream_cut","message":"it broke off"}`; failed.Name != "error" || string(failed.Data) != want {
		t.Errorf("a failure is %s %s", failed.Name, failed.Data)
	}
}
