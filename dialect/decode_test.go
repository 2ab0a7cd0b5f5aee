package dialect_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"testing"

	"penstock/apierr"
	"penstock/dialect"
)

// What a gateway learns of a request, without its Parameters being checked.
func TestDecode(t *testing.T) {
	for _, c := range []struct {
		codec   dialect.Codec
		body    string
		model   string
		stream  bool
		choices int
	}{
		{dialect.NewChat(), `{"unknown":1}`, "", false, 1},
		{dialect.NewChat(), `{"model":"m","stream":true,"n":3,"messages":7}`, "m", true, 3},
		{dialect.NewCompletions(), `{"model":"m","n":2,"prompt":["a","b","c"]}`, "m", false, 6},
		{dialect.NewCompletions(), `{"model":"m","prompt":[1,2]}`, "m", false, 1},
		{dialect.NewResponses(), `{"model":"m","stream":true}`, "m", true, 1},
		{dialect.NewNative(), `{"model":"m","stream":true,"n":2}`, "", false, 1},
	} {
		r := decode(t, c.codec, c.body)
		if r.Dialect != c.codec.Name() || string(r.Body) != c.body || r.Model != c.model || r.Stream != c.stream || r.Choices != c.choices {
			t.Errorf("%s: %s is decoded as %+v", c.codec.Name(), c.body, r)
		}
	}
	for _, codec := range []dialect.Codec{dialect.NewChat(), dialect.NewCompletions(), dialect.NewResponses(), dialect.NewNative()} {
		for _, body := range []string{``, `{`, `[]`, `"m"`, `{"model":"m"} x`} {
			_, err := codec.Decode(dialect.Input{Body: []byte(body)})
			if e, ok := errors.AsType[*dialect.Error](err); !ok || e.Status != 400 || e.Code != "invalid_json" {
				t.Errorf("%s: %q gives %+v", codec.Name(), body, err)
			}
		}
	}
}

// The same conversation has the same parameters in each dialect that can hold it.
func TestParameters(t *testing.T) {
	for _, c := range []struct {
		codec dialect.Codec
		in    dialect.Input
		want  string
	}{
		{
			dialect.NewChat(), body(`{"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":5,"n":2,"stop":"x","seed":7,"logprobs":true,"top_logprobs":2,"top_k":3,"user":"u"}`),
			`messages=[{"role":"user","content":"hi"}] max_tokens=5 n=2 stop=[x] seed=7 logprobs=2 top_k=3 user=u`,
		},
		{
			dialect.NewChat(), body(`{"model":"m","messages":[{"role":"user","content":"hi"}],"max_completion_tokens":5,"max_tokens":5,"logprobs":true,"functions":[{"name":"f"}],"audio":{},"prediction":null,"modalities":["text","audio"]}`),
			`messages=[{"role":"user","content":"hi"}] max_tokens=5 n=1 logprobs=0 functions audio modalities`,
		},
		{dialect.NewChat(), body(`{"model":"m","messages":[{"role":"user","content":"hi"}],"max_completion_tokens":5,"max_tokens":6}`), "max_tokens"},
		{dialect.NewChat(), body(`{"model":"m","messages":[{"role":"user","content":"hi"}],"unknown":6,"random_seed":7}`), `messages=[{"role":"user","content":"hi"}] n=1 seed=7`},
		{dialect.NewChat(), body(`{"model":"m","messages":[{"role":"user","content":"hi"}],"guided_regex":"a","best_of":1}`), `messages=[{"role":"user","content":"hi"}] n=1 guided_regex="a"`},
		{
			dialect.NewCompletions(), body(`{"model":"m","prompt":"hi","max_tokens":5,"n":2,"logprobs":1,"best_of":2,"echo":true,"suffix":"s"}`),
			`prompt="hi" max_tokens=5 n=2 logprobs=1 best_of=2 echo=true suffix="s"`,
		},
		{dialect.NewCompletions(), body(`{"model":"m","prompt":"hi","best_of":1,"echo":false,"suffix":""}`), `prompt="hi" n=1`},
		{dialect.NewCompletions(), body(`{"model":"m"}`), "prompt"},
		{
			dialect.NewResponses(), body(`{"model":"m","input":"hi","instructions":"i","max_output_tokens":5,"user":"u"}`),
			`messages=[{"role":"system","content":"i"},{"role":"user","content":"hi"}] max_tokens=5 n=1 user=u`,
		},
		{dialect.NewResponses(), body(`{"model":"m","input":"hi","background":true}`), "background"},
		{dialect.NewResponses(), body(`{"model":"m","input":"hi","store":true,"seed":7}`), `messages=[{"role":"user","content":"hi"}] n=1 seed=7`},
		{dialect.NewResponses(), body(`{"model":"m","input":"hi","tool_choice":"required"}`), "tool_choice"},
		{
			dialect.NewNative(), body(`{"prompt":"hi","max_tokens":5,"model":"not looked at"}`),
			`messages=[{"role":"user","content":"hi"}] prompt="hi" max_tokens=5 n=1`,
		},
		{
			dialect.NewNative(),
			dialect.Input{Query: url.Values{"prompt": {"5"}, "stop": {"a", "b"}, "max_tokens": {"5"}}},
			`messages=[{"role":"user","content":"5"}] prompt="5" max_tokens=5 n=1 stop=[a b]`,
		},
		{dialect.NewNative(), body(`{"messages":[{"role":"user","content":"hi"}]}`), `messages=[{"role":"user","content":"hi"}] n=1`},
		{dialect.NewNative(), body(`{"prompt":"hi","logprobs":true}`), "logprobs"},
		{dialect.NewNative(), body(`{}`), "messages"},
		{dialect.NewNative(), body(`{"promt":"hi"}`), "promt"},
	} {
		r, err := c.codec.Decode(c.in)
		if err != nil {
			t.Fatal(err)
		}
		p, err := r.Parameters()
		if err != nil {
			if e, ok := errors.AsType[*dialect.Error](err); !ok || e.Param != c.want || e.Status != 400 {
				t.Errorf("%s: %s gives %+v", c.codec.Name(), c.in.Body, err)
			}
			continue
		}
		if got := summary(t, p); got != c.want {
			t.Errorf("%s: %s has the parameters\n%s\nand should have\n%s", c.codec.Name(), c.in.Body, got, c.want)
		}
	}
}

