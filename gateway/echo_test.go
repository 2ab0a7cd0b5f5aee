package gateway_test

import (
	"net/url"
	"strings"
	"testing"

	"penstock/engine"
)

// An error does not repeat what makes a request large: the name of a model that there is not, or
// any other text at fault. Nor does the log.
func TestErrorsDoNotEchoLongTexts(t *testing.T) {
	s := newServer(t, 1, 1, func(e *engine.Engine) {
		words(nil)(e)
		counter(e)
		tensors(nil)(e)
		tiny(t, e)
		remoteServer(t, e)
	})
	long := strings.Repeat("m", 300_000)
	user := `"messages":[{"role":"user","content":"hi"}]`
	infer := `{"inputs":[{"name":"` + long + `","shape":[1],"datatype":"` + long + `","data":[1]}]}`
	for _, c := range []struct{ method, path, body, media string }{
		{"POST", chatPath, `{"model":"` + long + `",` + user + `}`, ""},
		{"POST", "/v1/completions", `{"model":"` + long + `","prompt":"hi"}`, ""},
		{"POST", "/v1/responses", `{"model":"` + long + `","input":"hi"}`, ""},
		{"POST", "/v1/embeddings", `{"model":"` + long + `","input":"hi"}`, ""},
		{"POST", "/v1/streams", `{"model":"` + long + `","input":{}}`, ""},
		{"POST", "/v1/models/" + long + ":predict", `{}`, ""},
		{"GET", "/v1/models/" + long + "/stream?prompt=x", "", ""},
		{"GET", "/v1/models/" + long, "", ""},
		{"POST", "/v2/models/" + long + "/infer", infer, ""},
		{"GET", "/v2/models/" + long, "", ""},
		{"GET", "/" + long, "", ""},
		{"POST", chatPath, `{"model":"tiny","logit_bias":{"` + long + `":1},` + user + `}`, ""},
		{"POST", chatPath, `{"` + long + `":1,"` + long + `":2,` + user + `}`, ""},
		{"POST", chatPath, `{"model":"tiny","messages":[{"role":"` + long + `","content":"hi"}]}`, ""},
		{"POST", chatPath, `{"model":"tiny","messages":[{"role":"user","content":[{"type":"` + long + `"}]}]}`, ""},
		{"POST", chatPath, `{"model":"tiny","response_format":{"type":"` + long + `"},` + user + `}`, ""},
		{"POST", chatPath, `{"model":"tiny","tool_choice":"` + long + `",` + user + `}`, ""},
		{"POST", "/v1/models/words:predict", `{"` + long + `":1}`, ""},
		{"GET", "/v1/models/words/stream?" + long + "=1", "", ""},
		{"GET", "/v1/models/counter/stream?" + long + "=1", "", ""},
		{"POST", "/v1/models/counter/stream", `{"` + long + `":1}`, ""},
		{"POST", "/v1/streams", `{"` + long + `":1,"` + long + `":2}`, ""},
		{"POST", "/v1/models/tiny:predict", `{"` + long + `":1}`, ""},
		{"POST", "/v1/models/tiny:predict", `{"` + long + `":1,"` + long + `":2}`, ""},
		{"POST", "/v1/models/tiny:predict?" + long + "=1", `{}`, ""},
		{"POST", "/v1/models/tiny:predict?format=" + long, `{"image":"AAAA"}`, ""},
		{"POST", "/v1/models/tiny:predict", `{}`, long},
		{"POST", "/v1/models/tiny:predict", `{"url":"` + long + `://x/"}`, ""},
		{"POST", "/v2/models/org/sum/infer", infer, ""},
		{"POST", "/v2/models/org/sum/infer", `{"` + long + `":1,"` + long + `":2}`, ""},
		{"POST", "/v2/models/org/sum/infer", `{"inputs":[],"outputs":[{"name":"` + long + `"},{"name":"` + long + `"}]}`, ""},
	} {
		if c.media == "" {
			c.media = "application/json"
		}
		r := request(c.method, "/", c.body, "Content-Type", c.media)
		target, err := url.Parse("http://localhost" + c.path)
		if err != nil {
			t.Fatal(err)
		}
		r.URL = target
		w := s.record(r)
		if body := w.Body.String(); w.Code < 400 || len(body) > 2000 {
			t.Errorf("%s %.60s %.60s: %d, %d bytes: %.200s", c.method, c.path, c.body, w.Code, len(body), body)
		}
		if strings.Contains(c.body+c.path, `"model":"mmm`) && strings.Contains(w.Body.String(), "mmm") {
			t.Errorf("%s: the name is echoed: %.300s", c.path, w.Body)
		}
	}
	if log := s.log.String(); strings.Contains(log, strings.Repeat("m", 300)) {
		t.Errorf("the log has one of the texts, %d bytes in all", len(log))
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
