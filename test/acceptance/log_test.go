package acceptance

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"

	"penstock/test/server"
)

// marker is in everything that a request may hold and the log may not.
const marker = "S3CRET"

// echo is an OpenAI-compatible server that quotes what it was sent in all that can go wrong: the
// prompt's first word says how.
func echo(t *testing.T) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		quoted, _ := json.Marshal("I cannot serve " + string(body))
		chunk := fmt.Sprintf(`data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":%s},"finish_reason":null}]}`+"\n\n", quoted)
		stream := func(text string) {
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, text)
		}
		switch text := string(body); {
		case strings.Contains(text, "status 400"), strings.Contains(text, "status 401"), strings.Contains(text, "status 429"), strings.Contains(text, "status 500"):
			at := strings.Index(text, "status ") + len("status ")
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(int(text[at]-'0')*100 + int(text[at+1]-'0')*10 + int(text[at+2]-'0'))
			fmt.Fprintf(w, `{"error":{"message":%s,"type":%s,"code":%s,"param":%s}}`, quoted, quoted, quoted, quoted)
		case strings.Contains(text, "page"):
			io.WriteString(w, "<html>"+text)
		case strings.Contains(text, "malformed"):
			stream(chunk + "data: {" + text + "\n\n")
		case strings.Contains(text, "event"):
			stream(chunk + "data: {\"error\":{\"message\":" + string(quoted) + "}}\n\n")
		case strings.Contains(text, "cut"):
			stream(chunk)
			panic(http.ErrAbortHandler)
		case strings.Contains(text, `"stream":true`):
			stream(chunk + "data: [DONE]\n\n")
		default:
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":%s},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}`, quoted)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// startLogged runs the binary with a CLIP model and a remote model, and sends it requests of every
// kind, all of which hold the marker. It returns what it logged, once it has exited.
func startLogged(t *testing.T, config string) (log string, requests int) {
	t.Helper()
	p := server.Start(t, server.Options{Config: config + fmt.Sprintf(`
models:
  - {name: clip, kind: clip, path: "ROOT/models/clip-tiny", labels: [cat, dog]}
  - {name: remote, kind: openai, upstreams: [{base_url: %q, model: m}]}
`, echo(t).URL+"/v1")})
	c := client{p.Client()}
	send := func(method, path, body string, headers ...string) {
		requests++
		if len(headers) == 0 && body != "" {
			headers = []string{"Content-Type", "application/json"}
		}
		r, err := c.Send(c.Context(), method, path, body, headers...)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, r.Body) // some responses are broken off
		r.Body.Close()
	}
	picture := base64.StdEncoding.EncodeToString(photo(t, "cat_chelsea.jpg"))
	for _, how := range []string{"", "status 400", "status 401", "status 429", "status 500", "page", "malformed", "event", "cut"} {
		text := how + " " + marker
		for _, streamed := range []bool{false, true} {
			send("POST", "/v1/chat/completions", fmt.Sprintf(`{"model":"remote","stream":%v,"messages":[{"role":"user","content":%q}]}`, streamed, text))
			send("POST", "/v1/responses", fmt.Sprintf(`{"model":"remote","stream":%v,"input":%q}`, streamed, text))
		}
		send("POST", "/v1/models/remote:predict", fmt.Sprintf(`{"prompt":%q}`, text))
		send("POST", "/v1/models/remote/stream", fmt.Sprintf(`{"prompt":%q}`, text))
		send("GET", "/v1/models/remote/stream?prompt="+url.QueryEscape(text), "")
		send("POST", "/v1/embeddings", fmt.Sprintf(`{"model":"remote","input":%q}`, text))
	}
	for _, body := range []string{
		`{"image":"` + picture + `","labels":["` + marker + `","dog"]}`,
		`{"image":"https://` + marker + `.invalid/` + marker + `.jpg","labels":["` + marker + `"]}`,
		`{"url":"http://127.0.0.1:1/` + marker + `"}`,
		`{"image":"data:image/png;base64,` + marker + `"}`,
		`{"` + marker + `":1}`, `{"image":` + marker, `{"labels":["` + marker + `"],"labels":1}`,
	} {
		send("POST", "/v1/models/clip:predict", body)
	}
	send("POST", "/v1/models/clip:predict?labels="+marker+"&labels=dog", string(photo(t, "cat_chelsea.jpg")), "Content-Type", "image/jpeg")
	send("POST", "/v1/models/clip:predict", marker, "Content-Type", "image/jpeg")
	send("POST", "/v1/models/clip:predict", marker, "Content-Type", "text/"+marker)
	send("POST", "/v1/embeddings", `{"model":"clip","input":["`+marker+`"]}`)
	send("POST", "/v2/models/clip/infer", `{"inputs":[{"name":"`+marker+`","shape":[1],"datatype":"BYTES","data":["`+marker+`"]}]}`)
	send("POST", "/v1/streams", `{"model":"remote","input":{"prompt":"`+marker+`"}}`)
	send("GET", "/v1/streams/"+marker, "")
	send("GET", "/v1/models/"+marker, "")
	send("GET", "/"+marker+"?"+marker, "", "User-Agent", marker, "Referer", "http://"+marker, "Cookie", marker)
	p.Signal(syscall.SIGTERM)
	checkExit(t, p)
	return p.Stderr(), requests
}

func TestTheLogHoldsNoPromptLabelOrPicture(t *testing.T) {
	log, requests := startLogged(t, "log: {level: debug}")
	for line := range strings.Lines(log) {
		if strings.Contains(strings.ToUpper(line), marker) {
			t.Errorf("logged: %s", line)
		}
	}
	if n := strings.Count(log, "msg=request "); n != requests {
		t.Errorf("%d requests have %d lines", requests, n)
	}
}

func TestTheLogHoldsContentsIfItShould(t *testing.T) {
	log, _ := startLogged(t, "log: {format: json, content: true}")
	found := map[string]int{}
	for line := range strings.Lines(log) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		for name, value := range entry {
			if text, ok := value.(string); ok && strings.Contains(text, marker) {
				found[name]++
			}
		}
	}
	if found["request"] < 60 || found["response"] < 20 || found["query"] < 10 {
		t.Errorf("found %v", found)
	}
}
