package gateway_test

import (
	"encoding/json"
	"strings"
	"testing"

	"penstock/dialect/dialecttest"
	"penstock/engine"
	"penstock/gateway"
)

// A client whose base URL is wrong is told which one is right, whatever the route, the method and
// the mistake are; in OpenAI's form, as that is what it can show.
func TestABaseURLThatIsWrongIsCorrected(t *testing.T) {
	s := newServer(t, 1, 1, func(e *engine.Engine) { words(nil)(e); tensors(nil)(e) }, func(o *gateway.Options) {
		o.Dialects = []gateway.Dialect{{Path: "/v1/toy", Codec: dialecttest.Toy()}}
	})
	for _, path := range []string{
		"/chat/completions", "/completions", "/responses", "/embeddings", "/toy", "/models", "/streams",
		"/models/words", "/models/words:predict", "/models/org/sum/stream", "/streams/0123",
	} {
		for _, base := range []string{"", "/", "/v1/v1", "//v1", "/v1/", "/v1//", "/v1/v1/v1", "/openai/v1", "/api/v1", "/v2/v1", "/v1/chat/completions/v1", "/v1/chat/completions"} {
			for _, method := range []string{"GET", "POST", "DELETE"} {
				w := s.record(request(method, base+path, `{"model":"words"}`))
				var e struct {
					Error struct {
						Message, Type, Code string
						Param               *string
					}
				}
				if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil {
					t.Errorf("%s %s: %v: %s", method, base+path, err, w.Body)
				}
				if w.Code != 404 || e.Error.Type != "invalid_request_error" || e.Error.Code != "unknown_url" ||
					!strings.Contains(e.Error.Message, "your base URL must end in /v1") || !strings.Contains(e.Error.Message, "so that the path is /v1"+path) {
					t.Errorf("%s %s: %d %s", method, base+path, w.Code, w.Body)
				}
			}
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestWrongTurns(t *testing.T) {
	s := newServer(t, 1, 1, func(e *engine.Engine) { words(nil)(e) })
	const here = "this server has OpenAI's API for a base URL that ends in /v1 (/v1/models, /v1/embeddings, /v1/chat/completions, /v1/completions, /v1/responses), the Open Inference Protocol (/v2)"
	const has = "it has OpenAI's API for a base URL that ends in /v1 ("
	for _, c := range []struct{ method, path, want string }{
		{"POST", "/api/chat", "this server has no Ollama API; " + has},
		{"POST", "/api/generate", "no Ollama API; " + has},
		{"GET", "/api/tags", "no Ollama API; " + has},
		{"HEAD", "/api/blobs/sha256:1", ""},
		{"POST", "//api/chat", "no Ollama API; " + has},
		{"POST", "/v1/messages", "no Anthropic API; " + has},
		{"POST", "/v1/messages/count_tokens", "no Anthropic API; " + has},
		{"POST", "/v1/v1/messages", "no Anthropic API; " + has},
		{"POST", "//v1//messages", "no Anthropic API; " + has},
		{"POST", "/v1beta/models/gemini-2.5-pro:generateContent", "no Gemini API; " + has},
		{"POST", "/v1/models/gemini-2.5-pro:streamGenerateContent", "no Gemini API; " + has},
		{"POST", "/v1/projects/p/locations/l/publishers/google/models/m:predict", "no Gemini API; " + has},
		{"POST", "/v2/chat", "no Cohere API; " + has},
		{"POST", "/openai/deployments/gpt/chat/completions", "no Azure OpenAI API with deployments; " + has},
		{"POST", "/model/anthropic.claude/converse", "no Bedrock API; " + has},
		{"POST", "/generate_stream", "no Text Generation Inference API; " + has},
		{"POST", "/v1/audio/speech", here},
		{"GET", "/v1", here},
		{"GET", "/v1/", here},
		{"POST", "/v1/chat/completions/", "the path is /v1/chat/completions, without a slash at its end"},
		{"GET", "/v2/models", `{"error":"there is no GET /v2/models: POST /v2/repository/index lists the models"}`},
		{"GET", "//v2//models/", `{"error":"there is no GET //v2//models/: POST /v2/repository/index lists the models"}`},
		{"GET", "/nowhere", "there is nothing here"},
		{"POST", "/v1/" + strings.Repeat("x", 5000), here},
	} {
		w := s.record(request(c.method, c.path, "{}"))
		if w.Code != 404 || !strings.Contains(w.Body.String(), c.want) || w.Body.Len() > 1200 {
			t.Errorf("%s %.100s: %d %s", c.method, c.path, w.Code, w.Body)
		}
	}
	for _, c := range []struct{ path, want string }{
		{"/v1/v2/models/sum", `{"error":"there is no GET /v1/v2/models/sum: the path is /v2/models/sum, and a client's URL must be the server's address without a path"}`},
		{"//v2/health/ready", `{"error":"there is no GET //v2/health/ready: the path is /v2/health/ready,`},
		{"/v2/", `{"error":"there is no GET /v2/: the path is /v2, without a slash at its end"}`},
	} {
		if w := s.record(request("GET", c.path, "")); w.Code != 404 || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s: %d %s", c.path, w.Code, w.Body)
		}
	}
	for _, method := range []string{"GET", "HEAD"} {
		if w := s.record(request(method, "/health", "")); w.Code != 200 || !strings.Contains(w.Body.String(), `{"status":"ok"}`) {
			t.Errorf("%s /health: %d %s", method, w.Code, w.Body)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// Ids of other systems are kept: those of paths, of Base64, of mail addresses and of traces.
func TestRequestIDsThatAreKept(t *testing.T) {
	s := newServer(t, 1, 1, words(nil))
	for _, id := range []string{"a@b.example", "req/1/2", "YWJj+/==", "Root=1-67891233-abcdef012345678912345678", "a:b_c-d.e"} {
		if got := s.record(request("GET", "/healthz", "", "X-Request-Id", id)).Header().Get("X-Request-Id"); got != id {
			t.Errorf("%s became %s", id, got)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
