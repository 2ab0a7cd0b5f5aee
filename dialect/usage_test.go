package dialect_test

import (
	"testing"

	"penstock/dialect"
	"penstock/sse"
)

// A server is asked for the usage of a stream by one member; all other bytes are the client's.
func TestBodiesAskForTheUsage(t *testing.T) {
	chat, completions, responses := dialect.NewChat(), dialect.NewCompletions(), dialect.NewResponses()
	for _, c := range []struct {
		codec       dialect.Codec
		body        string
		asked, want string // "": the body does not ask
	}{
		{chat, `{"model":"m","stream":true}`, `{"stream_options":{"include_usage":true},"model":"s","stream":true}`, `{"model":"s","stream":true}`},
		{chat, ` { "stream":true}`, ` {"model":"s","stream_options":{"include_usage":true}, "stream":true}`, ` {"model":"s", "stream":true}`},
		{
			chat, `{"stream":true, "stream_options" : {"x":1} ,"model":"m"}`,
			`{"stream":true, "stream_options" : {"include_usage":true,"x":1} ,"model":"s"}`, `{"stream":true, "stream_options" : {"x":1} ,"model":"s"}`,
		},
		{chat, `{"model":"m","stream":true,"stream_options":{ }}`, `{"model":"s","stream":true,"stream_options":{"include_usage":true }}`, `{"model":"s","stream":true,"stream_options":{ }}`},
		{
			completions, `{"model":"m","stream":true,"stream_options":{"x":1,"include_usage" : false}}`,
			`{"model":"s","stream":true,"stream_options":{"x":1,"include_usage" : true}}`, `{"model":"s","stream":true,"stream_options":{"x":1,"include_usage" : false}}`,
		},
		{completions, `{"stream":true,"stream_options":null,"model":"m"}`, `{"stream":true,"stream_options":{"include_usage":true},"model":"s"}`, `{"stream":true,"stream_options":null,"model":"s"}`},
		{chat, `{"model":"m","stream":true,"stream_options":{"include_usage":true}}`, "", `{"model":"s","stream":true,"stream_options":{"include_usage":true}}`},
		{chat, `{"model":"m","stream":true,"stream_options":{"include_usage":1}}`, "", `{"model":"s","stream":true,"stream_options":{"include_usage":1}}`},
		{chat, `{"model":"m","stream":true,"stream_options":"all"}`, "", `{"model":"s","stream":true,"stream_options":"all"}`},
		{responses, `{"model":"m","stream":true}`, "", `{"model":"s","stream":true}`},
	} {
		r := decodeAs(t, c.codec, c.body)
		body, err := dialect.OpenAIRemote(r).Body(r)
		if err != nil {
			t.Fatal(err)
		}
		if got := body.Asks(); got != (c.asked != "") {
			t.Errorf("%s can ask: %v", c.body, got)
		}
		asked := c.asked
		if asked == "" {
			asked = c.want
		}
		if got := string(body.For("s", true)); got != asked {
			t.Errorf("%s asks as %s", c.body, got)
		}
		if got := string(body.For("s", false)); got != c.want {
			t.Errorf("%s becomes %s", c.body, got)
		}
	}
}

// What a server adds to chunks because it was asked for the usage is taken out again.
func TestTheUsageIsTakenOut(t *testing.T) {
	const chunk, usage = `{"choices":[{"index":0,"delta":{"content":"`, `{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}`
	for _, c := range []struct{ in, want string }{ // "": not passed on
		{chunk + `a"}}],"usage":null}`, chunk + `a"}}]}`},
		{chunk + `b c"}}],"usage":null}`, chunk + `b c"}}]}`}, // of the shape of the one before
		{chunk + `\""}}],"usage":null}`, chunk + `\""}}]}`},
		{chunk + `a"}}], "usage": null, "x": 1}`, chunk + `a"}}], "x": 1}`},
		{chunk + `ab"}}], "usage": null, "x": 1}`, chunk + `ab"}}], "x": 1}`},
		{`{"usage":null, ` + chunk[1:] + `a"}}]}`, `{` + chunk[1:] + `a"}}]}`},
		{`{"usage":null, ` + chunk[1:] + `abc"}}]}`, `{` + chunk[1:] + `abc"}}]}`},
		{`{ "usage" : null}`, `{ }`},
		{`{"x":[{"usage":null}],"usage":null,"y":{"usage":null}}`, `{"x":[{"usage":null}],"y":{"usage":null}}`},
		{chunk + `a"}}]}`, chunk + `a"}}]}`},
		{`{"choices":[],"prompt_filter_results":[],"usage":null}`, `{"choices":[],"prompt_filter_results":[]}`},
		{`{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":` + usage + `}`, `{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":` + usage + `}`},
		{`{"id":"x","choices":[],"usage":` + usage + `}`, ``},
	} {
		for _, asked := range []bool{true, false} {
			reader := readerOf(t, asked)
			reader.Read(sse.Event{Data: []byte(chunk + `before"}}],"usage":null}`)}) // another shape, mostly
			want := c.in
			if asked {
				want = c.want
			}
			for range 2 { // the second time it may have the shape of the first
				e := sse.Event{Data: []byte(c.in)}
				sign := reader.Read(e)
				switch {
				case want == "":
					if sign != dialect.SignEmpty {
						t.Errorf("%s means %d", c.in, sign)
					}
				case sign == dialect.SignEmpty || sign >= dialect.SignLast:
					t.Errorf("%s means %d", c.in, sign)
				default:
					if got := string(reader.Trim(e.Data)); got != want {
						t.Errorf("asked %v: %s becomes %s", asked, c.in, got)
					}
				}
			}
		}
	}
	reader := readerOf(t, true)
	for _, text := range []string{"a", "bcd", "ef"} {
		reader.Read(sse.Event{Data: []byte(chunk + text + `"}}],"usage":null}`)})
	}
	if reader.Text() != 6 {
		t.Errorf("%d bytes of text", reader.Text())
	}
	reader.Read(sse.Event{Data: []byte(`{"choices":[],"usage":` + usage + `}`)})
	if got := reader.End().Usage.TotalTokens; got != 3 {
		t.Errorf("the usage has %d tokens", got)
	}
}

func readerOf(t *testing.T, asked bool) dialect.Reader {
	r := decodeAs(t, dialect.NewChat(), `{"model":"m","stream":true}`)
	return dialect.OpenAIRemote(r).Reader(r, asked)
}
