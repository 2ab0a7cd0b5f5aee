package acceptance

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	test "penstock/llm/upstream/upstreamtest"
)

// Tools, several answers, logprobs, reasoning and what else OpenAI's dialect has: what an upstream sends, the client gets,
// byte for byte, streaming (.sse) and not (.json).
func TestTranscripts(t *testing.T) {
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
			server := httptest.NewServer(test.New(test.Script{test.Answer(http.StatusOK, string(transcript), "Content-Type", kind)}))
			defer server.Close()
			address, stop := fault{}.serve(t, server.URL, &tally{})
			defer stop()
			h := newHouse(t, "http://"+address)
			request, err := http.NewRequestWithContext(c.Context(), http.MethodPost, c.URL+"/v1/chat/completions", strings.NewReader(fmt.Sprintf(`{"model":"gpt","stream":%t,"n":%d}`, streams, n)))
			if err != nil {
				t.Fatal(err)
			}
			server.Response, err := c.HTTP.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			if got, err := io.ReadAll(answer.Body); err != nil || string(got) != string(transcript) {
				t.Errorf("what came is %q, %v", got, err)
			}
		})
	}
}
