package openinference_test

import (
	"errors"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"penstock/dialect/openinference"
)

// message is a message's media type and bytes. In a "binary" one, a bar stands between the JSON and
// the rest.
func message(mediaType, body string) (string, []byte) {
	if mediaType != "binary" {
		return mediaType, []byte(body)
	}
	text, rest, _ := strings.Cut(body, "|")
	return openinference.MediaType("", strconv.Itoa(len(text))), []byte(text + rest)
}

func TestParseRequest(t *testing.T) {
	yes := true
	for name, c := range map[string]struct {
		mediaType, body string
		want            openinference.Request
	}{
		"flat": {"application/json", `{"id":"7","inputs":[{"name":"a","shape":[2,2],"datatype":"FP32","data":[1,2.5,-3,4e1]}]}`, openinference.Request{
			ID: "7", Inputs: []openinference.Tensor{{Name: "a", Shape: []int64{2, 2}, Floats: []float32{1, 2.5, -3, 40}}},
		}},
		"nested, unknown members ignored": {"", `{"parameters":{"priority":1},"inputs":[{"data":[[1],[2]],"name":"a","shape":[2,1],"datatype":"INT64","parameters":{"x":[]}}],"later":0}`, openinference.Request{
			Inputs: []openinference.Tensor{{Name: "a", Shape: []int64{2, 1}, Ints: []int64{1, 2}}},
		}},
		"empty": {"", `{"inputs":[{"name":"a","shape":[0,5],"datatype":"INT32","data":[]}]}`, openinference.Request{
			Inputs: []openinference.Tensor{{Name: "a", Shape: []int64{0, 5}, Ints: []int64{}}},
		}},
		"outputs": {"", `{"parameters":{"binary_data_output":true},"inputs":[],"outputs":[{"name":"x"},{"name":"y","parameters":{"binary_data":true}}]}`, openinference.Request{
			Inputs: []openinference.Tensor{}, Binary: true, Outputs: []openinference.Output{{Name: "x"}, {Name: "y", Binary: &yes}},
		}},
		"bytes": {
			"binary",
			`{"inputs":[{"name":"a","shape":[2],"datatype":"FP32","parameters":{"binary_data_size":8}},` +
				`{"name":"b","shape":[1],"datatype":"INT32","parameters":{"binary_data_size":4}}]}` +
				"|\x00\x00\x80\x3f\x00\x00\x00\xc0" + "\xff\xff\xff\xff",
			openinference.Request{Inputs: []openinference.Tensor{
				{Name: "a", Shape: []int64{2}, Floats: []float32{1, -2}}, {Name: "b", Shape: []int64{1}, Ints: []int64{-1}},
			}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := openinference.ParseRequest(message(c.mediaType, c.body))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(*got, c.want) {
				t.Errorf("got  %+v\nwant %+v", *got, c.want)
			}
		})
	}
}

func TestParseRequestErrors(t *testing.T) {
	const json = "application/json"
	input := func(rest string) string { return `{"inputs":[{"name":"a",` + rest + `}]}` }
	for name, c := range map[string]struct{ mediaType, body, want string }{
		"nothing":            {json, ``, "byte 0"},
		"cut":                {json, `{"inputs":`, "byte 10"},
		"a list":             {json, `[]`, `not the JSON`},
		"inputs a text":      {json, `{"inputs":"a"}`, "/inputs"},
		"no datatype":        {json, input(`"shape":[1],"data":[1]`), `input "a" has datatype ""`},
		"an unknown one":     {json, input(`"shape":[1],"datatype":"BYTES","data":["x"]`), `"BYTES": send FP32, INT64 or INT32`},
		"no data":            {json, input(`"shape":[1],"datatype":"FP32"`), "data is missing"},
		"null":               {json, input(`"shape":[1],"datatype":"FP32","data":null`), "other than numbers"},
		"texts":              {json, input(`"shape":[1],"datatype":"FP32","data":["1"]`), "other than numbers"},
		"too few":            {json, input(`"shape":[2],"datatype":"FP32","data":[1]`), "1 numbers, but its shape 2"},
		"too many":           {json, input(`"shape":[1],"datatype":"FP32","data":[1,2]`), "more numbers than the 1"},
		"a huge shape":       {json, input(`"shape":[2147483647,2147483647],"datatype":"FP32","data":[1]`), "is none"},
		"a large shape":      {json, input(`"shape":[2147483647],"datatype":"FP32","data":[1]`), "1 numbers, but"},
		"a negative shape":   {json, input(`"shape":[-1],"datatype":"FP32","data":[1]`), "is none"},
		"a fraction":         {json, input(`"shape":[1],"datatype":"INT64","data":[1.5]`), "no INT64"},
		"too large a float":  {json, input(`"shape":[1],"datatype":"FP32","data":[1e39]`), "too large"},
		"too large an int":   {json, input(`"shape":[1],"datatype":"INT32","data":[3000000000]`), "no INT32"},
		"an input twice":     {json, `{"inputs":[{"name":"a","shape":[1],"datatype":"FP32","data":[1]},{"name":"a","shape":[1],"datatype":"INT64","data":[1]}]}`, `input "a" is given twice`},
		"an output twice":    {json, `{"inputs":[],"outputs":[{"name":"b"},{"name":"c"},{"name":"b"}]}`, `output "b" is named twice`},
		"header too long":    {openinference.MediaType("", "99"), `{"inputs":[]}`, `"99", but the body has 13 bytes`},
		"header not a size":  {openinference.MediaType("", "x"), `{"inputs":[]}`, openinference.HeaderName},
		"bytes too few":      {"binary", input(`"shape":[1],"datatype":"FP32","parameters":{"binary_data_size":4}`) + "|123", "3 are left"},
		"bytes of no shape":  {"binary", input(`"shape":[1],"datatype":"FP32","parameters":{"binary_data_size":3}`) + "|123", "needs 4 bytes"},
		"bytes that are not": {json, input(`"shape":[1],"datatype":"FP32","parameters":{"binary_data_size":4}`), "0 are left"},
		"bytes too many":     {openinference.MediaType("", "13"), `{"inputs":[]}x`, "1 bytes that belong to no input"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := openinference.ParseRequest(message(c.mediaType, c.body))
			var e *openinference.Error
			if !errors.As(err, &e) || !strings.Contains(e.Message, c.want) {
				t.Errorf("got %v, not …%s…", err, c.want)
			}
		})
	}
}

