package dialect_test

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"

	"penstock/dialect"
)

// form is a multipart form of the parts, with the boundary B.
func form(parts ...string) string {
	return "--B\r\n" + strings.Join(parts, "\r\n--B\r\n") + "\r\n--B--\r\n"
}

const (
	fileFirst      = "Content-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\nRIFF\r\n--\r\n\x00\xff"
	modelField     = "Content-Disposition: form-data; name=\"model\"\r\n\r\nold"
	mediaMultipart = "multipart/form-data; boundary=B"
)

func passCall(query, media, body string) (*dialect.PassCall, error) {
	c := &dialect.PassCall{Call: dialect.Call{MediaType: media, Body: []byte(body)}, Method: "POST", Path: "x", RawQuery: query}
	return c, c.ReadPass()
}

// Every byte but the name's stays as it is.
func TestOnlyTheModelsNameOfARequestIsReplaced(t *testing.T) {
	for name, r := range map[string]struct{ query, media, body string }{
		"JSON":              {"", "application/json", `{"a": {"model":"x"},  "model" : "old" , "n":1.50}`},
		"JSON, escaped":     {"", "application/json; charset=utf-8", `{"model":"\u006fld"}`},
		"another JSON":      {"", "application/vnd.x+json", `{"model":"old"}`},
		"JSON, unlabeled":   {"", "", ` {"model":"old"}`},
		"JSON, mislabeled":  {"", "text/plain", `{"model":"old"}`},
		"JSON of curl":      {"", "application/x-www-form-urlencoded", `{"model":"old","x":"&y=1"}`},
		"a query":           {"a=%20&model=old&&b", "", ""},
		"a query and JSON":  {"model=old", "application/json", `{"model":"old"}`},
		"a query, escaped":  {"%6dodel=%6fld", "audio/wav", "RIFF"},
		"a form":            {"", "application/x-www-form-urlencoded", "a=1&model=old"},
		"a field":           {"", mediaMultipart, form(modelField, fileFirst)},
		"a field after":     {"", mediaMultipart, form(fileFirst, modelField)},
		"an epilogue":       {"", mediaMultipart, form(modelField) + "more\r\n--B\r\n"},
		"a field of a type": {"", `multipart/form-data; boundary="B"`, form("content-type: text/plain\r\ncontent-disposition: form-data; name=model\r\n\r\nold")},
		"blanks":            {"", mediaMultipart, strings.Replace(form(modelField), "--B\r\n", "--B \t\r\n", 1)},
	} {
		c, err := passCall(r.query, r.media, r.body)
		if err != nil || c.Model != "old" {
			t.Errorf("%s: model %q, %v", name, c.Model, err)
			continue
		}
		query, pieces := c.For("new/1")
		replace := func(s, with string) string { // only the first one, and never in another object
			for _, old := range []string{`"\u006fld"`, `"old"`, "%6fld", "old"} {
				if quoted := strings.HasPrefix(old, `"`); strings.Contains(s, old) {
					if quoted {
						with = `"new/1"`
					}
					return strings.Replace(s, old, with, 1)
				}
			}
			return s
		}
		if want := replace(r.query, "new%2F1"); query != want {
			t.Errorf("%s: the query is %s, not %s", name, query, want)
		}
		formWants := "new/1"
		if strings.Contains(r.media, "urlencoded") {
			formWants = "new%2F1"
		}
		if got, want := string(bytes.Join(pieces, nil)), replace(r.body, formWants); got != want {
			t.Errorf("%s: the body is %q, not %q", name, got, want)
		}
		if string(c.Body) != r.body {
			t.Errorf("%s: the client's own body is changed", name)
		}
	}
}

