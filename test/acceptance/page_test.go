package acceptance

import (
	"net/http"
	"strings"
	"syscall"
	"testing"
)

// Web pages of other origins start no generation, and read why. Other clients notice nothing of it.
func TestPagesOfOtherOriginsAreRefusedReadably(t *testing.T) {
	c, p := start(t, `server: {hosts: [chat.example], cors: {origins: ["http://localhost:*"]}}`+bothModels)
	const get = streamLLM + "?prompt=Hello&max_tokens=1"
	var logged [][2]string // the ids of requests, and what the log has of each
	const body = `{"prompt":"Hello","max_tokens":1}`
	for _, page := range []struct {
		name, method string
		headers      []string
		seen         string // in the response and in the log
	}{
		{"an image", "GET", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"}, `"cross-site"`},
		{"a script of the same site", "GET", []string{"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "script"}, `"same-site"`},
		{"a frame", "GET", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}, `"cross-site"`},
		{"a link", "GET", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, `"cross-site"`},
		{"an image over HTTP", "GET", []string{"Accept", "image/avif,image/webp,*/*;q=0.8"}, `"image/avif"`},
		{"a link over HTTP", "GET", []string{"Accept", "text/html,*/*;q=0.8"}, `"text/html"`},
		{"an EventSource", "GET", []string{"Origin", "https://elsewhere.example", "Accept", "text/event-stream"}, `"https://elsewhere.example"`},
		{"a form", "POST", []string{"Origin", "null", "Content-Type", "text/plain"}, `"null"`},
		{"a fetch", "POST", []string{"Origin", "https://elsewhere.example"}, `"https://elsewhere.example"`},
		{"a rebound name", "POST", []string{"Host", "rebound.example", "Origin", "http://rebound.example"}, `"rebound.example"`},
		{"a proxy that sends the name of its upstream", "POST", []string{"Host", "penstock", "Origin", "https://chat.example"}, `"penstock"`},
		{"a proxy that drops the port", "POST", []string{"Host", "chat.example", "Origin", "https://chat.example:8443"}, `"https://chat.example:8443"`},
	} {
		path, sent := get, ""
		if page.method == http.MethodPost {
			path, sent = streamLLM, body
		}
		r := c.Do(page.method, path, sent, page.headers...)
		e := r.Error(c)
		if r.Status != http.StatusForbidden || e.Code != "forbidden" || r.Header.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(e.Message, page.seen) {
			t.Errorf("%s: %d %v %s", page.name, r.Status, r.Header, r.Body)
		}
		if cure := "proxy_set_header Host $http_host"; !strings.HasSuffix(page.name, "over HTTP") && !strings.Contains(e.Message, cure) {
			t.Errorf("%s: the message lacks a cure: %s", page.name, e.Message)
		}
		logged = append(logged, [2]string{r.Header.Get("X-Request-Id"), page.seen})
	}
	if n := c.Metric(chunks); n != 0 {
		t.Errorf("pages of other origins got %v chunks", n)
	}

	for name, headers := range map[string][]string{
		"curl":                      nil,
		"Node's fetch":              {"Sec-Fetch-Mode", "cors"},
		"the playground":            {"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"},
		"the address bar":           {"Sec-Fetch-Site", "none", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Accept", "text/html,*/*;q=0.8"},
		"a development server":      {"Origin", "http://localhost:5173", "Sec-Fetch-Site", "cross-site"},
		"a proxy with our own name": {"Host", "chat.example", "Origin", "https://chat.example"},
	} {
		if r := c.Do(http.MethodGet, get, "", headers...); r.Status != http.StatusOK || !strings.Contains(r.Body, "event: done") {
			t.Errorf("%s: %d %s", name, r.Status, r.Body)
		}
	}
	link := c.Do(http.MethodGet, "/", "", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document")
	if link.Status != http.StatusOK || !strings.Contains(link.Body, "<!doctype html>") {
		t.Errorf("a link to the playground: %d %s", link.Status, link.Body)
	}

	p.Signal(syscall.SIGTERM)
	p.Wait()
	log := strings.ReplaceAll(p.Stderr(), `\"`, `"`)
	for _, l := range logged {
		_, line, _ := strings.Cut(log, "request_id="+l[0])
		if line, _, _ = strings.Cut(line, "\n"); !strings.Contains(line, l[1]) {
			t.Errorf("the log lacks %s: %s", l[1], line)
		}
	}
}
