package upstream

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"penstock/apierr"
	"penstock/dialect"
	test "penstock/llm/upstream/upstreamtest"
)

// labels are what servers declare of a body, whatever it is.
var labels = []string{"application/json", "text/event-stream", "", "text/plain; charset=utf-8", "application/octet-stream", "application/x-ndjson", "text/html"}

// labelled writes pieces of a body, declared as label.
func labelled(label string, pieces ...string) test.Act {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = nil
		if label != "" {
			w.Header().Set("Content-Type", label)
		}
		for _, p := range pieces {
			_, _ = io.WriteString(w, p) // the client may have disconnected
			_ = http.NewResponseController(w).Flush()
		}
	}
}

// formRow is a dialect of clients: a request in it, and the two forms of the response that the
// server has for it, whose text is "w0 w1 w2 ".
type formRow struct {
	dialect        dialect.Name
	request        string // with %t: it is for a stream
	events, answer string
}

func formRows() []formRow {
	chatEvents := strings.Join([]string{test.Role("m"), test.Token("m", 0), test.Token("m", 1), test.Token("m", 2), test.Finish("m"), test.Usage("m"), test.Done}, "")
	chatAnswer := `{"id":"chatcmpl-m","object":"chat.completion","created":1700000000,"model":"m","x":{"y":1},"choices":[{"index":0,"message":{"role":"assistant","content":"w0 w1 w2 "},"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":60,"total_tokens":67}}`
	text := func(text, finish, more string) string {
		return fmt.Sprintf(`data: {"id":"cmpl-m","object":"text_completion","created":1,"model":"m","choices":[{"index":0,"text":%q,"logprobs":null,"finish_reason":%s}]%s}`+"\n\n", text, finish, more)
	}
	response := `{"id":"resp_1","object":"response","created_at":1,"status":%q,"error":null,"model":"m","output":[%s],"usage":%s,"x":{"y":1}}`
	item := `{"id":"msg_1","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"w0 w1 w2 ","annotations":[]}]}`
	whole := fmt.Sprintf(response, "completed", item, `{"input_tokens":7,"output_tokens":60,"total_tokens":67}`)
	event := func(name, members string) string {
		return fmt.Sprintf("event: %s\ndata: {\"type\":%q,%s}\n\n", name, name, members)
	}
	part := `"item_id":"msg_1","output_index":0,"content_index":0`
	return []formRow{
		{dialect.Chat, `{"model":"gpt","stream":%t,"messages":[{"role":"user","content":"hi"}]}`, chatEvents, chatAnswer},
		{dialect.Native, `{"prompt":"hi"}`, chatEvents, chatAnswer},
		{
			dialect.Completions, `{"model":"gpt","stream":%t,"prompt":"hi"}`,
			text("w0 ", "null", "") + text("w1 w2 ", "null", "") + text("", `"stop"`, "") + `data: {"id":"cmpl-m","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":60,"total_tokens":67}}` + "\n\n" + test.Done,
			`{"id":"cmpl-m","object":"text_completion","created":1,"model":"m","choices":[{"index":0,"text":"w0 w1 w2 ","logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":60,"total_tokens":67}}`,
		},
		{
			dialect.Responses, `{"model":"gpt","stream":%t,"input":"hi"}`,
			event("response.created", `"sequence_number":0,"response":`+fmt.Sprintf(response, "in_progress", "", "null")) +
				event("response.output_item.added", `"sequence_number":1,"output_index":0,"item":{"id":"msg_1","type":"message","status":"in_progress","role":"assistant","content":[]}`) +
				event("response.output_text.delta", `"sequence_number":2,`+part+`,"delta":"w0 w1 "`) +
				event("response.output_text.delta", `"sequence_number":3,`+part+`,"delta":"w2 "`) +
				event("response.output_item.done", `"sequence_number":4,"output_index":0,"item":`+item) +
				event("response.completed", `"sequence_number":5,"response":`+whole),
			whole,
		},
	}
}