func body(text string) dialect.Input { return dialect.Input{Body: []byte(text)} }

func TestParametersAreOfJSON(t *testing.T) {
	for _, mediaType := range []string{"", "application/json", "text/plain; charset=utf-8", "application/x-www-form-urlencoded"} {
		r, err := dialect.NewCompletions().Decode(dialect.Input{Body: []byte(`{"model":"m","prompt":"p"}`), MediaType: mediaType})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Parameters(); err != nil {
			t.Errorf("%q gives %v", mediaType, err)
		}
	}
	for _, mediaType := range []string{"multipart/form-data; boundary=x", "IMAGE/png", "audio/wav", "video/mp4"} {
		r, err := dialect.NewCompletions().Decode(dialect.Input{Body: []byte(`{"model":"m","prompt":"p"}`), MediaType: mediaType})
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.Parameters()
		if e, ok := errors.AsType[*apierr.Error](err); !ok || e.Code != apierr.CodeUnsupportedMediaType {
			t.Errorf("%q gives %v", mediaType, err)
		}
	}
}

// summary writes the parameters that a request has.
func summary(t *testing.T, p *dialect.Parameters) string {
	t.Helper()
	text := ""
	add := func(name string, present bool, value any) {
		if !present {
			return
		}
		if text != "" {
			text += " "
		}
		text += name
		switch v := value.(type) {
		case nil:
			return
		case string:
			text += "=" + v
		default:
			b, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			text += "=" + string(b)
		}
	}
	add("messages", p.Messages != nil, p.Messages)
	add("prompt", p.Prompt != nil, p.Prompt)
	add("max_tokens", p.MaxTokens != nil, p.MaxTokens)
	add("n", true, p.N)
	add("stop", p.Stop != nil, fmt.Sprint(p.Stop))
	add("seed", p.Seed != nil, p.Seed)
	add("logprobs", p.Logprobs != nil, p.Logprobs)
	add("top_k", p.TopK != nil, p.TopK)
	add("user", p.User != "", p.User)
	for _, o := range p.Other {
		if o.Value == nil || o.Name == "audio" {
			add(o.Name, true, nil)
			continue
		}
		add(o.Name, true, o.Value)
	}
	return text
}
