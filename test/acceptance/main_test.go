package acceptance

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"penstock/test/server"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.ReleaseMode)
	server.Main(m)
}

// bothModels is the part of a configuration that names the two models of every installation.
// Pictures may be fetched from the test's own machine.
const bothModels = `
models:
  - {name: clip, kind: clip, path: "ROOT/models/clip-tiny", labels: ["a photo of a cat", "a photo of a dog"], fetch: {allow: [127.0.0.0/8]}}
  - {name: smollm2, kind: onnx-llm, path: "ROOT/.penstock/models/smollm2-135m-instruct", max_tokens: 32}
`

// client is a client of a penstock: of another process, or of one in the test's own.
type client struct{ *server.Client }

// start runs the binary with that configuration and environment.
func start(t *testing.T, config string, env ...string) (client, *server.Process) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(server.Root(t), ".penstock", "models", "smollm2-135m-instruct", "tokenizer.json")); err != nil {
		t.Fatal("SmolLM2 is missing: run make setup")
	}
	p := server.Start(t, server.Options{Config: config, Env: env})
	return client{p.Client()}, p
}

// photo reads a photo of the repository's.
func photo(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(server.Root(t), "clip", "testdata", "photos", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// chunks is the metric that counts the chunks of the local model.
const chunks = `penstock_stream_chunks_total{model="smollm2"}`

// checkBothModels checks that both models serve requests.
func (c client) checkBothModels() {
	c.Helper()
	r := c.Do(http.MethodPost, "/v1/models/clip:predict", string(photo(c, "cat_chelsea.jpg")), "Content-Type", "image/jpeg")
	if r.Status != http.StatusOK || !strings.HasPrefix(r.Body, `{"labels":["a photo of a cat"`) {
		c.Fatalf("CLIP does not serve: %d %s", r.Status, r.Body)
	}
	r = c.Post("/v1/chat/completions", `{"model":"smollm2","messages":[{"role":"user","content":"Hello"}],"max_tokens":2}`)
	if r.Status != http.StatusOK || !strings.Contains(r.Body, `"object":"chat.completion"`) {
		c.Fatalf("SmolLM2 does not serve: %d %s", r.Status, r.Body)
	}
}

// endless is a prompt whose completion lasts longer than any test: its end tokens are forbidden.
const endless = `{"prompt":"Tell me everything about the sea.","max_tokens":8000,"logit_bias":{"0":-100,"2":-100}}`

// holdPermit starts a generation that holds a permit until the stream is closed.
func (c client) holdPermit() *server.Stream {
	c.Helper()
	s := c.Open(http.MethodPost, "/v1/models/smollm2/stream", endless)
	s.Until("")
	return s
}

// checkAllSucceed waits for all responses, which must have status 200.
func (c client) checkAllSucceed(all []server.Pending) {
	c.Helper()
	for i, pending := range all {
		if r := <-pending.Response; r.Status != http.StatusOK {
			c.Errorf("request %d: %d %s", i, r.Status, r.Body)
		}
	}
}
