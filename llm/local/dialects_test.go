package local

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"penstock/apierr"
	"penstock/dialect"
)

const hi = `"messages":[{"role":"user","content":"hi"}]`

func TestBadRequests(t *testing.T) {
	m := tiny(t, "tiny32")
	for _, c := range []struct {
		dialect            dialect.Name
		body               string
		code, param, words string
	}{
		{dialect.Chat, `{`, "invalid_json", "", "JSON"},
		{dialect.Chat, `[]`, "invalid_json", "", "object"},
		{dialect.Chat, `{"model":"m"}`, "missing_required_parameter", "messages", ""},
		{dialect.Chat, `{"model":"m","messages":[]}`, "empty_array", "messages", ""},
		{dialect.Chat, `{"model":"m",` + hi + `,"min_tokens":6,"max_tokens":5}`, "invalid_value", "min_tokens", "at most 5"},
		{dialect.Chat, `{"model":"m",` + hi + `,"min_tokens":9999}`, "invalid_value", "min_tokens", "at most"},
		{dialect.Chat, `{"model":"m",` + hi + `,"structured_outputs":{"regex":"a"}}`, "unsupported_parameter", "structured_outputs", ""},
		{dialect.Chat, `{"model":"m",` + hi + `,"function_call":{"name":"f"}}`, "unsupported_parameter", "function_call", ""},
		{dialect.Chat, `{"model":"m",` + hi + `,"temperature":3}`, "decimal_above_max_value", "temperature", ""},
		{dialect.Chat, `{"model":"m",` + hi + `,"temperature":"hot"}`, "invalid_type", "temperature", ""},
		{dialect.Chat, `{"model":"m",` + hi + `,"max_tokens":0}`, "integer_below_min_value", "max_tokens", ""},
		{dialect.Chat, `{"model":"m",` + hi + `,"max_tokens":1,"max_completion_tokens":2}`, "invalid_value", "max_tokens", ""},
		{dialect.Chat, `{"model":"m",` + hi + `,"n":2}`, "unsupported_value", "n", ""},
		{dialect.Chat, `{"model":"m",` + hi + `,"tools":[{"type":"function","function":{"name":"f"}}]}`, "unsupported_parameter", "tools", ""},
		{dialect.Chat, `{"model":"m",` + hi + `,"tool_choice":"required"}`, "unsupported_parameter", "tool_choice", ""},
		{dialect.Chat, `{"model":"m",` + hi + `,"functions":[{"name":"f"}]}`, "unsupported_parameter", "functions", ""},
		{dialect.Chat, `{"model":"m",` + hi + `,"response_format":{"type":"json_object"}}`, "unsupported_value", "response_format.type", ""},
		{dialect.Responses, `{"model":"m","input":"hi","text":{"format":{"type":"json_object"}}}`, "unsupported_value", "text.format.type", ""},
		{dialect.Chat, `{"model":"m",` + hi + `,"audio":{"voice":"x"}}`, "unsupported_parameter", "audio", ""},
		{dialect.Chat, `{"model":"m",` + hi + `,"modalities":["text","audio"]}`, "unsupported_value", "modalities", ""},
		{dialect.Chat, `{"model":"m",` + hi + `,"web_search_options":{}}`, "unsupported_parameter", "web_search_options", ""},
		{dialect.Chat, `{"model":"m",` + hi + `,"top_logprobs":2}`, "invalid_value", "top_logprobs", ""},
		{dialect.Chat, `{"model":"m",` + hi + `,"stop":["a",""]}`, "invalid_value", "stop[1]", ""},
		{dialect.Chat, `{"model":"m",` + hi + `,"logit_bias":{"259":1}}`, "invalid_value", "logit_bias", "0 to 258"},
		{dialect.Chat, `{"model":"m",` + hi + `,"logit_bias":{"x":1}}`, "invalid_value", "logit_bias", ""},
		{dialect.Chat, `{"model":"m",` + hi + `,"logit_bias":{"1":101}}`, "invalid_value", "logit_bias", ""},
		{dialect.Chat, `{"model":"m","messages":[{"role":"poet","content":"x"}]}`, "invalid_value", "messages[0].role", ""},
		{dialect.Chat, `{"model":"m","messages":[{"role":"tool","content":"x","tool_call_id":"1"}]}`, "unsupported_value", "messages[0].role", ""},
		{dialect.Chat, `{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"x"},{"type":"image_url","image_url":{"url":"x"}}]}]}`, "unsupported_value", "messages[0].content[1].type", "text only"},
		{dialect.Chat, `{"model":"m","messages":[{"role":"assistant","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":""}}]}]}`, "unsupported_parameter", "messages[0].tool_calls", ""},
		{dialect.Chat, `{"model":"m","messages":[{"role":"assistant","function_call":{"name":"f","arguments":""}}]}`, "unsupported_parameter", "messages[0].function_call", ""},

		{dialect.Completions, `{"model":"m"}`, "missing_required_parameter", "prompt", ""},
		{dialect.Completions, `{"model":"m","prompt":["a","b"]}`, "unsupported_value", "prompt", ""},
		{dialect.Completions, `{"model":"m","prompt":[1,259]}`, "invalid_value", "prompt", ""},
		{dialect.Completions, `{"model":"m","prompt":"x","echo":true}`, "unsupported_parameter", "echo", ""},
		{dialect.Completions, `{"model":"m","prompt":"x","suffix":"y"}`, "unsupported_parameter", "suffix", ""},
		{dialect.Completions, `{"model":"m","prompt":"x","best_of":2}`, "unsupported_value", "best_of", ""},
		{dialect.Completions, `{"model":"m","prompt":"x","n":2}`, "unsupported_value", "n", ""},
		{dialect.Completions, `{"model":"m","prompt":"x","max_tokens":0}`, "invalid_value", "max_tokens", ""},

		{dialect.Native, `{"temperature":1}`, "missing_required_parameter", "messages", `"prompt" or "messages"`},
		{dialect.Native, `{"prompt":"x"`, "invalid_json", "", ""},
		{dialect.Native, `{"prompt":"x","prompt":"y"}`, "invalid_json", "prompt", "twice"},
		{dialect.Native, `null`, "invalid_json", "", ""},
		{dialect.Native, `{}`, "missing_required_parameter", "messages", ""},
		{dialect.Native, `{"prompt":1}`, "invalid_type", "prompt", "a string"},
		{dialect.Native, `{"prompt":null}`, "invalid_type", "prompt", "a string"},
		{dialect.Native, `{"prompt":"x",` + hi + `}`, "invalid_value", "prompt", "not both"},
		{dialect.Native, `{"promt":"x","temperature":1}`, "unknown_parameter", "promt", ""},
		{dialect.Native, `{"prompt":"x","logprobs":true}`, "unsupported_parameter", "logprobs", ""},
	} {
		err := check(m, c.dialect, dialect.Input{Body: []byte(c.body)})
		rejection(t, c.dialect, c.body, err, c.code, c.param, c.words)
	}
	for query, c := range map[string][3]string{
		"":                                       {"missing_required_parameter", "messages", ""},
		"prompt=x&prompt=y":                      {"invalid_value", "prompt", "more than once"},
		`prompt=x&stop=["zzz"]&stop=How`:         {"invalid_value", "stop", "more than once"},
		`messages=[]&messages=[{"role":"user"}]`: {"invalid_value", "messages", "more than once"},
		`prompt=x&messages=[]`:                   {"invalid_value", "prompt", "not both"},
		"prompt=x&stop=%ff":                      {"invalid_value", "stop", "UTF-8"},
		"prompt=x&seed=99999999999999999999":     {"invalid_value", "seed", "out of range"},
		"promt=x&temperature=1":                  {"unknown_parameter", "promt", ""},
		"prompt=x&temperature=hot":               {"invalid_type", "temperature", "a decimal"},
		"prompt=x&max_tokens=1.5":                {"invalid_type", "max_tokens", "an integer"},
		"prompt=x&stop=a&stop=b&top_p":           {"invalid_type", "top_p", ""},
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		err = check(m, dialect.Native, dialect.Input{Query: values})
		rejection(t, dialect.Native, query, err, c[0], c[1], c[2])
	}
	for _, prompt := range []string{`""`, `[]`} {
		r, err := decode(dialect.Completions, `{"model":"m","prompt":`+prompt+`}`)
		if err == nil {
			_, err = m.preprocess(context.Background(), r)
		}
		if err == nil {
			t.Errorf("prompt %s was accepted", prompt)
		}
	}
}

