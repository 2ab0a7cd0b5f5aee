package dialect_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"penstock/dialect"
)

func TestPeek(t *testing.T) {
	for body, want := range map[string]dialect.Peeked{
		`{}`:                             {N: 1, Prompts: 1},
		`{"model":"gpt"}`:                {Model: "gpt", N: 1, Prompts: 1},
		`{"model":null,"stream":null}`:   {N: 1, Prompts: 1},
		`{"mod\u0065l":"\u0061"}`:        {Model: "a", N: 1, Prompts: 1},
		` {"stream" : true , "n" : 3 } `: {Stream: true, N: 3, Prompts: 1},
		`{"x":{"model":"inner","stream":true},"model":"outer","y":[{"model":1}]}`: {Model: "outer", N: 1, Prompts: 1},
		"{\"user\":\"\xff\",\"model\":\"m\"}":                                     {Model: "m", N: 1, Prompts: 1},
		`{"stream":true,"stream_options":{"include_usage":1}}`:                    {Stream: true, N: 1, Prompts: 1}, // the upstream's to judge
		`{"prompt":"a"}`:             {N: 1, Prompts: 1},
		`{"prompt":["a","b"],"n":2}`: {N: 2, Prompts: 2},
		`{"prompt":[[1,2],[3],[4]]}`: {N: 1, Prompts: 3},
		`{"prompt":[1,2,3]}`:         {N: 1, Prompts: 1},
		`{"prompt":[]}`:              {N: 1, Prompts: 1},
		`{"prompt":{"a":["b","c"]}}`: {N: 1, Prompts: 1},
	} {
		got, err := dialect.PeekRequest([]byte(body))
		if err != nil || got != want {
			t.Errorf("%s gives %+v, %v", body, got, err)
		}
	}
}

func TestPeekErrors(t *testing.T) {
	for body, param := range map[string]string{
		``: "", `[]`: "", `"model"`: "", `{"model":"a"`: "", `{"model":"a"}{}`: "", `{"model":"a",}`: "", `{"a":01}`: "", `<html>`: "",
		`{"model":5}`: "model", `{"stream":"yes"}`: "stream", `{"n":1.5}`: "n",
		strings.Repeat(`{"a":`, 20000): "",
		`{"model":"a","model":"b"}`:    "model", `{"model":"a","mod\u0065l":"a"}`: "model", `{"x":[{"y":1,"y":2}]}`: "x[0].y", `{"prompt":["a"],"prompt":null}`: "prompt",
		`{"model":"a","Model":"b"}`: "Model", `{"MODEL":"b"}`: "MODEL", `{"max_tokens":1,"Max_Tokens":9}`: "Max_Tokens", `{"\u017ftream":true}`: "\u017ftream",
	} {
		_, err := dialect.PeekRequest([]byte(body))
		var e *dialect.Error
		if !errors.As(err, &e) || e.Param != param || e.Status != 400 {
			t.Errorf("%.40s gives %+v", body, err)
		}
	}
}

// What is no JSON at all is not taken for a number, nor a number too large for one of another kind.
func TestErrorsNameTheTypeFound(t *testing.T) {
	for body, want := range map[string]string{
		"--boundary\r\nContent-Disposition: form-data": "We could not parse the JSON body of your request (at byte 1). Send one valid JSON object, in UTF-8.",
		"nobody":                     "We could not parse the JSON body of your request (at byte 1). Send one valid JSON object, in UTF-8.",
		"<html>":                     "We could not parse the JSON body of your request (at byte 0). Send one valid JSON object, in UTF-8.",
		"-1":                         "The body of the request must be a JSON object, but it is an integer.",
		" 1.5":                       "The body of the request must be a JSON object, but it is a decimal.",
		`{"n":99999999999999999999}`: "Invalid value for 'n': the number is out of range.",
	} {
		if _, err := dialect.PeekRequest([]byte(body)); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", body, err, want)
		}
	}
}

// bodyFor returns the request's body for a server whose model has that name.
func bodyFor(request []byte, model string) ([]byte, error) {
	body, err := (&dialect.Call{Body: request}).OwnBody()
	if err != nil {
		return nil, err
	}
	return body.For(model, false), nil
}

