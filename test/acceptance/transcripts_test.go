package acceptance

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	test "penstock/llm/upstream/upstreamtest"
	"penstock/test/server"
	"penstock/test/testmodel"
)

// Tools, several choices, logprobs, reasoning and the rest of OpenAI's dialect are passed from the
// upstream to the client byte for byte, streaming (.sse) and not (.json).
func TestUpstreamTranscriptsArePassedOnUnchanged(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(server.Root(t), "llm", "upstream", "testdata", "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			transcript, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			streams, kind, n := filepath.Ext(file) == ".sse", "application/json", 1
			if streams {
				kind = "text/event-stream"
			}
			if strings.HasPrefix(filepath.Base(file), "several") {
				n = 2
			}
			s := httptest.NewServer(test.New(test.Script{test.Answer(http.StatusOK, string(transcript), "Content-Type", kind)}))
			defer s.Close()
			address, stop := startRelay(t, s.URL, longTimeouts(), testmodel.Options{}, &outcomeCounter{})
			defer stop()
			c := server.NewClient(t, "http://"+address)
			r := c.Do(http.MethodPost, "/v1/chat/completions", fmt.Sprintf(`{"model":"gpt","stream":%t,"n":%d}`, streams, n))
			if r.Body != string(transcript) {
				t.Errorf("the client received %q", r.Body)
			}
		})
	}
}