func TestARequestWithoutAModelStaysAsItIs(t *testing.T) {
	for name, r := range map[string]struct{ query, media, body string }{
		"nothing": {}, "a query": {"x=1", "", ""}, "JSON": {"", "application/json", `{"x":{"model":"y"}}`}, "bytes": {"", "audio/wav", "RIFF model=x"}, "silence": {"", "audio/pcm", "\x00\x00\x00\x00{\x00"},
		"a form": {"", "application/x-www-form-urlencoded", "models=1"}, "a multipart form": {"", mediaMultipart, form(fileFirst)},
		"an empty part": {"", mediaMultipart, form("Content-Disposition: form-data; name=x\r\n\r\n", fileFirst)},
	} {
		c, err := passCall(r.query, r.media, r.body)
		if err != nil || c.Model != "" {
			t.Errorf("%s: model %q, %v", name, c.Model, err)
			continue
		}
		if query, pieces := c.For("new"); query != r.query || string(bytes.Join(pieces, nil)) != r.body {
			t.Errorf("%s: got %q %q", name, query, pieces)
		}
	}
	for body, want := range map[string]string{`{"model":null}`: `{"model":"new"}`, `{"model":""}`: `{"model":"new"}`} {
		c, err := passCall("", "application/json", body)
		if _, pieces := c.For("new"); err != nil || c.Model != "" || string(bytes.Join(pieces, nil)) != want {
			t.Errorf("%s: %q, %q, %v", body, c.Model, pieces, err)
		}
	}
	if c, err := passCall("a&model", "", ""); err != nil || c.Model != "" {
		t.Errorf("model %q, %v", c.Model, err)
	} else if query, _ := c.For("new"); query != "a&model=new" {
		t.Errorf("the query is %s", query)
	}
}

