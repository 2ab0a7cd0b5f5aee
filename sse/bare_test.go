package sse_test

import (
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"penstock/sse"
)

// A JSON value that is no field of an event is returned at its end, and changes no event.
func TestReaderReturnsBareValues(t *testing.T) {
	type event struct{ name, data, bare string }
	for in, want := range map[string][]event{
		"data: a\n\n{\"error\":{\"message\":\"}\\\"\"}}\ndata: b\n\n": {{"", "a", ""}, {"", "", `{"error":{"message":"}\""}}`}, {"", "b", ""}},
		"{\n  \"error\": {\n    \"code\": 1\n  }\n}\ndata: b\n\n":     {{"", "", "{\n  \"error\": {\n    \"code\": 1\n  }\n}"}, {"", "b", ""}},
		"[{\"error\":1}]":                              {{"", "", `[{"error":1}]`}},
		"event: x\n{\"a\":1}\ndata: b\n\n":             {{"x", "b", `{"a":1}`}},
		"event: x\n{\"a\":1}\n\ndata: b\n\n":           {{"x", "", `{"a":1}`}, {"", "b", ""}},
		"data: a\n{\"a\":1}\n\n":                       {{"", "a", `{"a":1}`}},
		"data: a\n{\"a\":1}\ndata: b\n\n":              {{"", "a\nb", ""}},
		"{\"a\":\n\ndata: b\n\n":                       {{"", "b", ""}},
		"id\n: {\"a\":1}\n\n\"a\": 1\nx{\ndata: b\n\n": {{"", "b", ""}},
	} {
		for way, r := range map[string]*sse.Reader{
			"whole":        sse.NewReader(strings.NewReader(in), 1000),
			"byte by byte": sse.NewReader(iotest.OneByteReader(strings.NewReader(in)), 1000),
		} {
			var got []event
			for {
				e, err := r.Next()
				if err == nil || len(e.Data)+len(e.Bare) > 0 {
					got = append(got, event{string(e.Name), string(e.Data), string(e.Bare)})
				}
				if err != nil {
					break
				}
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %q gives %q, not %q", way, in, got, want)
			}
		}
	}
}