// wholeOf requests a whole response in any dialect, as the gateway does.
func (f *fixture) wholeOf(ctx context.Context, d dialect.Name, body string) *reply {
	f.t.Helper()
	r := &reply{}
	request := f.decode(d, body)
	request.Passthrough = &r.head
	gatherer := codecs[d].Whole(request)
	end, err := f.run(ctx, request, gatherer.Add)
	r.end = end
	switch {
	case err != nil:
		r.err = apierr.From(err)
	case r.calls == 0:
		u := end.Usage()
		whole, err := gatherer.Whole(dialect.End{Reason: end.Reason(), Usage: dialect.Usage{PromptTokens: u.PromptTokens, CompletionTokens: u.CompletionTokens}})
		if err != nil {
			f.t.Error(err)
		}
		r.body.Write(whole)
	}
	return r
}

// send requests a response in the row's dialect.
func (row *formRow) send(f *fixture, stream bool) *reply {
	return row.sendIn(context.Background(), f, stream)
}

func (row *formRow) sendIn(ctx context.Context, f *fixture, stream bool) *reply {
	body := row.request
	if strings.Contains(body, "%t") {
		body = fmt.Sprintf(body, stream)
	}
	if stream {
		return f.streamUntil(ctx, row.dialect, dialect.Input{Body: []byte(body)})
	}
	return f.wholeOf(ctx, row.dialect, body)
}

// textIn returns the text of what a client got in any dialect, whole or streamed.
func textIn(t *testing.T, r *reply, stream bool) string {
	t.Helper()
	pieces := r.chunks
	if !stream {
		pieces = []string{r.body.String()}
	}
	var text strings.Builder
	for _, p := range pieces {
		var piece struct {
			Choices []struct {
				Delta, Message struct{ Content string }
				Text           string
			}
			Text, Output, Delta json.RawMessage
		}
		if err := json.Unmarshal([]byte(p), &piece); err != nil {
			t.Fatalf("%s: %v", p, err)
		}
		for _, c := range piece.Choices {
			text.WriteString(c.Delta.Content + c.Message.Content + c.Text)
		}
		var s string
		var output []struct{ Content []struct{ Text string } }
		switch {
		case piece.Delta != nil:
			_ = json.Unmarshal(piece.Delta, &s)
		case piece.Text != nil && len(piece.Choices) == 0 && !strings.Contains(p, `"response.`):
			_ = json.Unmarshal(piece.Text, &s)
		case json.Unmarshal(piece.Output, &output) == nil:
			for _, o := range output {
				for _, c := range o.Content {
					s += c.Text
				}
			}
		default:
			_ = json.Unmarshal(piece.Output, &s)
		}
		text.WriteString(s)
	}
	return text.String()
}

// Whatever a body is labelled, and whatever form it has, the client gets the form that it wants,
// of one request to the server; and a body that is cut is no response in any form.
func TestTheFormOfAResponseIsWhatItLooksLike(t *testing.T) {
	for _, row := range formRows() {
		for _, label := range labels {
			for form, body := range map[string]string{"events": row.events, "JSON": row.answer} {
				for _, stream := range []bool{true, false} {
					for name, before := range map[string]string{"": "", " after a byte order mark": "\ufeff", " after blank lines": " \r\n\n\n"} {
						t.Run(fmt.Sprintf("%s as %q to %s, stream %v%s", form, label, row.dialect, stream, name), func(t *testing.T) {
							synctest.Test(t, func(t *testing.T) { checkForm(t, row, label, before+body, stream) })
						})
					}
				}
			}
		}
	}
}

