package local

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/engine"
)

const hi = `"messages":[{"role":"user","content":"hi"}]`

func TestBadRequests(t *testing.T) {
	m := tiny(t, "tiny32")
	for _, c := range []struct {
		decode             func(engine.Input) (request, error)
		body               string
		code, param, words string
	}{
		{m.decodeChat, `{`, "invalid_json", "", "JSON"},
		{m.decodeChat, `[]`, "invalid_json", "", "object"},
		{m.decodeChat, `{"model":"m"}`, "missing_required_parameter", "messages", ""},
		{m.decodeChat, `{"model":"m","messages":[]}`, "empty_array", "messages", ""},
		{m.decodeChat, `{"model":"m",` + hi + `,"temprature":1}`, "unknown_parameter", "temprature", "temprature"},
		{m.decodeChat, `{"model":"m",` + hi + `,"temperature":3}`, "decimal_above_max_value", "temperature", ""},
		{m.decodeChat, `{"model":"m",` + hi + `,"temperature":"hot"}`, "invalid_type", "temperature", ""},
		{m.decodeChat, `{"model":"m",` + hi + `,"max_tokens":0}`, "integer_below_min_value", "max_tokens", ""},
		{m.decodeChat, `{"model":"m",` + hi + `,"max_tokens":1,"max_completion_tokens":2}`, "invalid_value", "max_tokens", ""},
		{m.decodeChat, `{"model":"m",` + hi + `,"n":2}`, "unsupported_value", "n", ""},
		{m.decodeChat, `{"model":"m",` + hi + `,"tools":[{"type":"function","function":{"name":"f"}}]}`, "unsupported_parameter", "tools", ""},
		{m.decodeChat, `{"model":"m",` + hi + `,"tool_choice":"required"}`, "unsupported_parameter", "tool_choice", ""},
		{m.decodeChat, `{"model":"m",` + hi + `,"functions":[{"name":"f"}]}`, "unsupported_parameter", "functions", ""},
		{m.decodeChat, `{"model":"m",` + hi + `,"response_format":{"type":"json_object"}}`, "unsupported_value", "response_format.type", ""},
		{m.decodeChat, `{"model":"m",` + hi + `,"audio":{"voice":"x"}}`, "unsupported_parameter", "audio", ""},
		{m.decodeChat, `{"model":"m",` + hi + `,"modalities":["text","audio"]}`, "unsupported_value", "modalities", ""},
		{m.decodeChat, `{"model":"m",` + hi + `,"prediction":{"type":"content"}}`, "unsupported_parameter", "prediction", ""},
		{m.decodeChat, `{"model":"m",` + hi + `,"web_search_options":{}}`, "unsupported_parameter", "web_search_options", ""},
		{m.decodeChat, `{"model":"m",` + hi + `,"top_logprobs":2}`, "invalid_value", "top_logprobs", ""},
		{m.decodeChat, `{"model":"m",` + hi + `,"stop":["a",""]}`, "invalid_value", "stop[1]", ""},
		{m.decodeChat, `{"model":"m",` + hi + `,"logit_bias":{"259":1}}`, "invalid_value", "logit_bias", "0 to 258"},
		{m.decodeChat, `{"model":"m",` + hi + `,"logit_bias":{"x":1}}`, "invalid_value", "logit_bias", ""},
		{m.decodeChat, `{"model":"m",` + hi + `,"logit_bias":{"1":101}}`, "invalid_value", "logit_bias", ""},
		{m.decodeChat, `{"model":"m","messages":[{"role":"poet","content":"x"}]}`, "invalid_value", "messages[0].role", ""},
		{m.decodeChat, `{"model":"m","messages":[{"role":"tool","content":"x","tool_call_id":"1"}]}`, "unsupported_value", "messages[0].role", ""},
		{m.decodeChat, `{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"x"},{"type":"image_url","image_url":{"url":"x"}}]}]}`, "unsupported_value", "messages[0].content[1].type", "text only"},
		{m.decodeChat, `{"model":"m","messages":[{"role":"assistant","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":""}}]}]}`, "unsupported_parameter", "messages[0].tool_calls", ""},
		{m.decodeChat, `{"model":"m","messages":[{"role":"assistant","function_call":{"name":"f","arguments":""}}]}`, "unsupported_parameter", "messages[0].function_call", ""},

		{m.decodeCompletion, `{"model":"m"}`, "missing_required_parameter", "prompt", ""},
		{m.decodeCompletion, `{"model":"m","prompt":["a","b"]}`, "unsupported_value", "prompt", ""},
		{m.decodeCompletion, `{"model":"m","prompt":[1,259]}`, "invalid_value", "prompt", ""},
		{m.decodeCompletion, `{"model":"m","prompt":"x","echo":true}`, "unsupported_parameter", "echo", ""},
		{m.decodeCompletion, `{"model":"m","prompt":"x","suffix":"y"}`, "unsupported_parameter", "suffix", ""},
		{m.decodeCompletion, `{"model":"m","prompt":"x","best_of":2}`, "unsupported_value", "best_of", ""},
		{m.decodeCompletion, `{"model":"m","prompt":"x","n":2}`, "unsupported_value", "n", ""},
		{m.decodeCompletion, `{"model":"m","prompt":"x","max_tokens":0}`, "invalid_value", "max_tokens", ""},

		{m.decodeNative, `{"temperature":1}`, "missing_required_parameter", "messages", `"prompt" or "messages"`},
		{m.decodeNative, `{"prompt":"x"`, "invalid_json", "", ""},
		{m.decodeNative, `{"prompt":"x","prompt":"y"}`, "invalid_json", "prompt", "twice"},
		{m.decodeNative, `null`, "invalid_json", "", ""},
		{m.decodeNative, `{}`, "missing_required_parameter", "messages", ""},
		{m.decodeNative, `{"prompt":1}`, "invalid_type", "prompt", "a string"},
		{m.decodeNative, `{"prompt":null}`, "invalid_type", "prompt", "a string"},
		{m.decodeNative, `{"prompt":"x",` + hi + `}`, "invalid_value", "prompt", "not both"},
		{m.decodeNative, `{"prompt":"x","temprature":1}`, "unknown_parameter", "temprature", ""},
		{m.decodeNative, `{"prompt":"x","logprobs":true}`, "unsupported_parameter", "logprobs", ""},
	} {
		_, err := c.decode(engine.Input{Body: []byte(c.body)})
		refusal(t, c.body, err, c.code, c.param, c.words)
	}
	for query, c := range map[string][3]string{
		"":                                       {"missing_required_parameter", "messages", ""},
		"prompt=x&prompt=y":                      {"invalid_value", "prompt", "more than once"},
		`prompt=x&stop=["zzz"]&stop=How`:         {"invalid_value", "stop", "more than once"},
		`messages=[]&messages=[{"role":"user"}]`: {"invalid_value", "messages", "more than once"},
		`prompt=x&messages=[]`:                   {"invalid_value", "prompt", "not both"},
		"prompt=x&stop=%ff":                      {"invalid_value", "stop", "UTF-8"},
		"prompt=x&seed=99999999999999999999":     {"invalid_value", "seed", "out of range"},
		"prompt=x&temprature=1":                  {"unknown_parameter", "temprature", ""},
		"prompt=x&temperature=hot":               {"invalid_type", "temperature", "a decimal"},
		"prompt=x&max_tokens=1.5":                {"invalid_type", "max_tokens", "an integer"},
		"prompt=x&stop=a&stop=b&top_p":           {"invalid_type", "top_p", ""},
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		_, err = m.decodeNative(engine.Input{Query: values})
		refusal(t, query, err, c[0], c[1], c[2])
	}
	for _, prompt := range []string{`""`, `[]`} {
		r, err := m.decodeCompletion(engine.Input{Body: []byte(`{"model":"m","prompt":` + prompt + `}`)})
		if err == nil {
			_, err = m.preprocess(context.Background(), r)
		}
		if err == nil {
			t.Errorf("prompt %s was taken", prompt)
		}
	}
}

