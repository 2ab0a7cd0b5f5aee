package gateway_test

import (
	"strings"
	"testing"

	"penstock/engine"
)

// Of a member that is named twice, programs take either: a gateway that checks one and a server
// that reads the other would not see the same request. So it is refused on every route, at any
// depth, by a message that names it.
func TestDoubledMembersAreRefusedOnEveryRoute(t *testing.T) {
	s := newServer(t, 1, 1, func(e *engine.Engine) {
		words(nil)(e)
		counter(e)
		tensors(nil)(e)
		remote(e)
		remoteServer(t, e)
	})
	id, url := create(t, s, "one two three")
	const message = `"messages":[{"role":"user","content":"hi"}]`
	for _, c := range []struct{ method, path, body, named string }{
		{"POST", chatPath, `{"model":"words","model":"remote",` + message + `}`, "model"},
		{"POST", chatPath, `{"model":"remote","model":"words",` + message + `}`, "model"},
		{"POST", chatPath, `{"model":"remote","mod\u0065l":"secret",` + message + `}`, "model"},
		{"POST", chatPath, `{"model":"upstream","model":"secret",` + message + `}`, "model"},
		{"POST", chatPath, `{"model":"upstream","stream":true,"stream":false,` + message + `}`, "stream"},
		{"POST", chatPath, `{"model":"upstream","messages":[{"role":"user","content":"hi","content":"ho"}]}`, "messages[0].content"},
		{"POST", chatPath, `{"model":"upstream",` + message + `,"new":{"a":[{"b":1,"b":2}]}}`, "new.a[0].b"},
		{"POST", chatPath, `{"model":"upstream","Model":"secret",` + message + `}`, "Model"},
		{"POST", chatPath, `{"model":"upstream","MODEL":"secret",` + message + `}`, "MODEL"},
		{"POST", "/v1/completions", `{"model":"upstream","model":"secret","prompt":"hi"}`, "model"},
		{"POST", "/v1/completions", `{"model":"upstream","prompt":"hi","prompt":["a","b"]}`, "prompt"},
		{"POST", "/v1/responses", `{"model":"upstream","model":"secret","input":"hi"}`, "model"},
		{"POST", "/v1/embeddings", `{"model":"upstream","model":"secret","input":"hi"}`, "model"},
		{"POST", "/v1/embeddings", `{"model":"upstream","input":"hi","input":"ho"}`, "input"},
		{"POST", "/v1/models/words/stream", `{"prompt":"a","prompt":"b"}`, "prompt"},
		{"POST", "/v1/models/words:predict", `{"prompt":"a","prompt":"b"}`, "prompt"},
		{"POST", "/v1/models/upstream:predict", `{"prompt":"a","Model":"secret"}`, "Model"},
		{"POST", "/v1/models/upstream/stream", `{"prompt":"a","model":"secret","model":"b"}`, "model"},
		{"POST", "/v1/models/counter/stream", `{"to":1,"to":2}`, "to"},
		{"POST", "/v1/streams", `{"model":"words","model":"counter","input":{"prompt":"a"}}`, "model"},
		{"POST", "/v1/streams", `{"model":"words","input":{"prompt":"a","prompt":"b"}}`, "input.prompt"},
		{"POST", "/v2/models/org/sum/infer", `{"inputs":[],"inputs":[{"name":"a","shape":[1],"datatype":"FP32","data":[1]}]}`, "inputs"},
		{"POST", "/v2/models/org/sum/infer", `{"inputs":[{"name":"a","name":"b","shape":[1],"datatype":"FP32","data":[1]}]}`, "name"},
		{"GET", "/v1/models/words/stream?prompt=a&prompt=b", "", "prompt"},
		{"GET", "/v1/models/upstream/stream?prompt=a&Model=secret", "", "Model"},
		{"GET", "/v1/models/counter/stream?to=1&to=2", "", "to"},
		{"GET", url + "?last_event_id=" + id + "-1&last_event_id=" + id + "-2", "", "Last-Event-ID"},
	} {
		w := s.record(request(c.method, c.path, c.body, "Content-Type", "application/json"))
		if w.Code != 400 || !strings.Contains(strings.ReplaceAll(w.Body.String(), `\"`, `'`), c.named) {
			t.Errorf("%s %s: %d %s", c.path, c.body, w.Code, w.Body)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
