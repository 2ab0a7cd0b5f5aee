package dialect_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"testing"

	"penstock/dialect"
)

func TestParseEmbeddingRequestReadsEveryForm(t *testing.T) {
	text := func(s string) dialect.EmbeddingItem { return dialect.EmbeddingItem{Text: &s} }
	image, url := "data:image/png;base64,AA==", "https://example.com/cat.jpg"
	for input, want := range map[string]dialect.EmbeddingInput{
		`"a cat"`:                                {Items: []dialect.EmbeddingItem{text("a cat")}},
		`["a cat","a dog"]`:                      {Items: []dialect.EmbeddingItem{text("a cat"), text("a dog")}},
		`["a cat"]`:                              {Items: []dialect.EmbeddingItem{text("a cat")}},
		`[1,2]`:                                  {Tokens: [][]int{{1, 2}}},
		`[[1,2],[3]]`:                            {Tokens: [][]int{{1, 2}, {3}}},
		`{"image":"data:image/png;base64,AA=="}`: {Items: []dialect.EmbeddingItem{{Image: &image}}},
		`["a cat",{"url":"https://example.com/cat.jpg"},"b"]`: {Items: []dialect.EmbeddingItem{text("a cat"), {URL: &url}, text("b")}},
	} {
		r, err := dialect.ParseEmbeddingRequest([]byte(`{"model":"m","dimensions":3,"encoding_format":"base64","user":"u","input":` + input + `}`))
		if err != nil {
			t.Errorf("%s: %v", input, err)
			continue
		}
		if !reflect.DeepEqual(r.Input, want) || *r.Dimensions != 3 || r.EncodingFormat != dialect.EncodingBase64 || r.User != "u" {
			t.Errorf("%s was read as %+v", input, r)
		}
		written, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := dialect.ParseEmbeddingRequest(written); err != nil || !reflect.DeepEqual(again, r) {
			t.Errorf("%s was written as %s: %v", input, written, err)
		}
	}
}

func TestParseEmbeddingRequestErrors(t *testing.T) {
	for name, c := range map[string]struct{ body, param, code, message string }{
		"no input":        {`{"model":"m"}`, "input", "missing_required_parameter", "Missing required parameter: 'input'."},
		"null":            {`{"model":"m","input":null}`, "input", "", ""},
		"nothing":         {`{"model":"m","input":[]}`, "input", "missing_required_parameter", ""},
		"a list of null":  {`{"model":"m","input":[null]}`, "input[0]", "invalid_type", "Invalid type for 'input[0]': expected a string, an object with 'image' or 'url', or an array of them, but got null instead."},
		"an empty list":   {`{"model":"m","input":[ []]}`, "input", "invalid_type", "Invalid type for 'input': expected token ids, but got an empty array instead."},
		"no ids at last":  {`{"model":"m","input":[[1],[]]}`, "input", "invalid_type", ""},
		"an id of null":   {`{"model":"m","input":[1,null]}`, "input", "invalid_type", "Invalid type for 'input': expected token ids, but got null instead."},
		"ids of null":     {`{"model":"m","input":[[1],null]}`, "input", "invalid_type", "Invalid type for 'input': expected token ids, but got null instead."},
		"a text as an id": {`{"model":"m","input":[[1,"a"]]}`, "input[0][1]", "invalid_type", "Invalid type for 'input[0][1]': expected an integer, but got a string instead."},
		"a lone fraction": {`{"model":"m","input":[1.5]}`, "input[0]", "invalid_type", ""},
		"no model":        {`{"input":"a"}`, "model", "missing_required_parameter", ""},
		"a number":        {`{"model":"m","input":7}`, "input", "invalid_type", "Invalid type for 'input': expected a string, an object with 'image' or 'url', or an array of them, but got an integer instead."},
		"a number inside": {`{"model":"m","input":["a",7]}`, "input[1]", "invalid_type", ""},
		"deeper":          {`{"model":"m","input":["a",["b"]]}`, "input[1]", "invalid_type", ""},
		"both ways":       {`{"model":"m","input":{"image":"a","url":"b"}}`, "input", "invalid_type", ""},
		"neither way":     {`{"model":"m","input":[{}]}`, "input[0]", "invalid_type", ""},
		"image an object": {`{"model":"m","input":[{"image":{}}]}`, "input[0].image", "invalid_type", ""},
		"unknown inside":  {`{"model":"m","input":[{"picture":"x"}]}`, "input[0].picture", "unknown_parameter", ""},
		"format":          {`{"model":"m","input":"a","encoding_format":"int8"}`, "encoding_format", "invalid_value", "Invalid value: 'int8'. Supported values are: 'float', 'base64'."},
		"no dimensions":   {`{"model":"m","input":"a","dimensions":0}`, "dimensions", "integer_below_min_value", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := dialect.ParseEmbeddingRequest([]byte(c.body))
			var e *dialect.Error
			if !errors.As(err, &e) {
				t.Fatalf("the error is %v", err)
			}
			if e.Status != http.StatusBadRequest || e.Param != c.param || (c.code != "" && e.Code != c.code) || (c.message != "" && e.Message != c.message) {
				t.Errorf("the error is %+v", e)
			}
		})
	}
}

func TestVectorsAreWrittenBothWays(t *testing.T) {
	values := []float32{0, 1, -0.5, 3.4e38}
	for want, v := range map[string]dialect.Vector{
		`[0,1,-0.5,3.4e+38]`:         {Values: values},
		`"AAAAAAAAgD8AAAC/nsl/fw=="`: {Values: values, Base64: true},
	} {
		got, err := json.Marshal(v)
		if err != nil || string(got) != want {
			t.Errorf("got %s, %v, not %s", got, err, want)
		}
		var again dialect.Vector
		if err := json.Unmarshal(got, &again); err != nil || !reflect.DeepEqual(again, v) {
			t.Errorf("%s is read as %+v, %v", got, again, err)
		}
	}
	for _, bad := range []string{`"AAA="`, `"%"`, `["a"]`, `{}`} {
		if err := json.Unmarshal([]byte(bad), new(dialect.Vector)); err == nil {
			t.Errorf("%s is a vector", bad)
		}
	}
}
