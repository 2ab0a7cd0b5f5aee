package upstream

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"penstock/dialect"
	"penstock/engine"
	test "penstock/llm/upstream/upstreamtest"
)

const (
	// unasked requests a stream without its usage. Its text has 40 bytes.
	unasked   = `{"model":"gpt","stream":true,"messages":[{"role":"user","content":"0123456789012345678901234567890123456789"}]}`
	askedText = `"stream_options":{"include_usage":true}`
)

// A stream is charged with what its server reports, although its client has not asked for that and
// does not see it, and with an estimate where the server reports nothing.
func TestStreamsAreCharged(t *testing.T) {
	const role, content = `{"choices":[{"index":0,"delta":{"role":"assistant"}}]%s}`, `{"choices":[{"index":0,"delta":{"content":"01234567"}}]%s}`
	const last = `{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]%s}`
	const usage = `{"prompt_tokens":7,"completion_tokens":60,"total_tokens":67}`
	event := func(format, more string) string { return "data: " + fmt.Sprintf(format, more) + "\n\n" }
	stream := func(more string) string { return event(role, more) + event(content, more) + event(last, more) }
	const null = `,"usage":null`
	estimate := engine.Usage{PromptTokens: 11, CompletionTokens: 2, Estimated: true}
	for name, c := range map[string]struct {
		script test.Script
		passed []string
		want   engine.Usage
	}{
		"as OpenAI":         {test.Script{test.Send(stream(null) + event(`{"choices":[],"usage":%s}`, usage) + test.Done)}, eventsIn(stream("")), engine.Usage{PromptTokens: 7, CompletionTokens: 60}},
		"in the last chunk": {test.Script{test.Send(event(content, "") + event(last, `,"usage":`+usage) + test.Done)}, []string{event(content, ""), event(last, `,"usage":`+usage)}, engine.Usage{PromptTokens: 7, CompletionTokens: 60}},
		"never":             {test.Script{test.Send(stream("") + test.Done)}, eventsIn(stream("")), estimate},
		"negative":          {test.Script{test.Send(stream("") + event(`{"choices":[],"usage":%s}`, `{"prompt_tokens":-7,"completion_tokens":60}`) + test.Done)}, eventsIn(stream("")), estimate},
		"cut":               {test.Script{test.Send(event(role, null) + event(content, null)), test.Cut}, []string{event(role, ""), event(content, "")}, estimate},
		"cut before a text": {test.Script{test.Send(event(role, null)), test.Cut}, nil, engine.Usage{}},
		"refused":           {test.Script{test.Fail(400, "no")}, nil, engine.Usage{}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := test.New(c.script)
				f := newFixture(t, nil, u)
				defer f.close()
				r := f.stream(dialect.Chat, unasked)
				if !slices.Equal(r.chunks, data(c.passed...)) {
					t.Errorf("the client gets %q", r.chunks)
				}
				if got := <-f.charges; got != c.want {
					t.Errorf("it is charged with %+v, want %+v", got, c.want)
				}
				for _, request := range u.Requests(true) {
					if want := `{` + askedText + `,"model":"model-a"` + strings.TrimPrefix(unasked, `{"model":"gpt"`); request.Body != want {
						t.Errorf("the server gets %s", request.Body)
					}
				}
			})
		})
	}
}

// A stream whose client leaves is charged with what has been passed on.
func TestACanceledStreamIsCharged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil, test.New(test.Script{test.Send(test.Token("m", 0) + test.Token("m", 1)), test.Stall}))
		defer f.close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		f.streamUntil(ctx, dialect.Chat, dialect.Input{Body: []byte(unasked)})
		if got := <-f.charges; got != (engine.Usage{PromptTokens: 11, CompletionTokens: 2, Estimated: true}) {
			t.Errorf("it is charged with %+v", got)
		}
	})
}

// A stream that a second response continues is charged once for the text that both have.
func TestAContinuedStreamIsChargedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, func(c *Config) { c.Match = true },
			test.New(test.Script{test.Tokens("m", 0, 40), test.Cut}, test.Script{test.Tokens("m", 0, 60), test.Send(test.Finish("m") + test.Done)}))
		defer f.close()
		r := f.stream(dialect.Chat, unasked)
		if r.err != nil || r.text() != test.Text(0, 60) {
			t.Fatalf("the text is %q, %v", r.text(), r.err)
		}
		if got := <-f.charges; !got.Estimated || got.CompletionTokens != dialect.EstimateTokens(len(test.Text(0, 60))) {
			t.Errorf("it is charged with %+v", got)
		}
	})
}