func refusal(t *testing.T, input string, err error, code, param, words string) {
	t.Helper()
	var e *apierr.Error
	var d *dialect.Error
	if !errors.As(err, &e) || !errors.As(err, &d) {
		t.Errorf("%s: error %v, want an engine's and a dialect's", input, err)
		return
	}
	native := apierr.CodeInvalidInput
	if code == "invalid_json" {
		native = apierr.CodeInvalidJSON
	}
	if d.Code != code || d.Param != param || d.Status != 400 || d.Type != dialect.InvalidRequest || !strings.Contains(d.Message, words) ||
		e.Code != native || e.Param != param || e.Message != d.Message {
		t.Errorf("%s:\n got %+v\n and %+v\nwant code %q, param %q, %q in the message", input, d, e, code, param, words)
	}
}

func TestHintsPass(t *testing.T) {
	m := tiny(t, "tiny32")
	body := `{"model":"m",` + hi + `,"user":"u","store":true,"metadata":{"a":"b"},"service_tier":"auto","parallel_tool_calls":true,"tool_choice":"none",` +
		`"reasoning_effort":"low","verbosity":"low","safety_identifier":"s","prompt_cache_key":"k","modalities":["text"],"response_format":{"type":"text"},"n":1,"audio":null}`
	if _, err := m.decodeChat(engine.Input{Body: []byte(body)}); err != nil {
		t.Error(err)
	}
}

