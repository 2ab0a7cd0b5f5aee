package clip

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"testing"

	"penstock/apierr"
	"penstock/engine"
)

// form builds multipart/form-data: files named image, and text fields.
func form(t *testing.T, pictures [][]byte, fields ...[2]string) engine.Input {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i, p := range pictures {
		part, err := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf(`form-data; name="image"; filename="%d.jpg"`, i)}})
		if err == nil {
			_, err = part.Write(p)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range fields {
		if err := w.WriteField(f[0], f[1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return engine.Input{MediaType: w.FormDataContentType(), Body: b.Bytes()}
}

func asJSON(t *testing.T, v any) engine.Input {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return engine.Input{MediaType: "application/json", Body: b}
}

// withQuery adds a query.
func withQuery(in engine.Input, query url.Values) engine.Input {
	in.Parameters = query
	return in
}

// pictures serves the photos over HTTP, and allows o to fetch them.
func pictures(t *testing.T, o *Options) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.FileServer(http.Dir(photoFolder())))
	t.Cleanup(s.Close)
	o.Fetch.Allow = []string{"127.0.0.1"}
	return s
}

func TestEveryFormOfRequestHasTheSameResult(t *testing.T) {
	o := tiny(t)
	s := pictures(t, &o)
	l := load(t, o)
	cat := photo(t, "cat_chelsea.jpg")
	code := base64.StdEncoding.EncodeToString(cat)
	address := s.URL + "/cat_chelsea.jpg"
	want, err := do(t.Context(), l.predict, Request{Pictures: []Picture{{Data: cat}}})
	if err != nil {
		t.Fatal(err)
	}
	if want.Probabilities[0][0] < 0.9 {
		t.Errorf("the label cat has a probability of %.3f only", want.Probabilities[0][0])
	}
	type object = map[string]any
	for name, in := range map[string]engine.Input{
		"url":                 asJSON(t, object{"url": address}),
		"urls":                asJSON(t, object{"urls": []string{address}}),
		"image":               asJSON(t, object{"image": code}),
		"image, URL alphabet": asJSON(t, object{"image": base64.RawURLEncoding.EncodeToString(cat)}),
		"image, broken lines": asJSON(t, object{"image": code[:76] + "\r\n" + code[76:152] + "\n " + code[152:]}),
		"data URL":            asJSON(t, object{"image": "data:image/jpeg;base64," + code}),
		"data URL, odd":       asJSON(t, object{"image": "DATA:text/plain;charset=x;BASE64," + code}),
		"data URL, escaped":   asJSON(t, object{"image": "data:image/jpeg;base64," + url.QueryEscape(code)}),
		"data URL, indented":  asJSON(t, object{"image": " \n\tdata:image/jpeg;base64," + code + "\n"}),
		"nulls":               asJSON(t, object{"url": nil, "image": code, "labels": nil, "template": nil, "top_k": nil}),
		"Truss's list":        asJSON(t, []object{{"url": address}}),
		"list of images":      asJSON(t, []object{{"image": code}}),
		"raw":                 {MediaType: "image/jpeg", Body: cat},
		"raw, wrong type":     {MediaType: "image/png", Body: cat},
		"raw, no type":        {MediaType: "application/octet-stream", Body: cat},
		"form":                form(t, [][]byte{cat}),
		"form with url":       form(t, nil, [2]string{"url", address}),
		"form with base64":    form(t, nil, [2]string{"image", code}),
		"no content type":     {Body: asJSON(t, object{"url": address}).Body},
		"charset":             {MediaType: "application/json; charset=utf-8", Body: asJSON(t, object{"url": address}).Body},
		"own labels":          asJSON(t, object{"image": code, "labels": o.Labels}),
		"own template":        asJSON(t, object{"image": code, "template": "{}"}),
		"form, own labels":    form(t, [][]byte{cat}, [2]string{"labels", o.Labels[0]}, [2]string{"labels", o.Labels[1]}, [2]string{"top_k", "2"}),
		"raw, own labels":     {MediaType: "image/jpeg", Body: cat, Parameters: url.Values{"labels": o.Labels, "top_k": {"2"}}},
		"form, query":         withQuery(form(t, [][]byte{cat}, [2]string{"template", "{}"}), url.Values{"labels": o.Labels, "top_k": {"2"}}),
		"JSON, query":         withQuery(asJSON(t, object{"image": code}), url.Values{"labels": o.Labels, "template": {"{}"}, "top_k": {"2"}}),
		"list, query":         withQuery(asJSON(t, []object{{"url": address}}), url.Values{"labels": o.Labels}),
		"format":              {MediaType: "image/jpeg", Body: cat, Parameters: url.Values{"format": {"object"}}},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := l.bytes(t, in)
			if err != nil {
				t.Fatal(err)
			}
			var got Result
			if err := json.Unmarshal(out.Body, &got); err != nil || out.MediaType != "application/json" {
				t.Fatalf("%s %s: %v", out.MediaType, out.Body, err)
			}
			if !slices.Equal(got.Labels, want.Labels) || len(got.Logits) != 1 || !near(got.Logits[0], want.Logits[0]) || !near(got.Probabilities[0], want.Probabilities[0]) {
				t.Errorf("got %s, not %+v", out.Body, want)
			}
		})
	}

	t.Run("format=list", func(t *testing.T) {
		in := asJSON(t, []object{{"url": address}, {"image": code}})
		in.Parameters = url.Values{"format": {"list"}}
		out, err := l.bytes(t, in)
		if err != nil {
			t.Fatal(err)
		}
		var rows [][]float32
		if err := json.Unmarshal(out.Body, &rows); err != nil || len(rows) != 2 || !near(rows[0], want.Probabilities[0]) || !near(rows[1], rows[0]) {
			t.Errorf("got %s: %v", out.Body, err)
		}
	})
}

