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
			r := c.Do(http.MethodPost, "/v1/chat/completions", fmt.Sprintf(`{"model":"gpt","stream":%t,"n":%d,"stream_options":{"include_usage":%[1]t}}`, streams, n))
			if r.Body != string(transcript) {
				t.Errorf("the client received %q", r.Body)
			}
			if !streams {
				return
			}
			r = c.Do(http.MethodPost, "/v1/chat/completions", fmt.Sprintf(`{"model":"gpt","stream":true,"n":%d}`, n))
			if want := withoutUsage(string(transcript)); r.Body != want {
				t.Errorf("a client that does not ask for the usage received %q, not %q", r.Body, want)
			}
		})
	}
}

// withoutUsage returns a transcript as the server would have sent it if it had not been asked for
// the usage.
func withoutUsage(transcript string) string {
	var out strings.Builder
	for event := range strings.SplitAfterSeq(strings.ReplaceAll(transcript, `,"usage":null`, ""), "\n\n") {
		if !strings.Contains(event, `"choices":[],"usage":{`) {
			out.WriteString(event)
		}
	}
	return out.String()
}