func TestWaysToSayTheSame(t *testing.T) {
	m := tiny(t, "tiny32")
	query, err := url.ParseQuery(`prompt=hi&temperature=0.25&max_tokens=5&stop=a&stop=[b&seed=7&top_k=4&user=12&stream_options={"include_usage":true}&stream=true`)
	if err != nil {
		t.Fatal(err)
	}
	const options = `"temperature":0.25,"max_tokens":5,"stop":["a","[b"],"seed":7,"top_k":4,"stream":true,"stream_options":{"include_usage":true}}`
	inputs := []engine.Input{
		{Query: query},
		{Body: []byte(`{"prompt":"hi",` + options)},
		{Body: []byte(`{` + hi + `,` + options)},
		{Body: []byte(`{"messages":[{"role":"user","content":[{"type":"text","text":"h"},{"type":"text","text":"i"}]}],` + options)},
	}
	var want job
	for i, in := range inputs {
		r, err := m.decodeNative(in)
		if err != nil {
			t.Fatal(err)
		}
		j, err := m.preprocess(context.Background(), r)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			want = j
		}
		if !slices.Equal(j.prompt, want.prompt) || j.temperature != 0.25 || j.maxTokens != 5 || !slices.Equal(j.stops, []string{"a", "[b"}) || j.seed != 7 || j.topK != 4 || !j.usage {
			t.Errorf("input %d: %+v", i, j)
		}
	}
}

