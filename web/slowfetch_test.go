//go:build browser

package web

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"penstock/test/server"
)

// slowFetch reads a stream more slowly than it arrives. Its value is what it has read, and how the
// read failed.
const slowFetch = `(async () => {
	const response = await fetch("/v1/chat/completions", { method: "POST", body: '{"model":"cut","stream":true,"messages":[]}' });
	const reader = response.body.getReader();
	const decoder = new TextDecoder();
	for (let text = ""; ; ) {
		try {
			const { done, value } = await reader.read();
			if (done) return text + "a clean end";
			text += decoder.decode(value, { stream: true });
		} catch (e) {
			return text + e.name;
		}
		await new Promise((resolve) => setTimeout(resolve, 100));
	}
})()`

// A browser discards what has not been read of a body once its connection breaks. A page that reads
// slowly gets all words and the error, and then its read fails.
func TestEventsBeforeAnErrorReachASlowFetch(t *testing.T) {
	const words = 6
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		pause := time.NewTicker(20 * time.Millisecond) // each word is a write of its own
		defer pause.Stop()
		for i := range words {
			fmt.Fprintf(w, `data: {"choices":[{"index":0,"delta":{"content":"word%d "}}]}`+"\n\n", i)
			_ = http.NewResponseController(w).Flush() // the gateway may have disconnected
			<-pause.C
		}
		panic(http.ErrAbortHandler)
	}))
	defer upstream.Close()
	origin := server.Start(t, server.Options{Config: fmt.Sprintf(`
models:
  - {name: cut, kind: openai, upstreams: [{base_url: %q}]}
`, upstream.URL+"/v1")}).URL
	p := open(t, origin, "/")
	p.forgive("net::ERR_INCOMPLETE_CHUNKED_ENCODING")
	got := eval[string](t, p, slowFetch)
	if strings.Count(got, "word") != words || !strings.Contains(got, `"code":"upstream_cut"`) || !strings.HasSuffix(got, "TypeError") {
		t.Errorf("the page has read %s", got)
	}
}
