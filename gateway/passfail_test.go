package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"penstock/dialect"
	"penstock/engine"
	"penstock/gateway"
	"penstock/llm/upstream"
)

// raw returns a handler that writes a response's bytes, and breaks the connection.
func raw(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer c.Close()
		_, _ = io.WriteString(c, text)
	}
}

func status(code int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

// Until the first byte the next server is sent the same request, whatever its body is.
func TestTheNextServerIsUsedBeforeTheFirstByte(t *testing.T) {
	const chunked = "HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nTransfer-Encoding: chunked\r\n\r\n"
	file := multipartOf("model", "voice", "file", strings.Repeat("RIFF\x00", 40000))
	for name, c := range map[string]struct {
		first    http.HandlerFunc
		attempts string
	}{
		"an error":                  {status(500, `{"error":{"message":"broken"}}`), "a error, a error, b ok"},
		"a limit":                   {status(429, `{"error":{"message":"slow down"}}`, "Retry-After", "30"), "a rate_limited, b ok"},
		"a key":                     {status(401, `{"error":{"message":"bad key"}}`), "a unauthorized, b ok"},
		"no route":                  {status(404, `{"detail":"Not Found"}`), "a rejected, b ok"},
		"no model":                  {status(404, `{"error":{"code":"model_not_found","message":"no such model"}}`), "a rejected, b ok"},
		"no head":                   {raw(""), "a cut, a cut, b ok"},
		"half a head":               {raw("HTTP/1.1 200 OK\r\nContent-"), "a cut, a cut, b ok"},
		"no body":                   {raw(chunked), "a cut, a cut, b ok"},
		"half a chunk's head":       {raw(chunked + "1"), "a cut, a cut, b ok"},
		"JSON that is cut":          {raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{\"text\":"), "a cut, a cut, b ok"},
		"JSON that is cut, chunked": {raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{\"text\":\r\n"), "a cut, a cut, b ok"},
		"unframed JSON that is cut": {raw("HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{\"text\":"), "a cut, a cut, b ok"},
		"an unframed sound":         {raw("HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\n\r\nID3"), "a error, a error, b ok"},
		"an unframed text as JSON":  {raw("HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\ntext"), "a cut, a cut, b ok"},
		"an unframed, unlabeled":    {raw("HTTP/1.0 200 OK\r\n\r\n{}"), "a error, a error, b ok"},
		"a page":                    {reply("text/html", "<html>"), "a error, a error, b ok"},
		"a redirection":             {status(302, "", "Location", "http://elsewhere.test/"), "a error, b ok"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPassing(t, nil, c.first, reply("application/json", `{"text":"b"}`))
			got := p.do(t, "POST", "/v1/audio/transcriptions", formType, file)
			if got.status != 200 || got.body != `{"text":"b"}` || got.err != nil || p.attempts() != c.attempts {
				t.Errorf("got %+v after %s", got, p.attempts())
			}
			for _, r := range p.requests() {
				if want := strings.Replace(file, "voice", "voice-"+r.server, 1); r.body != want {
					t.Errorf("%s gets %d bytes, not %d", r.server, len(r.body), len(want))
				}
			}
		})
	}
}

const formType = "multipart/form-data; boundary=XX"

func multipartOf(fields ...string) string {
	var b strings.Builder
	for i := 0; i+1 < len(fields); i += 2 {
		file := ""
		if fields[i] == "file" {
			file = "; filename=\"a.wav\"\r\nContent-Type: audio/wav"
		}
		fmt.Fprintf(&b, "--XX\r\nContent-Disposition: form-data; name=%q%s\r\n\r\n%s\r\n", fields[i], file, fields[i+1])
	}
	return b.String() + "--XX--\r\n"
}

