package dialect_test

import (
	"encoding/json"
	"testing"

	"penstock/dialect"
)

func TestErrorsAsServersWriteThem(t *testing.T) {
	for body, want := range map[string]dialect.Error{
		`{"error":{"message":"no","type":"invalid_request_error","param":"n","code":"x"}}`: {Message: "no", Type: "invalid_request_error", Param: "n", Code: "x"},
		`{"error":{"message":"no","type":"t","param":null,"code":null}}`:                   {Message: "no", Type: "t"},
		`{"error":{"message":"no","code":503}}`:                                            {Message: "no", Code: "503"},
		`{"error":{"message":"no","type":7,"param":["a"],"code":{"b":1}}}`:                 {Message: "no", Type: "7", Param: `["a"]`, Code: `{"b":1}`},
		`{"error":{"message":["no"],"code":"x"}}`:                                          {Code: "x"},
		`{"error":"no"}`:                     {Message: "no"},
		`{"error":"no","type":"t","code":7}`: {Message: "no", Type: "t", Code: "7"},
		`{"object":"error","message":"no","type":"t","param":null,"code":400}`: {Message: "no", Type: "t", Code: "400"},
		`{"error":null,"message":"no"}`:                                        {Message: "no"},
		`{"error":true,"message":"no"}`:                                        {Message: "no"},
		`{"error":{}}`:                                                         {},
		`{}`:                                                                   {},
	} {
		got := dialect.Error{Message: "before", Type: "before", Param: "before", Code: "before"}
		if err := json.Unmarshal([]byte(body), &got); err != nil || got != want {
			t.Errorf("%s gives %+v, %v", body, got, err)
		}
	}
	for _, body := range []string{`[]`, `"no"`, `{"error":`} {
		if err := json.Unmarshal([]byte(body), new(dialect.Error)); err == nil {
			t.Errorf("%s is taken", body)
		}
	}
}
