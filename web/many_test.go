//go:build browser

package web

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"penstock/test/server"
)

// A provider with hundreds of models fills the picker, and not the page: any of them can be used,
// whatever its name holds.
func TestPlaygroundWithAProviderOfManyModels(t *testing.T) {
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			var ids []string
			for i := range 400 {
				ids = append(ids, fmt.Sprintf(`{"id":"vendor/model %d#?:free"}`, i))
			}
			fmt.Fprintf(w, `{"data":[%s]}`, strings.Join(ids, ","))
			return
		}
		var body struct{ Model string }
		_ = json.NewDecoder(r.Body).Decode(&body)
		text, _ := json.Marshal("This is " + body.Model)
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":%s},\"finish_reason\":\"stop\"}]}\n\n", text)
		io.WriteString(w, "data: [DONE]\n\n")
	}))
	defer provider.Close()
	s := server.Start(t, server.Options{Config: `
server: {address: "127.0.0.1:0"}
models: [{name: "router/*", kind: openai, upstreams: [{base_url: "` + provider.URL + `/v1"}]}]
`})
	p := open(t, s.URL, "/")
	p.wait(t, `document.querySelectorAll("#chat select option").length === 400`)
	if pills := eval[int](t, p, `document.querySelectorAll(".pill").length`); pills != 12 {
		t.Errorf("%d pills", pills)
	}
	if more := eval[string](t, p, `document.querySelector("#models .more").textContent`); more != "and 388 more" {
		t.Errorf("it says %q", more)
	}
	p.do(t, chromedp.SetValue(`#chat select`, "router/vendor/model 399#?:free"))
	ask(t, p, "Which one is this?")
	p.wait(t, ended)
	if got := eval[string](t, p, lastAnswer); got != "This is vendor/model 399#?:free" {
		t.Errorf("the answer is %q", got)
	}
}

// What is copied from the page and run names the model, and does nothing else.
func TestPlaygroundSnippetsQuoteNames(t *testing.T) {
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"data":[{"id":"a\"\\';$(id)"}]}`)
	}))
	defer provider.Close()
	s := server.Start(t, server.Options{Config: `
server: {address: "127.0.0.1:0"}
models: [{name: "router/*", kind: openai, upstreams: [{base_url: "` + provider.URL + `/v1"}]}]
`})
	p := open(t, s.URL, "/")
	for tab, want := range map[string]string{
		"curl":        `/v1/models/router/a%22%5C%27%3B%24%28id%29:predict`,
		"eventsource": `/v1/models/router/a%22%5C%27%3B%24%28id%29/stream?`,
		"python":      `    model="router/a\"\\';$(id)",`,
		"javascript":  `  model: "router/a\"\\';$(id)",`,
	} {
		text := fmt.Sprintf(`(document.querySelector("#code [data-snippet=%s]").click(), document.querySelector("#code code").textContent)`, tab)
		p.wait(t, text+`.includes(`+"`router/a`"+`)`)
		if got := eval[string](t, p, text); !strings.Contains(got, want) {
			t.Errorf("%s: %s", tab, got)
		}
	}
}