// A response that is cut after its first byte is never shown as complete, over any HTTP.
func TestAResponseThatIsCutNeverLooksComplete(t *testing.T) {
	large := strings.Repeat("x", 100<<10)
	for name, head := range map[string]string{
		"measured":     "HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nContent-Length: 200000\r\n\r\n" + large,
		"chunked":      "HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nTransfer-Encoding: chunked\r\n\r\n19000\r\n" + large + "\r\n",
		"events":       "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n",
		"JSON":         "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 200000\r\n\r\n{\"" + large,
		"without size": "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{\"" + large,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // the connection of a response that is cut lingers
			p := newPassing(t, nil, raw(head), reply("audio/mpeg", "other"))
			got := p.do(t, "POST", "/v1/audio/speech", "application/json", `{"model":"voice"}`)
			if got.err == nil || got.status != 200 || got.body == "" || !strings.Contains(head, got.body) {
				t.Errorf("got %d with %d bytes, %v", got.status, len(got.body), got.err)
			}
			if p.attempts() != "a cut" {
				t.Errorf("the attempts are %s", p.attempts())
			}
			if body, err := p.http10(t); err == nil {
				t.Errorf("over HTTP/1.0 %d bytes look complete", len(body))
			}
			var protocols http.Protocols
			protocols.SetUnencryptedHTTP2(true)
			p.client = &http.Client{Transport: &http.Transport{Protocols: &protocols}}
			defer p.client.CloseIdleConnections()
			if got := p.do(t, "POST", "/v1/audio/speech?model=voice", "", ""); got.err == nil || got.status != 200 {
				t.Errorf("over HTTP/2 %d bytes look complete: %v", len(got.body), got.status)
			}
		})
	}
}

// http10 requests a sound over HTTP/1.0, whose responses end with the connection.
func (p *passing) http10(t *testing.T) (string, error) {
	c, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "POST /v1/audio/speech?model=voice HTTP/1.0\r\nHost: localhost\r\n\r\n")
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	return string(body), err
}

// What a server refuses its client gets as it is, but for keys.
func TestAServersRefusalIsPassedThrough(t *testing.T) {
	for name, c := range map[string]struct {
		server http.HandlerFunc
		status int
		body   string // or the code of our own error
		header string
	}{
		"a bad request": {status(400, `{"error": {"message":"voice is unknown, `+passKey+`"}}`), 400, `{"error": {"message":"voice is unknown, [key]"}}`, "application/json"},
		"not found":     {status(404, `{"error":{"message":"no voice v1"}}`), 404, `{"error":{"message":"no voice v1"}}`, "application/json"},
		"a conflict":    {status(409, "plain"), 409, "plain", "application/json"},
		"too large":     {status(413, ""), 413, "", "application/json"},
		"a limit":       {status(429, `{}`, "Retry-After", "77"), 429, `{}`, "application/json"},
		"an error":      {status(503, `{"detail":"busy"}`), 503, `{"detail":"busy"}`, "application/json"},
		"our key":       {status(401, `{"error":{"message":"`+passKey+`"}}`), 502, "upstream_unauthorized", ""},
		"a redirection": {status(307, "", "Location", "http://10.1.2.3/secret"), 502, "upstream_error", ""},
		"a page":        {reply("text/html", "<html>"), 502, "upstream_error", ""},
		"too long":      {raw("HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nContent-Length: 70000\r\n\r\n" + strings.Repeat("x", 70000)), 502, "upstream_error", ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPassing(t, func(_ *gateway.Options, u *upstream.Config) { u.MaxAnswer = 64 << 10 }, c.server)
			got := p.do(t, "POST", "/v1/audio/speech", "application/json", `{"model":"voice"}`)
			if c.header == "" {
				code, message := errorOf(got.body)
				if got.status != c.status || code != c.body || strings.Contains(message, "10.1.2.3") || strings.Contains(got.body, passKey) {
					t.Errorf("got %+v", got)
				}
			} else if got.status != c.status || got.body != c.body || got.header.Get("Content-Type") != c.header || got.header.Get("X-Penstock-Upstream") != "a" {
				t.Errorf("got %+v", got)
			}
			if name == "a limit" && got.header.Get("Retry-After") != "77" {
				t.Errorf("Retry-After: %s", got.header.Get("Retry-After"))
			}
		})
	}
}

// A request waits at the model's gate, and is refused where the queue is full.
func TestPassedRequestsGoThroughTheModelsGate(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	p := newPassing(t, func(_ *gateway.Options, u *upstream.Config) { u.Gate = engine.GateConfig{Permits: 1, Queue: 0} }, func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-release
		reply("audio/mpeg", "ID3")(w, r)
	})
	first := make(chan response)
	go func() { first <- p.do(t, "POST", "/v1/audio/speech", "application/json", `{"model":"voice"}`) }()
	<-arrived
	got := p.do(t, "POST", "/v1/audio/speech", "application/json", `{"model":"voice"}`)
	if code, _ := errorOf(got.body); got.status != 429 || code != "queue_full" || got.header.Get("Retry-After") == "" {
		t.Errorf("got %+v", got)
	}
	close(release)
	if got := <-first; got.status != 200 || got.body != "ID3" {
		t.Errorf("got %+v", got)
	}
}