// near allows for differences of ONNX Runtime's arithmetic, which depends on the size of the batch
// for example.
func near(got, want []float32) bool {
	return slices.EqualFunc(got, want, func(a, b float32) bool { return math.Abs(float64(a-b)) < 1e-4 })
}

func TestSeveralPicturesOwnLabelsAndTheBestOfThem(t *testing.T) {
	o := tiny(t)
	o.Template = "a photo of a {}"
	s := pictures(t, &o)
	l := load(t, o)
	labels := []string{"ship", "cat", "airplane", "dog", "truck"}
	predict := func(k int) Result {
		t.Helper()
		var urls []string
		for _, name := range []string{"cat_chelsea.png", "rocket.jpg", "coffee.jpg"} {
			urls = append(urls, s.URL+"/"+name)
		}
		body := map[string]any{"urls": urls, "labels": labels}
		if k > 0 {
			body["top_k"] = k
		}
		out, err := l.bytes(t, asJSON(t, body))
		if err != nil {
			t.Fatal(err)
		}
		var r Result
		if err := json.Unmarshal(out.Body, &r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	all := predict(0)
	if !slices.Equal(all.Labels, labels) || len(all.Probabilities) != 3 {
		t.Fatalf("got %+v", all)
	}
	for i, row := range all.Probabilities {
		sum := float32(0)
		for _, p := range row {
			sum += p
		}
		if math.Abs(float64(sum)-1) > 1e-5 || len(row) != len(labels) || len(all.Logits[i]) != len(labels) {
			t.Errorf("row %d: %v", i, row)
		}
		one, err := do(t.Context(), l.predict, Request{Pictures: []Picture{{URL: s.URL + "/" + []string{"cat_chelsea.png", "rocket.jpg", "coffee.jpg"}[i]}}, Labels: labels, TopK: 2})
		if err != nil {
			t.Fatal(err)
		}
		if got := one.Probabilities[0]; len(got) != 2 || got[0] < got[1] || math.Abs(float64(got[0]-slices.Max(row))) > 1e-4 || len(one.Labels) != 2 {
			t.Errorf("the best two of row %d, %v, are %v %v", i, row, one.Labels, got)
		}
	}
	best := predict(1)
	if len(best.Labels) > 3 || best.Labels[0] == "" || len(best.Probabilities) != 3 || len(best.Probabilities[0]) != len(best.Labels) || !slices.Contains(best.Labels, "cat") {
		t.Errorf("the best of each: %+v", best)
	}
	if most := predict(1000); len(most.Labels) != len(labels) {
		t.Errorf("more than there are: %v", most.Labels)
	}
}

func TestBadRequests(t *testing.T) {
	o := tiny(t)
	s := pictures(t, &o)
	l := load(t, o)
	cat := photo(t, "cat_chelsea.jpg")
	code := base64.StdEncoding.EncodeToString(cat)
	many := func(n int, f func(i int) string) string {
		all := make([]string, n)
		for i := range all {
			all[i] = f(i)
		}
		b, _ := json.Marshal(all)
		return string(b)
	}
	js := func(body string) engine.Input {
		return engine.Input{MediaType: "application/json", Body: []byte(body)}
	}
	withImage := func(rest string) engine.Input { return js(`{"image": "` + code + `", ` + rest + `}`) }
	whole, raw := form(t, [][]byte{cat}), engine.Input{MediaType: "image/jpeg", Body: cat}
	missing, huge := s.URL+"/none.jpg", strings.Repeat("m", 4<<20)
	for _, c := range []struct {
		name          string
		in            engine.Input
		code          apierr.Code
		reason, param string
		contains      string
	}{
		{"no body", engine.Input{}, "invalid_json", "", "", ""},
		{"not JSON", js(`{"url": `), "invalid_json", "", "", "byte 8"},
		{"two values", js(`{"url": "x"} {}`), "invalid_json", "", "", ""},
		{"a field twice", js(`{"url": "x", "url": "y"}`), "invalid_json", "", "", `"url" twice`},
		{"not UTF-8", js("{\"url\": \"\xff\"}"), "invalid_json", "", "", ""},
		{"a number", js(`7`), "invalid_input", ReasonWrongType, "", "the body"},
		{"a string", js(`"http://example.com/cat.jpg"`), "invalid_input", ReasonWrongType, "", ""},
		{"null", js(`null`), "invalid_input", ReasonMissing, "", ""},
		{"an empty object", js(`{}`), "invalid_input", ReasonMissing, "", `"url"`},
		{"an empty list", js(`[]`), "invalid_input", ReasonMissing, "", ""},
		{"no urls", js(`{"urls": []}`), "invalid_input", ReasonMissing, "", ""},
		{"labels only", js(`{"labels": ["a"]}`), "invalid_input", ReasonMissing, "", ""},
		{"an unknown field", withImage(`"lables": ["a"]`), "invalid_input", ReasonUnknownField, "lables", `did you mean "labels"?`},
		{"another", js(`{"uri": "x"}`), "invalid_input", ReasonUnknownField, "uri", `did you mean "url"?`},
		{"a longer one", js(`{"image_url": "x"}`), "invalid_input", ReasonUnknownField, "image_url", `did you mean`},
		{"a strange one", js(`{"prompt": "x"}`), "invalid_input", ReasonUnknownField, "prompt", "there are url, urls, image"},
		{"a huge one", js(`{"` + huge + `": "x"}`), "invalid_input", ReasonUnknownField, "", "mmm…"},
		{"a huge parameter", withQuery(withImage(`"top_k": 1`), url.Values{huge: {"1"}}), "invalid_input", ReasonUnknownField, "", "mmm…"},
		{"unknown in a list", js(`[{"uri": "x"}]`), "invalid_input", ReasonUnknownField, "uri", ""},
		{"an entry without picture", js(`[{"image": "` + code + `"}, {}]`), "invalid_input", ReasonMissing, "", "at 1"},
		{"an entry with two", js(`[{"image": "` + code + `", "url": "x"}]`), "invalid_input", ReasonTooMany, "", "only one"},
		{"url and image", withImage(`"url": "x"`), "invalid_input", ReasonTooMany, "", "only one"},
		{"url a number", js(`{"url": 7}`), "invalid_input", ReasonWrongType, "url", ""},
		{"urls a text", js(`{"urls": "x"}`), "invalid_input", ReasonWrongType, "urls", ""},
		{"labels a text", withImage(`"labels": "cat"`), "invalid_input", ReasonBadLabels, "labels", ""},
		{"a label a number", withImage(`"labels": ["cat", 7]`), "invalid_input", ReasonBadLabels, "labels", "labels 1"},
		{"no labels", withImage(`"labels": []`), "invalid_input", ReasonBadLabels, "labels", ""},
		{"an empty label", withImage(`"labels": ["cat", " "]`), "invalid_input", ReasonBadLabels, "labels", "labels[1]"},
		{"a label twice", withImage(`"labels": ["cat", "dog", "cat"]`), "invalid_input", ReasonBadLabels, "labels", "labels[2] is the same as labels[0]"},
		{"too many labels", withImage(`"labels": ` + many(1001, func(i int) string { return fmt.Sprint("label ", i) })), "invalid_input", ReasonBadLabels, "labels", "1001"},
		{"a long label", withImage(`"labels": ["` + strings.Repeat("a", 1001) + `"]`), "invalid_input", ReasonBadLabels, "labels", "1001"},
		{"a NUL", withImage(`"labels": ["a\u0000b"]`), "invalid_input", ReasonBadLabels, "labels", "NUL"},
		{"a template without placeholder", withImage(`"template": "a photo"`), "invalid_input", ReasonBadTemplate, "template", "{}"},
		{"a template with two placeholders", withImage(`"template": "{} and {}"`), "invalid_input", ReasonBadTemplate, "template", "has {} 2 times: it must be there once"},
		{"a long template", withImage(`"template": "{}` + strings.Repeat("a", 999) + `"`), "invalid_input", ReasonBadTemplate, "template", "1001"},
		{"a NUL in the template", withImage(`"template": "{}\u0000"`), "invalid_input", ReasonBadTemplate, "template", "NUL"},
		{"a template not in UTF-8", form(t, [][]byte{cat}, [2]string{"template", "a {} \xff"}), "invalid_input", ReasonBadTemplate, "template", "UTF-8"},
		{"a label not in UTF-8", form(t, [][]byte{cat}, [2]string{"labels", "cat"}, [2]string{"labels", "d\xffg"}), "invalid_input", ReasonBadLabels, "labels", "labels[1] is not UTF-8"},
		{"a query not in UTF-8", engine.Input{MediaType: "image/jpeg", Body: cat, Parameters: url.Values{"labels": {"\xff\xfe"}}}, "invalid_input", ReasonBadLabels, "labels", "labels[0] is not UTF-8"},
		{"an empty template", withImage(`"template": ""`), "invalid_input", ReasonBadTemplate, "template", "{}"},
		{"top_k zero", withImage(`"top_k": 0`), "invalid_input", ReasonBadTopK, "top_k", ""},
		{"top_k a fraction", withImage(`"top_k": 1.5`), "invalid_input", ReasonWrongType, "top_k", ""},
		{"top_k a text", form(t, [][]byte{cat}, [2]string{"top_k", "two"}), "invalid_input", ReasonBadTopK, "top_k", ""},
		{"too many urls", js(`{"urls": ` + many(33, func(int) string { return missing }) + `}`), "invalid_input", ReasonTooMany, "", "33"},
		{"too many files", form(t, make([][]byte, 33)), "invalid_input", ReasonTooMany, "", "33"},
		{"an unknown form field", form(t, [][]byte{cat}, [2]string{"label", "cat"}), "invalid_input", ReasonUnknownField, "label", `"labels"`},
		{"a cut form", engine.Input{MediaType: whole.MediaType, Body: whole.Body[:5000]}, "invalid_input", "bad_form", "", ""},
		{"a form without boundary", engine.Input{MediaType: "multipart/form-data", Body: cat}, "invalid_input", "bad_form", "", "boundary"},
		{"a form without picture", form(t, nil, [2]string{"labels", "cat"}), "invalid_input", ReasonMissing, "", ""},
		{"a text", engine.Input{MediaType: "text/plain", Body: []byte("cat")}, "unsupported_media_type", "", "", "text/plain"},
		{"a web form", engine.Input{MediaType: "application/x-www-form-urlencoded", Body: []byte("url=x")}, "unsupported_media_type", "", "", ""},
		{"a broken content type", engine.Input{MediaType: "/;;=", Body: cat}, "unsupported_media_type", "", "", ""},
		{"a misspelt parameter", withQuery(raw, url.Values{"lables": {"cat"}}), "invalid_input", ReasonUnknownField, "lables", `no parameter "lables": did you mean "labels"?`},
		{"the same beside JSON", withQuery(withImage(`"top_k": 1`), url.Values{"lables": {"cat"}}), "invalid_input", ReasonUnknownField, "lables", `did you mean "labels"?`},
		{"a strange parameter", withQuery(whole, url.Values{"bogus": {"1"}}), "invalid_input", ReasonUnknownField, "bogus", "there are labels, template, top_k, format"},
		{"a picture in the query", withQuery(js(`{}`), url.Values{"url": {missing}}), "invalid_input", ReasonUnknownField, "url", "there are labels, template, top_k, format"},
		{"labels in both", withQuery(withImage(`"labels": ["cat"]`), url.Values{"labels": {"dog"}}), "invalid_input", ReasonGivenTwice, "labels", "in the body or in the query"},
		{"a form's labels in both", withQuery(form(t, [][]byte{cat}, [2]string{"labels", "cat"}), url.Values{"labels": {"dog"}}), "invalid_input", ReasonGivenTwice, "labels", ""},
		{"a template in both", withQuery(withImage(`"template": "a {}"`), url.Values{"template": {"a {}"}}), "invalid_input", ReasonGivenTwice, "template", ""},
		{"top_k in both", withQuery(withImage(`"top_k": 1`), url.Values{"top_k": {"1"}}), "invalid_input", ReasonGivenTwice, "top_k", ""},
		{"top_k twice", withQuery(raw, url.Values{"top_k": {"1", "2"}}), "invalid_input", ReasonGivenTwice, "top_k", ""},
		{"a template twice", form(t, [][]byte{cat}, [2]string{"template", "a {}"}, [2]string{"template", "the {}"}), "invalid_input", ReasonGivenTwice, "template", ""},
		{"two formats", withQuery(raw, url.Values{"format": {"list", "object"}}), "invalid_input", ReasonGivenTwice, "format", ""},
		{"top_k a text in the query", withQuery(withImage(`"labels": ["cat", "dog"]`), url.Values{"top_k": {"two"}}), "invalid_input", ReasonBadTopK, "top_k", ""},
		{"an unknown format", engine.Input{MediaType: "image/jpeg", Body: cat, Parameters: url.Values{"format": {"xml"}}}, "invalid_input", "bad_format", "", "xml"},
		{"an empty picture", engine.Input{MediaType: "image/jpeg"}, "invalid_input", ReasonMissing, "", ""},
		{"an empty image", js(`{"image": ""}`), "invalid_input", ReasonNotAnImage, "", ""},
		{"an empty file", form(t, [][]byte{{}}), "invalid_input", ReasonNotAnImage, "", ""},
		{"not base64", js(`{"image": "cat.jpg"}`), "invalid_input", ReasonNotAnImage, "image", "base64"},
		{"an address as image", js(`{"image": "https://example.com/cat.jpg"}`), "invalid_input", ReasonNotAnImage, "image", `"url"`},
		{"a plain data URL", js(`{"image": "data:image/svg+xml,%3C?xml version='1.0'?%3E%3Csvg/%3E"}`), "invalid_input", ReasonUnsupportedImage, "", "SVG"},
		{"a badly escaped data URL", js(`{"image": "data:image/jpeg;base64,AAA%3"}`), "invalid_input", ReasonNotAnImage, "image", "not base64"},
		{"labels as a file", engine.Input{MediaType: "multipart/form-data; boundary=b", Body: []byte("--b\r\nContent-Disposition: form-data; name=\"labels\"; filename=\"labels.txt\"\r\n\r\ncat\r\n--b--\r\n")}, "invalid_input", ReasonWrongType, "labels", "\"labels\" is text: send it as a field"},
		{"a web page", engine.Input{MediaType: "image/jpeg", Body: []byte("<!doctype html><title>cat</title>")}, "invalid_input", ReasonNotAnImage, "", ""},
		{"half a picture", engine.Input{MediaType: "image/jpeg", Body: cat[:len(cat)/2]}, "invalid_input", ReasonTruncatedImage, "", ""},
		{"SVG", engine.Input{MediaType: "image/svg+xml", Body: []byte(`<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>`)}, "invalid_input", ReasonUnsupportedImage, "", "SVG"},
		{"AVIF", engine.Input{MediaType: "image/avif", Body: []byte("\x00\x00\x00\x20ftypavif\x00\x00\x00\x00")}, "invalid_input", ReasonUnsupportedImage, "", "AVIF"},
		{"an empty address", js(`{"url": ""}`), "invalid_input", ReasonBadURL, "", ""},
		{"a file's address", js(`{"url": "file:///etc/passwd"}`), "invalid_input", ReasonBadURL, "", ""},
		{"a data URL as address that is not base64", js(`{"url": "data:image/jpeg;base64,A"}`), "invalid_input", ReasonNotAnImage, "url", "not base64"},
		{"the second of two", js(`{"urls": ["data:image/jpeg;base64,` + code + `", "data:image/jpeg"]}`), "invalid_input", ReasonNotAnImage, "urls[1]", "urls[1]: a data URL needs a comma"},
		{"a data URL that is no picture", js(`{"url": "data:,Hello"}`), "invalid_input", ReasonNotAnImage, "", ""},
		{"a private address", js(`{"url": "http://10.0.0.1/cat.jpg"}`), "invalid_input", ReasonAddressNotAllowed, "", ""},
		{"a missing picture", js(`{"url": "` + missing + `"}`), "invalid_input", ReasonFetchFailed, "", "404"},
		{"one of two missing", js(`{"urls": ["` + s.URL + `/cat_chelsea.jpg", "` + missing + `"]}`), "invalid_input", ReasonFetchFailed, "urls[1]", "urls[1]: "},
		{"no picture at an address", js(`{"url": "` + s.URL + `/"}`), "invalid_input", ReasonNotAnImage, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := l.bytes(t, c.in)
			var e *apierr.Error
			if !errors.As(err, &e) {
				t.Fatalf("error %v", err)
			}
			if e.Code != c.code || e.Reason != c.reason || (c.param != "" && e.Param != c.param) || !strings.Contains(e.Message, c.contains) {
				t.Errorf("got %s/%s, param %q: %s\nwanted %s/%s, param %q: …%s…", e.Code, e.Reason, e.Param, e.Message, c.code, c.reason, c.param, c.contains)
			}
			if strings.Contains(e.Message, "127.0.0.1") || strings.Contains(e.Message, photoFolder()) || e.Message == "" || len(e.Message) > 1000 {
				t.Errorf("the message is %.1000q", e.Message)
			}
		})
	}
	if _, err := l.bytes(t, engine.Input{MediaType: "image/jpeg", Body: cat}); err != nil {
		t.Errorf("after all that: %v", err)
	}
}
