package dialect_test

import (
	"encoding/json"
	"errors"
	"net/url"
	"testing"

	"penstock/dialect"
)

func TestNativeFields(t *testing.T) {
	for in, want := range map[string]string{
		`{"prompt":"hi","temperature":0.5}`: `{"prompt":"hi","temperature":0.5}`,
		`{"messages":[],"foo":1}`:           `{"foo":1,"messages":[]}`,
		`{"prompt":5}`:                      "prompt",
		`{"prompt":"a","messages":[]}`:      "prompt",
		`{"a":1,"a":2}`:                     "a",
		`[]`:                                "",
		`?prompt=5&temperature=0.5&stop=a&stop=b&seed=7&logprobs=true&user=5&top_k=3`: `{"logprobs":true,"prompt":"5","seed":7,"stop":["a","b"],"temperature":0.5,"top_k":3,"user":"5"}`,
		`?stop=%5B%22a%22%5D&temperature=hot`:                                         `{"stop":["a"],"temperature":"hot"}`,
		`?seed=1&seed=2`:                                                              "seed",
		`null`:                                                                        "",
		`?stop=[INST]&stop=[b&stop=How`:                                               `{"stop":["[INST]","[b","How"]}`,
		`?stop=[b`:                                                                    `{"stop":["[b"]}`,
		`?stop=["zzz"]&stop=How`:                                                      "stop",
		`?stop=How&stop=["zzz"]`:                                                      "stop",
		`?messages=[]&messages=[]`:                                                    "messages",
		`?prompt=a&messages=[]`:                                                       "prompt",
		`?web_search_options={}&function_call=none`:                                   `{"function_call":"none","web_search_options":{}}`,
		`?prompt=%ff`:                                                                 "prompt",
		`?logit_bias={"%ff":1}`:                                                       "logit_bias",
		`?%ff=1`:                                                                      "\xff",
	} {
		body, query := []byte(in), url.Values(nil)
		if in[0] == '?' {
			body = nil
			query, _ = url.ParseQuery(in[1:])
		}
		fields, err := dialect.NativeFields(body, query)
		if err != nil {
			var e *dialect.Error
			if !errors.As(err, &e) || e.Param != want {
				t.Errorf("%s gives %+v", in, err)
			}
			continue
		}
		if got, _ := json.Marshal(fields); string(got) != want {
			t.Errorf("%s gives %s", in, got)
		}
	}
}