// Only what is listed is passed through, for a model that lists it, by a path that means the same
// everywhere.
func TestWhatIsNotListedIsNotPassedThrough(t *testing.T) {
	p := newPassing(t, func(_ *gateway.Options, u *upstream.Config) {
		u.Pass = append(u.Pass, dialect.PassRoute("responses/*"), dialect.PassRoute("chat/other"))
	}, reply("application/json", `{}`))
	for _, r := range []struct {
		path, model string
		status      int
		code, wants string
	}{
		{"/v1/files", "voice", 404, "unknown_url", "never passed through"},
		{"/v1/files/file-1/content", "voice", 404, "unknown_url", "never passed through"},
		{"/v1/fine_tuning/jobs", "voice", 404, "unknown_url", "never passed through"},
		{"/v1/organization/users", "voice", 404, "unknown_url", "never passed through"},
		{"/v1/audio/files", "voice", 404, "unknown_url", "never passed through"},
		{"/v1/responses/FILES", "voice", 404, "unknown_url", "never passed through"},
		{"/v1/audio/../files", "voice", 404, "unknown_url", "never passed through"},
		{"/v1/audio/%2e%2e/files", "voice", 404, "unknown_url", "never passed through"},
		{"/v1/audio%2f..%2ffiles", "voice", 404, "unknown_url", "never passed through"},
		{"/v1/%66iles", "voice", 404, "unknown_url", "never passed through"},
		{"/v1/audio/..%2fassistants", "voice", 404, "unknown_url", "nor dot segments nor escapes"},
		{"/v1/audio/../assistants", "voice", 404, "unknown_url", "nor dot segments nor escapes"},
		{"/v1/audio/./speech", "voice", 404, "unknown_url", "nor dot segments nor escapes"},
		{"/v1/audio%2fspeech", "voice", 404, "unknown_url", ""},
		{"/v1/audio/sp%65ech", "voice", 404, "unknown_url", ""},
		{"/v1//audio/speech", "voice", 404, "unknown_url", "the path is /v1/audio/speech"},
		{"//v1/audio/speech", "voice", 404, "unknown_url", "the path is /v1/audio/speech"},
		{"/v1/v1/audio/speech", "voice", 404, "unknown_url", "the path is /v1/audio/speech"},
		{"/audio/speech", "voice", 404, "unknown_url", "must end in /v1"},
		{"/v1/audio/speech/", "voice", 404, "unknown_url", "without a slash at its end"},
		{"/v1/audio", "voice", 404, "unknown_url", "pass: [audio]"},
		{"/v1/audio/", "voice", 404, "unknown_url", "nor dot segments nor escapes"},
		{"/v1/assistants/a", "voice", 404, "unknown_url", "pass: [assistants/*]"},
		{"/v1/batches", "voice", 404, "unknown_url", "pass: [batches]"},
		{"/v1/rerank2", "voice", 404, "unknown_url", "pass: [rerank2]"},
		{"/v1/rerank", "narrow", 404, "unknown_url", "pass: [rerank]"},
		{"/v1/audio/speech", "mute", 404, "model_not_supported", ""},
		{"/v1/audio/speech", "counter", 404, "model_not_supported", ""},
		{"/v1/audio/speech", "none", 404, "model_not_found", ""},
		{"/v1/audio/speech", "", 400, "missing_required_parameter", "default: true"},
		{"/v1/embeddings", "counter", 404, "model_not_supported", ""}, // our own routes win
	} {
		got := p.do(t, "POST", r.path, "application/json", `{"model":"`+r.model+`","input":"x"}`)
		if code, message := errorOf(got.body); got.status != r.status || code != r.code || !strings.Contains(message, r.wants) {
			t.Errorf("%s of %s: %d %s", r.path, r.model, got.status, got.body)
		}
	}
	if got := p.do(t, "GET", "/v1/audio/speech?model=voice", "", "", "Connection", "Upgrade", "Upgrade", "websocket"); got.status != 404 || !strings.Contains(got.body, "Server-Sent Events") {
		t.Errorf("got %+v", got)
	}
	if got := p.requests(); len(got) > 0 {
		t.Errorf("the server gets %+v", got)
	}
	for path, want := range map[string]string{"/v1/responses/resp_1": "/base/v1/responses/resp_1", "/v1/chat/other": "/base/v1/chat/other"} {
		if got := p.do(t, "GET", path+"?model=voice", "", ""); got.status != 200 || p.requests()[len(p.requests())-1].uri != want+"?model=voice-a" {
			t.Errorf("%s: %+v", path, got)
		}
	}
}

