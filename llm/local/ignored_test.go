package local

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"penstock/dialect"
)

// What changes nothing that a client could notice, and what is unknown, is accepted in each dialect
// and named, as far as it has been given.
func TestWhatHasNoEffectIsAcceptedAndNamed(t *testing.T) {
	m := tiny(t, "tiny32")
	const common = `"user":"u","metadata":{"a":1},"store":true,"service_tier":"auto","prompt_cache_key":"k","safety_identifier":"s",` +
		`"client_metadata":{},"chat_template_kwargs":{"enable_thinking":false},"temprature":1,"absent":null,"parallel_tool_calls":true`
	named := "chat_template_kwargs client_metadata metadata parallel_tool_calls prompt_cache_key safety_identifier service_tier store temprature user"
	for _, c := range []struct {
		dialect dialect.Name
		body    string
		want    string
	}{
		{dialect.Chat, `{"model":"m",` + hi + `,` + common + `}`, named},
		{
			dialect.Chat, `{"model":"m",` + hi + `,"tool_choice":"none","tools":[],"modalities":["text"],"response_format":{"type":"text"},"n":1,"audio":null,"top_k":3,"function_call":"auto","guided_json":null,"best_of":1}`, "",
		},
		{
			dialect.Chat, `{"model":"m","messages":[{"role":"assistant","content":"a","reasoning_content":"r","annotations":[]},` +
				`{"role":"user","content":[{"type":"text","text":"b","cache_control":{"type":"ephemeral"}},{"type":"text","text":"c","cache_control":{"type":"ephemeral"}}]}],` +
				`"stream":true,"stream_options":{"include_usage":true,"continuous_usage_stats":true,"include_obfuscation":false},"reasoning_effort":"low","verbosity":"low","prediction":{"type":"content","content":"x"}}`,
			"messages[].annotations messages[].content[].cache_control messages[].reasoning_content prediction reasoning_effort stream_options.continuous_usage_stats stream_options.include_obfuscation verbosity",
		},
		{
			dialect.Completions, `{"model":"m","prompt":"p","user":"u","metadata":{"a":1},"temprature":1,"best_of":1,"echo":false,"logprobs":null,"add_special_tokens":true}`,
			"add_special_tokens metadata temprature user",
		},
		{
			dialect.Responses, `{"model":"m","input":[{"role":"user","content":[{"type":"input_text","text":"x","cache_control":{}}],"status":"completed"}],"include":["reasoning.encrypted_content"],"reasoning":{"effort":"low"},"text":{"verbosity":"low"},"truncation":"auto","tool_choice":"auto","background":false,` + common + `}`,
			"chat_template_kwargs client_metadata include input[].content[].cache_control input[].status metadata parallel_tool_calls prompt_cache_key reasoning safety_identifier service_tier store temprature text.verbosity truncation user",
		},
		{
			dialect.Responses, `{"model":"m","input":[{"role":"user","content":"x"},{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"e"},{"type":"message","role":"assistant","content":"y"},{"role":"user","content":"z"}]}`,
			"input[].encrypted_content input[].id input[].summary",
		},
		{dialect.Native, `{"prompt":"p",` + common + `}`, named},
		{dialect.Native, `{` + hi + `,` + common + `}`, named},
	} {
		r, err := decode(c.dialect, c.body)
		if err == nil {
			err = m.check(r)
		}
		if err != nil {
			t.Errorf("%s: %s: %v", c.dialect, c.body, err)
			continue
		}
		if got := strings.Join(r.Ignored(), " "); got != c.want {
			t.Errorf("%s: %s\n got %s\nwant %s", c.dialect, c.body, got, c.want)
		}
	}
	query, err := url.ParseQuery("prompt=x&temprature=1&_=1731&max_tokens=5")
	if err != nil {
		t.Fatal(err)
	}
	r, err := codecs[dialect.Native].Decode(dialect.Input{Query: query})
	if err == nil {
		err = m.check(r)
	}
	if err != nil || !slices.Equal(r.Ignored(), []string{"_", "temprature"}) {
		t.Errorf("of a query: %v, %v", r.Ignored(), err)
	}
}

// What would change the completion is refused, known to OpenAI or not.
func TestWhatWouldChangeTheCompletionIsRefused(t *testing.T) {
	m := tiny(t, "tiny32")
	for _, body := range []string{
		`"guided_json":{"type":"object"}`, `"grammar":"root ::= a"`, `"json_schema":{"type":"object"}`, `"regex":"a+"`,
		`"stop_token_ids":[1]`, `"bad_words":["a"]`, `"best_of":2`, `"use_beam_search":true`, `"prompt_logprobs":0`, `"echo":true`,
	} {
		for name, prompt := range map[dialect.Name]string{
			dialect.Chat: `"model":"m",` + hi, dialect.Completions: `"model":"m","prompt":"p"`, dialect.Responses: `"model":"m","input":"p"`, dialect.Native: `"prompt":"p"`,
		} {
			err := check(m, name, dialect.Input{Body: []byte(`{` + prompt + `,` + body + `}`)})
			if err == nil {
				t.Errorf("%s: %s is accepted", name, body)
			}
		}
	}
}

// However many names a request makes up, few are kept, and it is read in one pass.
func TestFewNamesAreKept(t *testing.T) {
	m := tiny(t, "tiny32")
	var body strings.Builder
	body.WriteString(`{"prompt":"p"`)
	for i := range 500 {
		body.WriteString(`,"` + strings.Repeat("é", i+1) + `":1`)
	}
	body.WriteString("}")
	r, err := decode(dialect.Native, body.String())
	if err == nil {
		err = m.check(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	names := r.Ignored()
	if len(names) != 64 || slices.ContainsFunc(names, func(n string) bool { return len(n) > 128 }) {
		t.Errorf("%d names: %q", len(names), names)
	}
}