func TestABodyChangesOnlyTheModel(t *testing.T) {
	for body, want := range map[string]string{
		`{"model":"gpt","x":1}`: `{"model":"new\"name","x":1}`,
		"{ \"a\" : [1, 2.50,\t{\"model\":\"b\"}],\r\n\"model\" :\n null }\n": "{ \"a\" : [1, 2.50,\t{\"model\":\"b\"}],\r\n\"model\" :\n \"new\\\"name\" }\n",
		`{"mod\u0065l":"a","\u006dodels":"model"}`:                           `{"mod\u0065l":"new\"name","\u006dodels":"model"}`,
		`{"text":"\"model\":\"x\"","model":"a"}`:                             `{"text":"\"model\":\"x\"","model":"new\"name"}`,
		` { "x":1e400}`:                                                      ` {"model":"new\"name", "x":1e400}`,
		`{}`:                                                                 `{"model":"new\"name"}`,
		"{\"user\":\"\xff\\ud800\",\"model\":\"\"}":                          "{\"user\":\"\xff\\ud800\",\"model\":\"new\\\"name\"}",
	} {
		got, err := bodyFor([]byte(body), `new"name`)
		if err != nil || string(got) != want {
			t.Errorf("%s becomes %s, %v", body, got, err)
		}
	}
	if _, err := bodyFor([]byte(`{"model":`), "a"); err == nil {
		t.Error("a cut request was taken")
	}
}

// FuzzBody compares Body with encoding/json: the result is the same object but for its model, and
// doing it again changes nothing.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{`{"model":"a","x":[{"model":"b"}]}`, `{"model":1,"model":2}`, ` { } `, `{"\u006dodel":"\\"}`, `{"a":{"b":"}\""}}`, `[`, `{"a":1}x`} {
		f.Add([]byte(seed), "m")
	}
	f.Fuzz(func(t *testing.T, body []byte, model string) {
		if !utf8.ValidString(model) {
			return
		}
		var before, after map[string]json.RawMessage
		readable := json.Unmarshal(body, &before) == nil && before != nil
		out, err := bodyFor(body, model)
		if err != nil {
			return
		}
		if !readable {
			t.Fatalf("%q is no object, and became %q", body, out)
		}
		if err := json.Unmarshal(out, &after); err != nil {
			t.Fatalf("%q became %q: %v", body, out, err)
		}
		var got string
		if err := json.Unmarshal(after["model"], &got); err != nil || got != model {
			t.Fatalf("the model of %q is %q, %v", out, got, err)
		}
		delete(before, "model")
		delete(after, "model")
		if len(before) != len(after) {
			t.Fatalf("%q became %q", body, out)
		}
		for name, value := range before {
			if !bytes.Equal(value, after[name]) {
				t.Fatalf("member %q of %q became %q", name, body, after[name])
			}
		}
		again, err := bodyFor(out, model)
		if err != nil || !bytes.Equal(again, out) {
			t.Fatalf("%q became %q the second time, %v", out, again, err)
		}
		if p, err := dialect.PeekRequest(out); err == nil && p.Model != model {
			t.Fatalf("peeking sees model %q in %q", p.Model, out)
		}
	})
}

func FuzzPeek(f *testing.F) {
	f.Add([]byte(`{"model":"a","stream":true,"prompt":["a",[1],2],"n":2}`))
	f.Add([]byte(`{"stream":false,"stream":true,"model":"\ud83d\ude00"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := dialect.PeekRequest(body)
		var e *dialect.Error
		if err != nil {
			if !errors.As(err, &e) || e.Message == "" {
				t.Fatalf("the error is %#v", err)
			}
			return
		}
		var reference struct {
			Stream *bool `json:"-"`
		}
		if err := json.Unmarshal(body, &reference); err != nil {
			t.Fatalf("%q was taken: %v", body, err)
		}
		if p.N < 1 || p.Prompts < 1 {
			t.Fatalf("%q requests %d completions of %d prompts", body, p.N, p.Prompts)
		}
	})
}