// Other dialects are charged too: /v1/completions, several choices, tool calls, /v1/responses.
func TestOtherStreamsAreCharged(t *testing.T) {
	const usage = `data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":60}}` + "\n\n" + test.Done
	const done = `data: {"type":"response.completed","response":{"usage":{"input_tokens":7,"output_tokens":60}}}` + "\n\n"
	counted := engine.Usage{PromptTokens: 7, CompletionTokens: 60}
	for _, c := range []struct {
		dialect      dialect.Name
		body, events string
		passed       int
		want         engine.Usage
	}{
		{dialect.Completions, `{"prompt":"hi","stream":true}`, `data: {"choices":[{"text":"a","index":0,"finish_reason":"stop"}],"usage":null}` + "\n\n" + usage, 1, counted},
		{
			dialect.Chat, `{"n":2,"stream":true}`, `data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}` + "\n\n" +
				`data: {"choices":[{"index":1,"delta":{"content":"a"},"finish_reason":"stop"}]}` + "\n\n" + usage, 2, counted,
		},
		{dialect.Chat, `{"stream":true}`, `data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"12345678"}}]},"finish_reason":"tool_calls"}]}` + "\n\n" + test.Done, 1, engine.Usage{CompletionTokens: 2, Estimated: true}},
		{dialect.Responses, `{"input":"hi","stream":true}`, `data: {"type":"response.output_text.delta","delta":"a"}` + "\n\n" + done, 2, counted},
		{dialect.Responses, `{"input":"12345678","stream":true}`, `data: {"type":"response.output_text.delta","delta":"12345678"}` + "\n\n", 1, engine.Usage{PromptTokens: 2, CompletionTokens: 2, Estimated: true}},
		{dialect.Native, `{"prompt":"hi"}`, test.Token("m", 0) + test.Finish("m") + usage, 1, counted},
		{dialect.Native, `{"prompt":"12345678"}`, test.Token("m", 0) + test.Finish("m") + test.Done, 1, engine.Usage{PromptTokens: 2, CompletionTokens: 1, Estimated: true}},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, nil, test.New(test.Script{test.Send(c.events)}))
			defer f.close()
			r := f.stream(c.dialect, c.body)
			if got := <-f.charges; got != c.want || len(r.chunks) != c.passed || strings.Contains(strings.Join(r.chunks, ""), "usage\":null") {
				t.Errorf("%s is charged with %+v, want %+v; the client gets %q, %v", c.body, got, c.want, r.chunks, r.err)
			}
		})
	}
}

// A server that refuses to be asked for the usage is asked once, and one that is configured not to
// be asked, never. What the client itself has asked for stays.
func TestServersThatRefuseToBeAsked(t *testing.T) {
	refusal := test.Answer(http.StatusUnprocessableEntity, `{"error":{"message":"extra fields not permitted: stream_options"}}`)
	whole := test.Whole("m", 1)
	for name, c := range map[string]struct {
		noUsage bool
		scripts []test.Script
		bodies  []string
		asked   []bool // whether the server was, request by request
		failed  bool   // the last request
	}{
		"it refuses":             {false, []test.Script{{refusal}, whole}, []string{unasked, unasked}, []bool{true, false, false}, false},
		"the client is at fault": {false, []test.Script{{refusal}, {refusal}, whole}, []string{unasked, unasked}, []bool{true, false, true}, false},
		"another 400":            {false, []test.Script{{test.Fail(400, "no")}}, []string{unasked}, []bool{true}, true},
		"it is not to be asked":  {true, []test.Script{whole}, []string{unasked}, []bool{false}, false},
		"the client asks":        {true, []test.Script{{refusal}}, []string{chatBody}, []bool{true}, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := test.New(c.scripts...)
				f := newFixture(t, func(config *Config) { config.Servers[0].NoUsage = c.noUsage }, u)
				defer f.close()
				var r *reply
				for _, body := range c.bodies {
					r = f.stream(dialect.Chat, body)
				}
				if (r.err != nil) != c.failed {
					t.Errorf("the last stream ends with %v", r.err)
				}
				var asked []bool
				for _, request := range u.Requests(true) {
					asked = append(asked, strings.Contains(request.Body, askedText))
				}
				if !slices.Equal(asked, c.asked) {
					t.Errorf("the server was asked: %v, want %v", asked, c.asked)
				}
			})
		})
	}
}

