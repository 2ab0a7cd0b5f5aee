package upstream

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"penstock/dialect"
	test "penstock/llm/upstream/upstreamtest"
)

// An error in a stream is that error with its words, whatever its form is, before any content and
// after it.
func TestFormsOfErrorsInAStream(t *testing.T) {
	for name, c := range map[string]struct {
		event  string
		status int // before any content
	}{
		"an event":                     {`data: {"error":{"message":"the words"}}` + "\n\n", 502},
		"an event with a name":         {"event: error\n" + `data: {"error":{"message":"the words","code":429}}` + "\n\n", 429},
		"another name":                 {"event: message\n" + `data: {"error":{"message":"the words"}}` + "\n\n", 502},
		"a text":                       {`data: {"error":"the words"}` + "\n\n", 502},
		"detail":                       {`data: {"detail":"the words"}` + "\n\n", 502},
		"details":                      {`data: {"detail":[{"loc":[1],"msg":"the words"}]}` + "\n\n", 502},
		"message":                      {`data: {"message":"the words","status":503}` + "\n\n", 503},
		"msg":                          {`data: {"code":401123,"msg":"the words"}` + "\n\n", 502},
		"object":                       {`data: {"object":"error","message":"the words","code":400}` + "\n\n", 400},
		"a line":                       {`{"error":{"message":"the words","code":"429"}}` + "\n", 429},
		"a line without its end":       {`{"error":{"message":"the words"}}`, 502},
		"lines":                        {"{\n  \"error\": {\n    \"message\": \"the words\"\n  }\n}\n", 502},
		"a list":                       {`[{"error":{"code":400,"message":"the words","status":"INVALID_ARGUMENT"}}]` + "\n\n", 400},
		"a line of detail":             {`{"detail":"the words"}` + "\n\n", 502},
		"a line after an event's name": {"event: error\n" + `{"error":{"message":"the words"}}` + "\n\n", 502},
	} {
		for when, before := range map[string]string{"first": "", "later": test.Token("m", 0)} {
			t.Run(name+"/"+when, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					script := test.Script{test.Send(before + c.event)}
					if !strings.HasSuffix(name, "its end") {
						script = append(script, test.Stall)
					}
					f := newFixture(t, nil, test.New(script))
					defer f.close()
					for _, d := range []dialect.Name{dialect.Chat, dialect.Native} {
						body := map[dialect.Name]string{dialect.Chat: chatBody, dialect.Native: `{"prompt":"hi"}`}[d]
						r := f.stream(d, body)
						if r.err == nil || !strings.Contains(r.err.Message, "the words") {
							t.Fatalf("%s: it ends with %v after %v", d, r.err, r.took)
						}
						if a := r.upstreamAnswer(); before == "" && (a == nil || a.Status != c.status) {
							t.Errorf("%s: the error is %+v", d, a)
						}
					}
				})
			})
		}
	}
}