func checkForm(t *testing.T, row formRow, label, body string, stream bool) {
	u := test.New(test.Script{labelled(label, strings.SplitAfter(body, "e")...)})
	f := newFixture(t, nil, u)
	defer f.close()
	r := row.send(f, stream)
	if r.err != nil {
		t.Fatalf("the client gets %v: %v", r.err, r.err.Cause)
	}
	if got := textIn(t, r, stream); got != "w0 w1 w2 " {
		t.Errorf("the client gets the text %q: %q %q", got, r.chunks, r.body.String())
	}
	if got := r.end.Usage(); got.PromptTokens != 7 || got.CompletionTokens != 60 || got.Estimated {
		t.Errorf("the usage is %+v", got)
	}
	if got := f.attempts.String(); got != "a ok" {
		t.Errorf("the attempts are %s", got)
	}
	if media := r.header.Get("Content-Type"); !stream && row.dialect != dialect.Native && media != "application/json" {
		t.Errorf("the response is labelled %q", media)
	}
	if all := strings.Join(r.chunks, "\n"); stream && row.dialect == dialect.Chat && strings.Contains(all, `"usage":{`) {
		t.Errorf("a client that wants no usage gets one: %s", all)
	}
}

func TestABodyThatIsCutIsNoResponseInAnyForm(t *testing.T) {
	for _, row := range formRows() {
		for _, label := range labels {
			for form, body := range map[string]string{"events": row.events, "JSON": row.answer} {
				for _, stream := range []bool{true, false} {
					for name, ends := range map[string]test.Script{"cleanly": nil, "cut off": {test.Cut}} {
						t.Run(fmt.Sprintf("%s as %q to %s, stream %v, %s", form, label, row.dialect, stream, name), func(t *testing.T) {
							synctest.Test(t, func(t *testing.T) {
								for _, part := range []int{3, 2} {
									f := newFixture(t, nil, test.New(append(test.Script{labelled(label, body[:len(body)/part])}, ends...)))
									r := row.send(f, stream)
									if r.err == nil {
										t.Errorf("a part of it is a response: %q %q", r.chunks, r.body.String())
									}
									if strings.Contains(f.attempts.String(), "ok") {
										t.Errorf("the attempts are %s", f.attempts)
									}
									f.close()
								}
							})
						})
					}
				}
			}
		}
	}
}

// An error in either form is the server's error, however it is labelled.
func TestAnErrorInTheWrongFormIsThatError(t *testing.T) {
	const bad = `{"error":{"message":"the prompt is bad","type":"invalid_request_error"}}`
	for _, row := range formRows() {
		for _, label := range labels {
			for _, body := range []string{bad, "[" + bad + "]", "data: " + bad + "\n\n", ": hello\n\nevent: error\ndata: " + bad + "\n\n"} {
				for _, stream := range []bool{true, false} {
					if !stream && body[0] == '[' {
						continue
					}
					t.Run(fmt.Sprintf("%s as %q to %s, stream %v", body, label, row.dialect, stream), func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) {
							f := newFixture(t, nil, test.New(test.Script{labelled(label, body)}))
							defer f.close()
							r := row.send(f, stream)
							if r.err == nil || !strings.Contains(r.err.Message, "the prompt is bad") || r.err.Code != apierr.CodeInvalidInput {
								t.Errorf("the client gets %v, %q", r.err, r.body.String())
							}
							if got := f.attempts.String(); got != "a rejected" {
								t.Errorf("the attempts are %s", got)
							}
						})
					})
				}
			}
		}
	}
}

// A page is no response, however it is labelled.
func TestAPageIsNoResponse(t *testing.T) {
	for _, label := range labels {
		for _, body := range []string{"<html><body>data: 1</body></html>", "\n<!DOCTYPE html>\n<p>"} {
			for _, stream := range []bool{true, false} {
				synctest.Test(t, func(t *testing.T) {
					f := newFixture(t, nil, test.New(test.Script{labelled(label, body)}))
					defer f.close()
					row := formRows()[0]
					if r := row.send(f, stream); r.err == nil || r.err.Code != apierr.CodeUpstreamError {
						t.Errorf("%q as %q, stream %v: the client gets %v, %q", body, label, stream, r.err, r.body.String())
					}
				})
			}
		}
	}
}