// Whole responses are passed through, and charged with the usage that they report.
func TestWholeResponsesAreCharged(t *testing.T) {
	long := strings.Repeat("0123456789", 20000)
	const usage = `{"prompt_tokens":7,"completion_tokens":60,"x":{"y":[1]}}`
	counted, vectors := engine.Usage{PromptTokens: 7, CompletionTokens: 60}, engine.Usage{PromptTokens: 7}
	for _, c := range []struct {
		dialect dialect.Name
		body    string
		want    engine.Usage
	}{
		{dialect.Chat, `{"choices":[{"message":{"content":"\"usage\":{}","usage":{"prompt_tokens":1}}}],"usage":` + usage + `}`, counted},
		{dialect.Chat, `{"choices":[{"message":{"content":"` + long + `"}}],"usage":` + usage + `,"x":"usage"}`, counted},
		{dialect.Chat, `{"usage":` + usage + `,"choices":[{"message":{"content":"\\` + long + `\""}}]}`, counted},
		{dialect.Responses, `{"tools":[{"usage":{"input_tokens":1}}],"usage":{"input_tokens":7,"output_tokens":60}}`, counted},
		{dialect.Chat, `{"id":"0123","choices":[{"index":0,"message":{"role":"assistant","content":"01234567"},"logprobs":{"content":[{"token":"01234567"}]}}]}`, engine.Usage{PromptTokens: 2, CompletionTokens: 2, Estimated: true}},
		{dialect.Chat, `{"choices":[{"message":{"content":[{"type":"text","text":"01234567"}],"tool_calls":[{"id":"call_1","function":{"name":"f","arguments":"{}12345"}}]}}]}`, engine.Usage{PromptTokens: 2, CompletionTokens: 4, Estimated: true}},
		{dialect.Completions, `{"choices":[{"text":"01234567","finish_reason":"stop"}],"model":"m"}`, engine.Usage{PromptTokens: 2, CompletionTokens: 2, Estimated: true}},
		{dialect.Responses, `{"instructions":"0123456789","output":[{"id":"x","content":[{"type":"output_text","text":"` + long + `"}]}],"text":{"format":"x"}}`, engine.Usage{PromptTokens: 2, CompletionTokens: len(long) / 4, Estimated: true}},
		{dialect.Chat, `{"choices":[],"usage":"none"}`, engine.Usage{PromptTokens: 2, Estimated: true}},
		{dialect.Chat, `{"choices":[],"usage":{"prompt_tokens":"7","completion_tokens":60.0}}`, counted},
		{dialect.Embeddings, `{"data":[{"embedding":[` + strings.Repeat("0.25,", 20000) + `1]}],"usage":{"prompt_tokens":7,"total_tokens":7}}`, vectors},
		{dialect.Embeddings, `{"data":[]}`, engine.Usage{PromptTokens: 2, Estimated: true}},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, nil, test.New(test.Script{test.Answer(200, c.body)}))
			defer f.close()
			r := f.whole(c.dialect)
			if r.err != nil || r.body.String() != c.body {
				t.Errorf("the client gets %d bytes, %v", r.body.Len(), r.err)
			}
			got := engine.Usage{PromptTokens: r.usage.PromptTokens, Estimated: r.usage.Estimated} // the gateway charges it
			if c.dialect != dialect.Embeddings {
				got = <-f.charges
			}
			if got != c.want {
				t.Errorf("%.60s… is charged with %+v, want %+v", c.body, got, c.want)
			}
		})
	}
}

// A whole response that is cut is charged with what has been passed on.
func TestACutWholeResponseIsCharged(t *testing.T) {
	body := `{"choices":[{"message":{"content":"` + strings.Repeat("0", 100_000)
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil, test.New(test.Script{test.Answer(200, body), test.Cut}))
		defer f.close()
		if r := f.whole(dialect.Chat); r.err == nil || r.body.Len() == 0 {
			t.Errorf("the client gets %d bytes, %v", r.body.Len(), r.err)
		}
		if got := <-f.charges; !got.Estimated || got.CompletionTokens < 64<<10/4-10 || got.CompletionTokens > len(body)/4+1 {
			t.Errorf("it is charged with %+v", got)
		}
	})
}