// rejection checks an error, and how a client of the dialect gets it.
func rejection(t *testing.T, name dialect.Name, input string, err error, code, param, words string) {
	t.Helper()
	var d *dialect.Error
	if !errors.As(err, &d) {
		t.Errorf("%s: error %v, want a dialect's", input, err)
		return
	}
	if d.Code != code || d.Param != param || d.Status != 400 || d.Type != dialect.InvalidRequest || !strings.Contains(d.Message, words) {
		t.Errorf("%s:\n got %+v\nwant code %q, param %q, %q in the message", input, d, code, param, words)
	}
	want := map[string]any{"message": d.Message, "type": "invalid_request_error", "param": nil, "code": code}
	if param != "" {
		want["param"] = param
	}
	if name == dialect.Native {
		want = map[string]any{"code": "invalid_input", "reason": code, "message": d.Message}
		if code == "invalid_json" {
			want["code"] = code
			delete(want, "reason")
		}
		if param != "" {
			want["param"] = param
		}
	}
	rendered := codecs[name].Error(err, "")
	var got struct{ Error map[string]any }
	if err := json.Unmarshal(rendered.Body, &got); err != nil || rendered.Status != 400 || !maps.Equal(got.Error, want) {
		t.Errorf("%s: status %d, %s, %v; want %v", input, rendered.Status, rendered.Body, err, want)
	}
}