// run does the three steps of a verb and returns its chunks as JSON, with what changes each time made plain.
func run[C any](t *testing.T, m *Model, decode func(engine.Input) (request, error), generate func(context.Context, job, func(...C) error) (engine.End, error), body string) []string {
	t.Helper()
	r, err := decode(engine.Input{Body: []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	j, err := m.preprocess(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	changing := regexp.MustCompile(`"id":"(chatcmpl|cmpl)-[A-Z2-7]{26}","object":"([a-z_.]+)","created":\d{10,},"model":"tiny32"(.*),"system_fingerprint":"fp_[0-9a-f]{10}"`)
	var chunks []string
	if _, err := generate(context.Background(), j, func(together ...C) error {
		b, err := json.Marshal(together[0]) // each comes alone
		chunks = append(chunks, changing.ReplaceAllString(string(b), "$1 $2$3"))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return chunks
}

func TestChatChunks(t *testing.T) {
	m := tiny(t, "tiny32")
	const options = `,"temperature":0,"max_tokens":3,"logit_bias":{"66":100},"stream":true`
	got := run(t, m, m.decodeChat, m.generateChat, `{"model":"m",`+hi+options+`,"stream_options":{"include_usage":true}}`)
	want := []string{
		`{chatcmpl chat.completion.chunk,"choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]}`,
		`{chatcmpl chat.completion.chunk,"choices":[{"index":0,"delta":{"content":"B"},"logprobs":null,"finish_reason":null}]}`,
		`{chatcmpl chat.completion.chunk,"choices":[{"index":0,"delta":{"content":"B"},"logprobs":null,"finish_reason":null}]}`,
		`{chatcmpl chat.completion.chunk,"choices":[{"index":0,"delta":{"content":"B"},"logprobs":null,"finish_reason":null}]}`,
		`{chatcmpl chat.completion.chunk,"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"length"}]}`,
		`{chatcmpl chat.completion.chunk,"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":3,"total_tokens":8}}`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := run(t, m, m.decodeChat, m.generateChat, `{"model":"m",`+hi+options+`}`); !slices.Equal(got, want[:5]) {
		t.Errorf("without usage: got\n%s", strings.Join(got, "\n"))
	}
	chunks := run(t, m, m.decodeChat, m.generateChat, `{"model":"m",`+hi+options+`,"logprobs":true,"top_logprobs":2}`)
	answer, err := dialect.GatherChat(bytesOf(chunks))
	if err != nil {
		t.Fatal(err)
	}
	c := answer.Choices[0]
	if c.Message.Content.String() != "BBB" || len(c.Logprobs.Content) != 3 {
		t.Fatalf("%+v", c)
	}
	for _, l := range c.Logprobs.Content {
		if l.Token != "B" || !slices.Equal(l.Bytes, []int{'B'}) || l.Logprob >= 0 || len(l.TopLogprobs) != 2 {
			t.Errorf("%+v", l)
		}
	}
}

func bytesOf(chunks []string) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for _, c := range chunks {
			c = strings.NewReplacer("{chatcmpl ", `{"object":"`, "{cmpl ", `{"object":"`).Replace(c)
			if !yield([]byte(strings.Replace(c, `,"choices"`, `","choices"`, 1))) {
				return
			}
		}
	}
}

func TestCompletionChunks(t *testing.T) {
	m := tiny(t, "tiny32")
	const options = `,"temperature":0,"max_tokens":2,"logit_bias":{"66":100},"stream":true`
	got := run(t, m, m.decodeCompletion, m.generateCompletion, `{"model":"m","prompt":"<|user|>hi"`+options+`,"stream_options":{"include_usage":true}}`)
	want := []string{
		`{cmpl text_completion,"choices":[{"index":0,"text":"B","logprobs":null,"finish_reason":null}]}`,
		`{cmpl text_completion,"choices":[{"index":0,"text":"B","logprobs":null,"finish_reason":null}]}`,
		`{cmpl text_completion,"choices":[{"index":0,"text":"","logprobs":null,"finish_reason":"length"}]}`,
		`{cmpl text_completion,"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	chunks := run(t, m, m.decodeCompletion, m.generateCompletion, `{"model":"m","prompt":[256,71,72]`+options+`,"logprobs":2}`)
	answer, err := dialect.GatherCompletion(bytesOf(chunks))
	if err != nil {
		t.Fatal(err)
	}
	l := answer.Choices[0].Logprobs
	if answer.Choices[0].Text != "BB" || !slices.Equal(l.Tokens, []string{"B", "B"}) || !slices.Equal(l.TextOffset, []int{0, 1}) || len(l.TopLogprobs[0]) != 2 || *l.TokenLogprobs[0] >= 0 {
		t.Errorf("%+v", answer.Choices[0])
	}
}

func TestNativeChunks(t *testing.T) {
	m := tiny(t, "tiny32")
	got := run(t, m, m.decodeNative, m.generateNative, `{"prompt":"hi","temperature":0,"max_tokens":2,"logit_bias":{"66":100}}`)
	if want := []string{`{"text":"B"}`, `{"text":"B"}`}; !slices.Equal(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
}

func FuzzNative(f *testing.F) {
	m := tiny(f, "tiny32")
	for _, body := range []string{`{"prompt":"x"}`, `{` + hi + `,"stop":"x","seed":1}`, `{"prompt":"<|end|>","logit_bias":{"1":2}}`, `[`, `{"messages":[{"role":"user","content":[{"type":"text","text":"\ud800"}]}]}`} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r, err := m.decodeNative(engine.Input{Body: []byte(body)})
		if err == nil {
			_, err = m.preprocess(context.Background(), r)
		}
		if e := new(apierr.Error); err != nil && !errors.As(err, &e) {
			t.Errorf("error %v is not the engine's", err)
		}
	})
}
