package gateway_test

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"penstock/dialect/openinference"
	"penstock/engine"
)

// tensors adds a model "org/sum" for the Open Inference Protocol: it adds up its inputs.
func tensors(load func(context.Context) error) func(*engine.Engine) {
	return func(e *engine.Engine) {
		m := e.Add("org/sum", engine.Lifecycle{Kind: "test", Load: load})
		engine.Predicts(m, "infer", engine.Predictor[*openinference.Request, float32, float32, *openinference.Response]{
			Preprocess: func(_ context.Context, r *openinference.Request) (sum float32, err error) {
				for _, in := range r.Inputs {
					for _, f := range in.Floats {
						sum += f
					}
				}
				return sum, nil
			},
			Predict: same[float32],
			Postprocess: func(_ context.Context, f float32) (*openinference.Response, error) {
				return &openinference.Response{Model: "org/sum", Outputs: []openinference.Tensor{{Name: "sum", Shape: []int64{1}, Floats: []float32{f}}}, Binary: []bool{f > 100}}, nil
			},
		})
	}
}

func TestOpenInferenceProtocol(t *testing.T) {
	s := newServer(t, 1, 1, func(e *engine.Engine) { tensors(nil)(e); words(nil)(e) })
	const infer = "/v2/models/org/sum/infer"
	const long = `{"inputs":[{"name":"a","shape":[2],"datatype":"FP32","data":[1,2]}]}`
	for _, c := range []struct {
		method, path, body string
		status             int
		part               string
	}{
		{"GET", "/v2", "", 200, `"name":"penstock","version":"`},
		{"GET", "/v2/health/live", "", 200, `{"live":true}`},
		{"HEAD", "/v2/health/live", "", 200, ``},
		{"GET", "/v2/health/ready", "", 200, `{"ready":true,"status":"ready"`},
		{"GET", "/v2/models/org/sum", "", 200, `{"name":"org/sum","versions":["1"],"platform":"test","inputs":[],"outputs":[]}`},
		{"GET", "/v2/models/org/sum/versions/1", "", 200, `{"name":"org/sum","versions":["1"],`},
		{"GET", "/v2/models/org/sum/versions/1/ready", "", 200, `{"name":"org/sum","ready":true}`},
		{"GET", "/v2/models/org/sum/versions/1/infer", "", 405, `{"error":"POST the tensors to infer"}`},
		{"POST", "/v2/models/org/sum/versions/1/infer", long, 200, `"data":[3]`},
		{"POST", "/v2/models/org/sum/versions/2/infer", long, 404, `{"error":"model org/sum has no version \"2\": its only one is 1"}`},
		{"GET", "/v2/models/org/sum/versions/2/ready", "", 404, `has no version`},
		{"GET", "/v2/models/org/sum/versions/2/config", "", 404, `has no version`},
		{"GET", "/v2/models/org/sum/versions/" + strings.Repeat("9", 5000), "", 404, `has no version`},
		{"GET", "/v2/models/org/sum/config", "", 200, `{"name":"org/sum","platform":"test","backend":"","version_policy":{"latest":{"num_versions":1}},"max_batch_size":0,"input":[],"output":[]}`},
		{"GET", "/v2/models/org/sum/versions/1/config", "", 200, `"max_batch_size":0`},
		{"GET", "/v2/models/none/config", "", 404, `{"error":"there is no model`},
		{"POST", "/v2/repository/index", "", 200, `[{"name":"org/sum","version":"1","state":"READY","reason":""},{"name":"words","version":"1","state":"READY","reason":""}]`},
		{"POST", "/v2/repository/index", `{"ready":true}`, 200, `[{"name":"org/sum",`},
		{"POST", "/v2/repository/index", `[`, 400, `{"error":"the body must be empty`},
		{"POST", "/v2/repository/models/org/sum/load", "{}", 400, `{"error":"model \"org/sum\" cannot be loaded by a request`},
		{"POST", "/v2/repository/models/org/sum/unload", "", 400, `{"error":"model \"org/sum\" cannot be unloaded by a request`},
		{"POST", "/v2/repository/models/org/sum", "", 404, `{"error":"there is nothing here`},
		{"GET", "/v2/models/org/sum/stats", "", 404, `does not have Triton's extension for statistics`},
		{"POST", "/v2/models/words/generate", "", 404, `does not have Triton's extension for generate: POST to /v1/models/{name}:predict`},
		{"GET", "/v2/models/org/sum/ready", "", 200, `{"name":"org/sum","ready":true}`},
		{"GET", "/v2/models/words", "", 200, `{"name":"words","versions":["1"],"platform":"test","inputs":[],"outputs":[]}`},
		{"GET", "/v2/models/words/ready", "", 200, `{"name":"words","ready":true}`},
		{"POST", infer, long, 200, `{"model_name":"org/sum","outputs":[{"name":"sum","datatype":"FP32","shape":[1],"data":[3]}]}`},
		{"POST", infer, `{`, 400, `{"error":"the request is not the JSON that is wanted here, from byte 1 on"}`},
		{"POST", infer, strings.Repeat(" ", 1<<20+1), 413, `{"error":"`},
		{"POST", "/v2/models/none/infer", long, 404, `{"error":"there is no model \"none\"`},
		{"GET", "/v2/models/none/ready", "", 404, `{"error":"there is no model`},
		{"GET", "/v2/models/", "", 404, `{"error":"name a model`},
		{"POST", "/v2/models/org/sum", long, 404, `{"error":"POST to /v2/models/{name}/infer"}`},
		{"POST", "/v2/models/words/infer", long, 406, `cannot infer; it can predict, stream`},
		{"GET", infer, "", 405, `{"error":"POST the tensors to infer"}`},
		{"DELETE", "/v2/models/words", "", 405, `{"error":"this address takes `},
		{"GET", "/v2/nowhere", "", 404, `{"error":"there is nothing here`},
	} {
		w := s.record(request(c.method, c.path, c.body))
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.part) {
			t.Errorf("%s %s: %d %s", c.method, c.path, w.Code, w.Body)
		}
	}
	if text := metrics(s); !strings.Contains(text, `penstock_http_requests_total{code="200",method="POST",route="/v2/models/{name}/infer"} 2`) {
		t.Error("the route is not counted by its name")
	}
	s.Drain()
	for _, path := range []string{"/v2/health/ready", "/v2/models/org/sum/ready"} {
		if w := s.record(request("GET", path, "")); w.Code != 503 {
			t.Errorf("while draining, %s: %d %s", path, w.Code, w.Body)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// The length of the JSON part has a header of its own in both directions.
func TestOpenInferenceProtocolInBytes(t *testing.T) {
	s := newServer(t, 1, 1, tensors(nil))
	const head = `{"inputs":[{"name":"a","shape":[1],"datatype":"FP32","parameters":{"binary_data_size":4}}]}`
	w := s.record(request("POST", "/v2/models/org/sum/infer", head+"\x00\x00\x00\x43", "Content-Type", "application/octet-stream", openinference.HeaderName, "91"))
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/octet-stream" {
		t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	n, err := strconv.Atoi(w.Header().Get(openinference.HeaderName))
	if body := w.Body.String(); err != nil || n > len(body) || !json.Valid([]byte(body[:n])) || body[n:] != "\x00\x00\x00\x43" {
		t.Errorf("%d of %q: %v", n, body, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestOpenInferenceProtocolOfAModelThatFailed(t *testing.T) {
	s := newServer(t, 1, 1, tensors(func(context.Context) error { return json.Unmarshal([]byte("{"), new(int)) }))
	for path, part := range map[string]string{
		"/v2/models/org/sum/ready": `{"name":"org/sum","ready":false}`,
		"/v2/models/org/sum":       `{"error":"model \"org/sum\" could not be loaded`,
		"/v2/health/ready":         `{"ready":false,"status":"failed"`,
	} {
		if w := s.record(request("GET", path, "")); w.Code != 503 || !strings.Contains(w.Body.String(), part) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