// A member "error" that reports none is taken out of streams and of whole responses, of which not
// another byte changes.
func TestAnErrorThatIsNoneIsTakenOut(t *testing.T) {
	for _, none := range []string{`null`, `{}`, `{"message":"","code":0,"type":null}`, `""`, `false`, `0`, `[]`, `{"message":"","details":{"x":[null]}}`} {
		for _, place := range []string{`{"error":NONE,"id":"x" ,"choices":[CHOICE] }`, `{"id":"x","error" : NONE ,"choices":[CHOICE]}`, `{"id":"x","choices":[CHOICE], "error":NONE}`} {
			without := strings.NewReplacer(`"error":NONE,`, "", `,"error" : NONE`, "", `, "error":NONE`, "").Replace(place)
			fill := func(form, choice string) string {
				return strings.NewReplacer("NONE", none, "CHOICE", choice).Replace(form)
			}
			choices := []string{
				`{"delta":{"content":"a"}}`, `{"delta":{"content":"longer, and \"error\":null"}}`, `{"delta":{"content":"b"}}`,
				`{"delta":{},"finish_reason":"stop"}`,
			}
			var sent string
			var want []string
			for _, c := range choices {
				sent += "data: " + fill(place, c) + "\n\n"
				want = append(want, fill(without, c))
			}
			synctest.Test(t, func(t *testing.T) {
				whole := `{"message":{"content":"a"}}`
				u := test.New(test.Script{test.Send(sent + test.Done)}, test.Script{test.Answer(http.StatusOK, fill(place, whole))})
				f := newFixture(t, nil, u)
				defer f.close()
				if r := f.stream(dialect.Chat, chatBody); r.err != nil || !slices.Equal(r.chunks, want) {
					t.Errorf("%s becomes %q, %v", sent, r.chunks, r.err)
				}
				for _, d := range []dialect.Name{dialect.Chat, dialect.Completions, dialect.Embeddings} {
					if r := f.whole(d); r.err != nil || r.body.String() != fill(without, whole) {
						t.Errorf("%s: %s becomes %s, %v", d, fill(place, whole), r.body.String(), r.err)
					}
				}
			})
		}
	}
	// OpenAI sends it in a response of /v1/responses, and not in the events around one.
	synctest.Test(t, func(t *testing.T) {
		const response = `{"object":"response","error":null,"status":"completed"}`
		event := func(kind, more string) string {
			return "event: " + kind + "\ndata: {\"type\":\"" + kind + "\"" + more + "}\n\n"
		}
		f := newFixture(t, nil, test.New(
			test.Script{test.Send(event("response.created", `,"error":null,"response":`+response) + event("response.output_text.delta", `,"delta":"a","error":{}`) +
				event("response.completed", `,"error":{"message":""},"response":`+response))},
			test.Script{test.Answer(http.StatusOK, response)}))
		defer f.close()
		want := []string{`{"type":"response.created","response":` + response + `}`, `{"type":"response.output_text.delta","delta":"a"}`, `{"type":"response.completed","response":` + response + `}`}
		if r := f.stream(dialect.Responses, `{"model":"gpt","input":"hi","stream":true}`); r.err != nil || !slices.Equal(r.chunks, want) {
			t.Errorf("the client gets %q, %v", r.chunks, r.err)
		}
		if r := f.whole(dialect.Responses); r.err != nil || r.body.String() != response {
			t.Errorf("the client gets %s, %v", r.body.String(), r.err)
		}
	})
}

// Values of another shape fail no stream.
func TestOddShapesFailNoStream(t *testing.T) {
	for name, choice := range map[string]string{
		"parts":              `"created":1.5,"choices":[{"index":0,"delta":{"role":null,"content":[{"type":"text","text":"a"}]},"logprobs":[]}]`,
		"numbers as strings": `"created":"1","choices":[{"index":"0","delta":{"content":"a"},"finish_reason":""}]`,
		"no index":           `"choices":[{"delta":{"content":"a","tool_calls":[{"function":{"name":"f","arguments":{"a":1}}}]}}]`,
		"an object":          `"choices":[null,{"index":0,"delta":{"content":{"text":"a"}}}]`,
	} {
		synctest.Test(t, func(t *testing.T) {
			last := `{"choices":[{"index":"0","delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":"7","completion_tokens":60.0,"total_tokens":"67"}}`
			f := newFixture(t, nil, test.New(test.Script{test.Send("data: {" + choice + "}\n\ndata: " + last + "\n\n")}))
			defer f.close()
			if r := f.stream(dialect.Chat, chatBody); r.err != nil || !slices.Equal(r.chunks, []string{"{" + choice + "}", last}) {
				t.Errorf("%s: the client gets %q, %v", name, r.chunks, r.err)
			}
			if r := f.stream(dialect.Native, `{"prompt":"hi"}`); r.err != nil || !slices.Equal(r.chunks, []string{`{"text":"a"}`}) || r.end.Usage().CompletionTokens != 60 {
				t.Errorf("%s: a native client gets %q, %+v, %v", name, r.chunks, r.end, r.err)
			}
			if g := f.generate(dialect.Responses, `{"model":"gpt","input":"hi"}`); g.err != nil || g.text != "a" || g.usage == nil || g.usage.TotalTokens != 67 {
				t.Errorf("%s: the deltas are %+v", name, g)
			}
		})
	}
}