// A request that names no model is the default model's, and stays as it is.
func TestARequestWithoutAModelIsTheDefaultModels(t *testing.T) {
	p := newPassing(t, nil, reply("application/json", `{}`))
	m, err := p.Model("voice")
	if err != nil {
		t.Fatal(err)
	}
	p.SetDefault(m)
	for _, body := range []string{`{"input":"x"}`, ""} {
		if got := p.do(t, "POST", "/v1/moderations?x=1", "application/json", body); got.status != 200 {
			t.Errorf("got %+v", got)
		}
		if r := p.requests(); r[len(r)-1].body != body || r[len(r)-1].uri != "/base/v1/moderations?x=1" {
			t.Errorf("the server gets %+v", r[len(r)-1])
		}
	}
}

// A body is bounded as on other routes, and one that names two models is no server's.
func TestBodiesThatAreNotPassedThrough(t *testing.T) {
	p := newPassing(t, func(o *gateway.Options, _ *upstream.Config) { o.MaxBody = 64 << 10 }, reply("application/json", `{}`))
	for name, r := range map[string]struct {
		media, body string
		status      int
	}{
		"too large":  {formType, multipartOf("model", "voice", "file", strings.Repeat("x", 64<<10)), 413},
		"two models": {formType, multipartOf("model", "voice", "file", "x", "model", "mute"), 400},
		"no form":    {formType, "model=voice", 400},
		"no JSON":    {"application/json", `{"model":"voice"`, 400},
	} {
		if got := p.do(t, "POST", "/v1/audio/transcriptions", r.media, r.body); got.status != r.status {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := p.requests(); len(got) > 0 {
		t.Errorf("the server gets %+v", got)
	}
	whole := multipartOf("file", strings.Repeat("x", 60<<10), "model", "voice")
	if got := p.do(t, "POST", "/v1/audio/transcriptions", formType, whole); got.status != 200 || p.requests()[0].body != strings.Replace(whole, "voice", "voice-a", 1) {
		t.Errorf("got %+v", got)
	}
}

// What a model's pattern matched is the name that its server gets.
func TestWhatAPatternMatchedIsPassedThrough(t *testing.T) {
	p := newPassing(t, func(_ *gateway.Options, u *upstream.Config) {
		u.Name, u.Servers[0].Model = "voices/*", "their/*"
	}, reply("audio/mpeg", "ID3"))
	for model, want := range map[string]string{"voices/a": "their/a", "voices/a/b:1": "their/a/b:1"} {
		got := p.do(t, "POST", "/v1/audio/speech", formType, multipartOf("file", "x", "model", model))
		if r := p.requests(); got.status != 200 || r[len(r)-1].body != multipartOf("file", "x", "model", want) {
			t.Errorf("%s: %+v", model, got)
		}
	}
	if got := p.do(t, "POST", "/v1/audio/speech", "application/json", `{"model":"voices/*"}`); got.status != 404 || len(p.requests()) != 2 {
		t.Errorf("got %+v", got)
	}
}

// What is configured of an upstream's connection holds for these routes too.
func TestPassedRequestsAreSentAsTheirUpstreamIsConfigured(t *testing.T) {
	const secret = "azure-secret-value"
	p := newPassing(t, func(_ *gateway.Options, u *upstream.Config) {
		u.ForwardHeaders = []string{"X-Tenant"}
		u.Servers[0].ForwardAuthorization = true
		u.Servers[0].Connection.Headers = map[string]string{"X-Secret": secret}
		u.Servers[0].Connection.Query = map[string]string{"api-version": "2024-10-21"}
	}, status(400, `{"error":{"message":"`+secret+`"}}`, "X-Echo", secret))
	got := p.do(t, "POST", "/v1/audio/speech?model=voice&api-version=1", "", "", "X-Tenant", "a", "Authorization", "Bearer client-key-1")
	if got.status != 400 || strings.Contains(got.body, secret) || strings.Contains(got.header.Get("X-Echo"), secret) {
		t.Errorf("got %+v", got)
	}
	r := p.requests()[0]
	if r.uri != "/base/v1/audio/speech?model=voice-a&api-version=2024-10-21" || r.header.Get("X-Secret") != secret || r.header.Get("X-Tenant") != "a" || r.header.Get("Authorization") != "Bearer client-key-1" {
		t.Errorf("the server gets %+v", r)
	}
}