func TestFormsOfTheSameRequest(t *testing.T) {
	m := tiny(t, "tiny32")
	query, err := url.ParseQuery(`prompt=hi&temperature=0.25&max_tokens=5&stop=a&stop=[b&seed=7&top_k=4&user=12&stream_options={"include_usage":true}&stream=true`)
	if err != nil {
		t.Fatal(err)
	}
	const options = `"temperature":0.25,"max_tokens":5,"stop":["a","[b"],"seed":7,"top_k":4,"stream":true,"stream_options":{"include_usage":true}}`
	inputs := []dialect.Input{
		{Query: query},
		{Body: []byte(`{"prompt":"hi",` + options)},
		{Body: []byte(`{` + hi + `,` + options)},
		{Body: []byte(`{"messages":[{"role":"user","content":[{"type":"text","text":"h"},{"type":"text","text":"i"}]}],` + options)},
	}
	var want job
	for i, in := range inputs {
		r, err := codecs[dialect.Native].Decode(in)
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
		if !slices.Equal(j.prompt, want.prompt) || j.temperature != 0.25 || j.maxTokens != 5 || !slices.Equal(j.stops, []string{"a", "[b"}) || j.seed != 7 || j.topK != 4 {
			t.Errorf("input %d: %+v", i, j)
		}
	}
}

// changing matches what is new in each chunk of OpenAI's dialects.
var changing = regexp.MustCompile(`"id":"(chatcmpl|cmpl)-[A-Z2-7]{26}","object":"([a-z_.]+)","created":\d{10,},"model":"tiny32"(.*),"system_fingerprint":"fp_[0-9a-f]{10}"`)

// chunks generates a streamed response and returns its chunks, without what is new in each.
func chunks(t *testing.T, m *Model, name dialect.Name, body string) (all []string) {
	t.Helper()
	for _, e := range respond(t, m, name, body).events {
		all = append(all, changing.ReplaceAllString(string(e.Data), "$1 $2$3"))
	}
	return all
}