func TestResponsesCanBeRead(t *testing.T) {
	r := openinference.Response{Model: "clip", ID: "7", Outputs: []openinference.Tensor{
		{Name: "a", Shape: []int64{1, 2}, Floats: []float32{1, -2}},
		{Name: "b", Shape: []int64{2}, Ints: []int64{3, -4}},
	}}
	mediaType, body, err := r.Encode()
	const want = `{"model_name":"clip","id":"7","outputs":[{"name":"a","datatype":"FP32","shape":[1,2],"data":[1,-2]},{"name":"b","datatype":"INT64","shape":[2],"data":[3,-4]}]}`
	if err != nil || mediaType != "application/json" || string(body) != want {
		t.Errorf("got %s %s, %v", mediaType, body, err)
	}
	r.Binary = []bool{true, true}
	if mediaType, body, err = r.Encode(); err != nil {
		t.Fatal(err)
	}
	// A response's tensors are written as a request's are.
	body = []byte(strings.Replace(string(body), "outputs", "inputs ", 1))
	body = []byte(strings.Replace(string(body), `"inputs "`, ` "inputs"`, 1))
	back, err := openinference.ParseRequest(mediaType, body)
	if err != nil || !reflect.DeepEqual(back.Inputs, r.Outputs) {
		t.Errorf("%s %q was read as %+v, %v", mediaType, body, back, err)
	}
}

func TestMediaTypes(t *testing.T) {
	for _, length := range []string{"", "12"} {
		if got := openinference.HeaderLength(openinference.MediaType("application/json", length)); got != length {
			t.Errorf("%q became %q", length, got)
		}
	}
	if got := openinference.MediaType("application/json", ""); got != "application/json" {
		t.Errorf("got %q", got)
	}
	if got := openinference.HeaderLength("/;;="); got != "" {
		t.Errorf("got %q", got)
	}
}

// FuzzParseRequest: any bytes are a request whose tensors have the size of their shapes, or an
// error for the client.
func FuzzParseRequest(f *testing.F) {
	f.Add("0", []byte(`{"id":"7","inputs":[{"name":"a","shape":[2,2],"datatype":"FP32","data":[[1,2],[3,4]]}]}`))
	f.Add("91", []byte(`{"inputs":[{"name":"a","shape":[1],"datatype":"FP32","parameters":{"binary_data_size":4}}]}1234`))
	f.Add("", []byte(`{"inputs":[{"name":"a","shape":[],"datatype":"INT32","data":5}],"outputs":[{"name":"b"}]}`))
	f.Fuzz(func(t *testing.T, header string, body []byte) {
		r, err := openinference.ParseRequest(openinference.MediaType("application/json", header), body)
		var e *openinference.Error
		if err != nil {
			if !errors.As(err, &e) || e.Message == "" {
				t.Errorf("error %v", err)
			}
			return
		}
		for _, in := range r.Inputs {
			n := int64(1)
			for _, d := range in.Shape {
				n *= d
			}
			if got := int64(len(in.Floats) + len(in.Ints)); got != n {
				t.Errorf("%v holds %d numbers", in.Shape, got)
			}
		}
	})
}