// A key may be allowed one model only: no server must read another name than the gateway.
func TestRequestsThatServersCouldReadDifferentlyAreRefused(t *testing.T) {
	second := strings.Replace(modelField, "old", "other", 1)
	for name, r := range map[string]struct{ query, media, body string }{
		"two in a query":               {"model=old&model=other", "", ""},
		"query and JSON":               {"model=old", "application/json", `{"model":"other"}`},
		"query and field":              {"model=old", mediaMultipart, form(second)},
		"two members":                  {"", "application/json", `{"model":"old","model":"other"}`},
		"another case":                 {"", "application/json", `{"Model":"old"}`},
		"no name":                      {"", "application/json", `{"model":1}`},
		"JSON that is cut":             {"", "application/json", `{"model":"old"`},
		"a list":                       {"", "application/json", `[{"model":"old"}]`},
		"a mark":                       {"", "text/plain", "\ufeff{\"model\":\"old\"}"},
		"UTF-16":                       {"", "application/json", "{\x00\"\x00m\x00"},
		"JSON and a form":              {"", "application/x-www-form-urlencoded", `{"a":"&model=other&"}`},
		"a semicolon":                  {"a=1;model=old", "", ""},
		"a bad escape":                 {"model=%zz", "", ""},
		"two fields":                   {"", mediaMultipart, form(modelField, fileFirst, second)},
		"no boundary":                  {"", "multipart/form-data", form(modelField)},
		"another boundary":             {"", "multipart/form-data; boundary=C", form(modelField)},
		"two boundaries":               {"", "multipart/form-data; boundary=B; boundary=C", form(modelField)},
		"a preamble":                   {"", mediaMultipart, "x\r\n" + form(modelField)},
		"no end":                       {"", mediaMultipart, strings.TrimSuffix(form(modelField), "--B--\r\n")},
		"line feeds":                   {"", mediaMultipart, strings.ReplaceAll(form(modelField), "\r", "")},
		"a longer boundary":            {"", mediaMultipart, strings.Replace(form(modelField, fileFirst), "\r\n--B\r\n", "\r\n--BB\r\n", 1)},
		"a file as a name":             {"", mediaMultipart, form("Content-Disposition: form-data; name=model; filename=x\r\n\r\nold")},
		"a coded name":                 {"", mediaMultipart, form("Content-Disposition: form-data; name=model\r\nContent-Transfer-Encoding: base64\r\n\r\nb2xk")},
		"name*":                        {"", mediaMultipart, form("Content-Disposition: form-data; name=model; name*=utf-8''x\r\n\r\nold")},
		"a backslash":                  {"", mediaMultipart, form("Content-Disposition: form-data; name=\"mo\\del\"\r\n\r\nold")},
		"two names":                    {"", mediaMultipart, form("Content-Disposition: form-data; name=x; name=model\r\n\r\nold")},
		"two dispositions":             {"", mediaMultipart, form("Content-Disposition: form-data; name=x\r\nContent-Disposition: form-data; name=model\r\n\r\nold")},
		"a folded line":                {"", mediaMultipart, form("Content-Disposition: form-data;\r\n name=model\r\n\r\nold")},
		"no disposition":               {"", mediaMultipart, form("Content-Type: text/plain\r\n\r\nold")},
		"no head":                      {"", mediaMultipart, form("\r\nold")},
		"a head without end":           {"", mediaMultipart, form("Content-Disposition: form-data; name=model\r\nold")},
		"too many parts":               {"", mediaMultipart, form(strings.Split(strings.Repeat("Content-Disposition: form-data; name=x\r\n\r\n|", 1001), "|")...)},
		"a field, other case":          {"", mediaMultipart, form(strings.Replace(modelField, `"model"`, `"Model"`, 1))},
		"a query, other case":          {"MODEL=old", "", ""},
		"a form, other case":           {"", "application/x-www-form-urlencoded", "a=1&Model=old"},
		"name* after a tab":            {"", mediaMultipart, form("Content-Disposition: form-data; name=\"model\";\tname*=utf-8''x\r\n\r\nold")},
		"name* after a no-break space": {"", mediaMultipart, form("Content-Disposition: form-data; name=\"model\";\u00a0name*=utf-8''x\r\n\r\nold")},
		"a name in a quoted text":      {"", mediaMultipart, form(`Content-Disposition: form-data; q="a\"; name=model; y=\"z"; name="x"` + "\r\n\r\nold")},
		"a part within a part":         {"", mediaMultipart, form(fileFirst + "\n--B\nContent-Disposition: form-data; name=\"model\"\n\nold\n--B\nContent-Disposition: form-data; name=\"x\"\n\n")},
		"a boundary within a line":     {"", mediaMultipart, form(fileFirst + "--B\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nold")},
		"boundary*":                    {"", "multipart/form-data; boundary*=utf-8''B; boundary=C", form(fileFirst)},
		"a boundary in parts":          {"", "multipart/form-data; boundary*0=B", form(fileFirst)},
		"an escaped boundary":          {"", `multipart/form-data; boundary="B\"C"`, strings.ReplaceAll(form(fileFirst), "--B", `--B"C`)},
		"a mixed form":                 {"", "multipart/mixed; boundary=B", form(modelField)},
		"a related form":               {"", "multipart/related; boundary=B", form(modelField, fileFirst)},
		"UTF-16, mislabeled":           {"", "audio/wav", "\x00{\x00\"\x00m"},
		"UTF-16 with a mark":           {"", "text/plain", "\xff\xfe{\x00\"\x00m\x00"},
		"UTF-32 and a blank":           {"", "text/plain", "\x00\x00\x00 \x00\x00\x00{\x00\x00\x00\"\x00"},
		"a malformed type":             {"", "multipart/form-data; boundary", form(modelField)},
	} {
		c, err := passCall(r.query, r.media, r.body)
		if e, ok := errors.AsType[*dialect.Error](err); !ok || e.Status != http.StatusBadRequest {
			t.Errorf("%s: model %q, %v", name, c.Model, err)
		}
	}
}

func TestTheTextOfARequestThatIsPassedThroughIsExpected(t *testing.T) {
	for body, want := range map[string]dialect.Expectation{
		`{"model":"m","input":"12345678"}`:                               {PromptTokens: 2},
		`{"model":"m","prompt":"12345678","n":3}`:                        {PromptTokens: 2},
		`{"model":"m","query":"1234","documents":["1234",{"a":"1234"}]}`: {PromptTokens: 3},
		`{"model":"m","messages":[{"content":"1234"}],"max_tokens":9}`:   {PromptTokens: 1, MaxTokens: 9},
	} {
		c, err := passCall("", "application/json", body)
		if got := c.Expectation(); err != nil || got != want {
			t.Errorf("%s: %+v, %v", body, got, err)
		}
	}
	if c, err := passCall("", mediaMultipart, form(modelField, fileFirst)); err != nil || c.Expectation() != (dialect.Expectation{}) {
		t.Errorf("of a file %+v is expected, %v", c.Expectation(), err)
	}
}
