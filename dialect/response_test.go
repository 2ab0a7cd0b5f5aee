package dialect_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/sse"
)

func TestResponsesRequestAsChat(t *testing.T) {
	for body, want := range map[string]string{
		`{"model":"m","input":"hi","instructions":"be brief","max_output_tokens":5,"temperature":0,"store":false}`: `{"model":"m","messages":[{"role":"system","content":"be brief"},{"role":"user","content":"hi"}],"max_completion_tokens":5,"stream":true,"stream_options":{"include_usage":true},"temperature":0}`,
		`{"model":"m","input":[{"role":"user","content":"a"},{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"b","annotations":[]}]},{"role":"user","content":[{"type":"input_text","text":"c"}]}],"text":{"format":{"type":"json_object"}}}`: `{"model":"m","messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"text","text":"b"}]},{"role":"user","content":[{"type":"text","text":"c"}]}],"response_format":{"type":"json_object"},"stream":true,"stream_options":{"include_usage":true}}`,
		`{"input":"hi"}`:                                                             "model",
		`{"model":"m"}`:                                                              "input",
		`{"model":"m","input":5}`:                                                    "input",
		`{"model":"m","input":"a","foo":1}`:                                          `{"model":"m","messages":[{"role":"user","content":"a"}],"stream":true,"stream_options":{"include_usage":true}}`,
		`{"model":"m","input":"a","store":true}`:                                     `{"model":"m","messages":[{"role":"user","content":"a"}],"stream":true,"stream_options":{"include_usage":true}}`,
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
	codec := dialect.NewResponses()
	const body = `{"model":"m","input":"hi","instructions":"be brief","temperature":0.5}`
	script := []dialect.Delta{
		{Fingerprint: "not shown"},
		{Text: "Hel"},
		{Text: "lo"},
		{Finish: "stop"},
		{Usage: &dialect.Usage{PromptTokens: 3, CompletionTokens: 2, TotalTokens: 5}},
	}
	events := stream(t, codec, body, script)
	for i, e := range events {
		var data struct {
			Number *int `json:"sequence_number"`
		}
		if err := json.Unmarshal(e.Data, &data); err != nil || data.Number == nil || *data.Number != i {
			t.Errorf("event %d is %s", i, e.Data)
		}
	}
	want, err := os.ReadFile("testdata/response.sse")
	if err != nil {
		t.Fatal(err)
	}
	if got := wire(events); got != string(want) {
		t.Errorf("the events are\n%s", got)
	}
	var response dialect.Response
	if err := json.Unmarshal([]byte(whole(t, codec, body, script...)), &response); err != nil {
		t.Fatal(err)
	}
	if response.Status != "completed" || response.Output[0].Content[0].Text != "Hello" || response.Usage.TotalTokens != 5 {
		t.Errorf("the whole response is %+v", response)
	}
}

func TestResponsesThatEndEarly(t *testing.T) {
	codec := dialect.NewResponses()
	const body = `{"model":"m","input":"hi"}`
	events := stream(t, codec, body, []dialect.Delta{{Text: "Hel", Finish: "length"}})
	last := events[len(events)-1]
	if last.Name.String() != "response.incomplete" || !strings.Contains(string(last.Data), `"incomplete_details":{"reason":"max_output_tokens"}`) {
		t.Errorf("the last event is %s %s", last.Name, last.Data)
	}

	// A failure has the number after the last event's, whether it was encoded or passed on.
	for number, deltas := range map[string][]dialect.Delta{
		"0": nil,
		"2": {{}},
		"5": {{Text: "Hel"}},
		"7": {{Dialect: dialect.Responses, Event: event("response.created", `{"sequence_number":6}`)}},
		"8": {{Dialect: dialect.Responses, Event: event("response.created", `{"sequence_number":7}`)}, {Dialect: dialect.Responses, Event: event("response.completed", `{"sequence_number":8}`)}},
	} {
		e := codec.Stream(decode(t, codec, body))
		if _, err := e.Encode(nil, deltas); err != nil {
			t.Fatal(err)
		}
		failed := e.Fail(&apierr.Error{Code: apierr.CodeUpstreamCut, Message: "the upstream cut the stream"})
		if want := `{"type":"error","sequence_number":` + number + `,"code":"upstream_cut","message":"the upstream cut the stream"}`; failed.Name.String() != "error" || string(failed.Data) != want {
			t.Errorf("a failure is %s %s, not %s", failed.Name, failed.Data, want)
		}
	}
}

// Some clients show no failure but response.failed: it comes before the error, with the response as
// the server or the model began it.
func TestAFailedResponseIsReportedTwice(t *testing.T) {
	raw := func(kind string, data string) dialect.Delta {
		return dialect.Delta{Dialect: dialect.Responses, Read: true, Event: sse.Event{Name: sse.MustName(kind), Data: []byte(data)}}
	}
	for name, c := range map[string]struct {
		deltas []dialect.Delta
		want   string // of the response in response.failed
		number int
	}{
		"a server's": {
			[]dialect.Delta{
				raw("response.created", `{"type":"response.created","sequence_number":0,"response":{"id":"r1","status":"in_progress","error":null,"x":[1]}}`),
				raw("response.output_text.delta", `{"type":"response.output_text.delta","sequence_number":1,"delta":"hi"}`),
			}, `{"error":{"code":"upstream_cut","message":"it was cut"},"id":"r1","status":"failed","x":[1]}`, 2,
		},
		"a server's without response.created": {
			[]dialect.Delta{raw("response.output_text.delta", `{"type":"response.output_text.delta","sequence_number":1,"delta":"hi"}`)}, "", 1,
		},
		"a model's": {[]dialect.Delta{{Text: "hi"}}, `"status":"failed","error":{"code":"upstream_cut","message":"it was cut"}`, 5},
	} {
		t.Run(name, func(t *testing.T) {
			codec := dialect.NewResponses()
			r, err := codec.Decode(dialect.Input{Body: []byte(`{"model":"m","input":"i","stream":true}`)})
			if err != nil {
				t.Fatal(err)
			}
			e := codec.Stream(r)
			if _, err := e.Encode(nil, c.deltas); err != nil {
				t.Fatal(err)
			}
			failure := &apierr.Error{Code: apierr.CodeUpstreamCut, Message: "it was cut"}
			prelude := e.(dialect.Preluder).Prelude(failure)
			terminal := e.Fail(failure)
			if c.want == "" {
				if len(prelude) > 0 {
					t.Errorf("%q", prelude)
				}
				return
			}
			if len(prelude) != 1 || prelude[0].Name.String() != "response.failed" || !strings.Contains(string(prelude[0].Data), c.want) {
				t.Fatalf("%q", prelude)
			}
			if number := fmt.Sprintf(`"sequence_number":%d,`, c.number); !strings.Contains(string(prelude[0].Data), number) {
				t.Errorf("%s has another number than %d", prelude[0].Data, c.number)
			}
			if number := fmt.Sprintf(`"sequence_number":%d,`, c.number+1); !strings.Contains(string(terminal.Data), number) {
				t.Errorf("%s has another number than %d", terminal.Data, c.number+1)
			}
		})
	}
}