// whole generates a whole response.
func whole[T any](t *testing.T, m *Model, name dialect.Name, body string) (all T) {
	t.Helper()
	if err := json.Unmarshal(respond(t, m, name, body).whole, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestChatChunks(t *testing.T) {
	m := tiny(t, "tiny32")
	const options = `,"temperature":0,"max_tokens":3,"logit_bias":{"66":100}`
	const streamed = options + `,"stream":true`
	got := chunks(t, m, dialect.Chat, `{"model":"tiny32",`+hi+streamed+`,"stream_options":{"include_usage":true}}`)
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
	if got := chunks(t, m, dialect.Chat, `{"model":"tiny32",`+hi+streamed+`}`); !slices.Equal(got, want[:5]) {
		t.Errorf("without usage: got\n%s", strings.Join(got, "\n"))
	}
	c := whole[dialect.ChatCompletion](t, m, dialect.Chat, `{"model":"tiny32",`+hi+options+`,"logprobs":true,"top_logprobs":2}`).Choices[0]
	if c.Message.Content.String() != "BBB" || len(c.Logprobs.Content) != 3 {
		t.Fatalf("%+v", c)
	}
	for _, l := range c.Logprobs.Content {
		if l.Token != "B" || !slices.Equal(l.Bytes, []int{'B'}) || l.Logprob >= 0 || len(l.TopLogprobs) != 2 {
			t.Errorf("%+v", l)
		}
	}
}

func TestCompletionChunks(t *testing.T) {
	m := tiny(t, "tiny32")
	const options = `,"temperature":0,"max_tokens":2,"logit_bias":{"66":100}`
	got := chunks(t, m, dialect.Completions, `{"model":"tiny32","prompt":"<|user|>hi"`+options+`,"stream":true,"stream_options":{"include_usage":true}}`)
	want := []string{
		`{cmpl text_completion,"choices":[{"index":0,"text":"B","logprobs":null,"finish_reason":null}]}`,
		`{cmpl text_completion,"choices":[{"index":0,"text":"B","logprobs":null,"finish_reason":null}]}`,
		`{cmpl text_completion,"choices":[{"index":0,"text":"","logprobs":null,"finish_reason":"length"}]}`,
		`{cmpl text_completion,"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	c := whole[dialect.Completion](t, m, dialect.Completions, `{"model":"tiny32","prompt":[256,71,72]`+options+`,"logprobs":2}`).Choices[0]
	l := c.Logprobs
	if c.Text != "BB" || !slices.Equal(l.Tokens, []string{"B", "B"}) || !slices.Equal(l.TextOffset, []int{0, 1}) || len(l.TopLogprobs[0]) != 2 || *l.TokenLogprobs[0] >= 0 {
		t.Errorf("%+v", c)
	}
}

func TestNativeChunks(t *testing.T) {
	m := tiny(t, "tiny32")
	got := chunks(t, m, dialect.Native, `{"prompt":"hi","temperature":0,"max_tokens":2,"logit_bias":{"66":100}}`)
	if want := []string{`{"text":"B"}`, `{"text":"B"}`}; !slices.Equal(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Deltas are what every codec makes its events of, so their order is a contract.
func TestDeltas(t *testing.T) {
	m := tiny(t, "tiny32")
	var got []dialect.Delta
	_, err := m.generate(context.Background(), jobOf(t, m, `{"prompt":"hi","temperature":0,"max_tokens":2,"logit_bias":{"66":100}}`), func(deltas ...dialect.Delta) error {
		got = append(got, deltas...)
		return nil
	})
	want := []dialect.Delta{
		{Text: "B", Fingerprint: m.fingerprint}, // nothing before the prompt has been read
		{Text: "B"},
		{Finish: "length"},
		{Usage: &dialect.Usage{PromptTokens: 5, CompletionTokens: 2, TotalTokens: 7}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("error %v, got %+v, want %+v", err, got, want)
	}
}

func FuzzNative(f *testing.F) {
	m := tiny(f, "tiny32")
	for _, body := range []string{`{"prompt":"x"}`, `{` + hi + `,"stop":"x","seed":1}`, `{"prompt":"<|end|>","logit_bias":{"1":2}}`, `[`, `{"messages":[{"role":"user","content":[{"type":"text","text":"\ud800"}]}]}`} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r, err := decode(dialect.Native, body)
		if err != nil {
			return
		}
		_, err = m.preprocess(context.Background(), r)
		if e := new(apierr.Error); err != nil && !errors.As(err, &e) {
			t.Errorf("error %v is no *apierr.Error", err)
		}
	})
}
