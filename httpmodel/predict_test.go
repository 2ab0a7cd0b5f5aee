package httpmodel_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"penstock/engine"
	"penstock/httpmodel"
)

// echo responds with what it was sent, and says so.
func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("Content-Type", "application/x-echo")
	fmt.Fprintf(w, "%s %s %s %q", r.Method, r.URL, r.Header.Get("Content-Type"), body)
}

func TestBytesGoInAndOutAsTheyAre(t *testing.T) {
	c := config()
	c.Predict = at(serve(t, echo) + "/p/")
	f := start(t, c)
	for _, test := range []struct{ path, media, body, want string }{
		{"", "application/json", `{"a": 1}`, `POST /p/ application/json "{\"a\": 1}"`},
		{"?top_k=3&a=1&a=2", "application/x-tar", "\x00\xff", `POST /p/?a=1&a=2&top_k=3 application/x-tar "\x00\xff"`},
		{"?q=x&n=1&n=%22", "", "", `POST /p/ application/json "{\"n\":[\"1\",\"\\\"\"],\"q\":\"x\"}"`},
	} {
		got := f.Do("POST", "/v1/models/m:predict"+test.path, test.body, "Content-Type", test.media)
		if got.Status != 200 || got.Body != test.want || got.Header.Get("Content-Type") != "application/x-echo" {
			t.Errorf("%s: %d %s %s, want %s", test.path, got.Status, got.Header.Get("Content-Type"), got.Body, test.want)
		}
	}
	if e := f.Do("POST", "/v1/models/m:predict?q=%ff", "").Error(t); e.Reason != "bad_query" {
		t.Errorf("a query that is not UTF-8: %+v", e)
	}
}

func TestAGETHasTheQueryAsItIs(t *testing.T) {
	c := config()
	c.Predict = at(serve(t, echo) + "/p")
	c.Predict.Method = http.MethodGet
	f := start(t, c)
	if got := f.Do("POST", "/v1/models/m:predict?q=x+y", ""); got.Body != `GET /p?q=x+y  ""` {
		t.Errorf("got %s", got.Body)
	}
}

// Of three steps in a row only predict has a permit.
func TestStepsAroundPredict(t *testing.T) {
	seen := make(chan string, 100)
	release := make(chan struct{})
	step := func(name string, wait bool) string {
		return serve(t, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			seen <- name
			if wait {
				<-release
			}
			w.Header().Set("Content-Type", "text/"+name)
			fmt.Fprintf(w, "%s(%s %s)", name, r.Header.Get("Content-Type"), body)
		})
	}
	c := config()
	c.Gate = &engine.GateConfig{Permits: 1, Queue: 10}
	c.Preprocess, c.Predict, c.Postprocess = at(step("pre", false)), at(step("predict", true)), at(step("post", true))
	f := start(t, c)
	results := make(chan string, 2)
	for range 2 {
		go func() {
			r, err := f.Send(t.Context(), "POST", "/v1/models/m:predict", "x", "Content-Type", "text/plain")
			if err != nil {
				results <- err.Error()
				return
			}
			defer r.Body.Close()
			body, _ := io.ReadAll(r.Body)
			results <- r.Header.Get("Content-Type") + " " + string(body)
		}()
	}
	wait := func(want ...string) {
		t.Helper()
		got := map[string]int{}
		for range want {
			got[<-seen]++
		}
		for _, w := range want {
			if got[w]--; got[w] < 0 {
				t.Fatalf("got %v, want %v", got, want)
			}
		}
	}
	wait("pre", "pre", "predict") // the second has been preprocessed while the first holds the only permit
	release <- struct{}{}         // the first predict ends
	wait("post", "predict")       // and the second begins while the first is being postprocessed
	close(release)                // all go on
	wait("post")
	for range 2 {
		if got, want := <-results, "text/post post(text/predict predict(text/pre pre(text/plain x)))"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestTheNextURLIsUsed(t *testing.T) {
	broken := map[string]func(*testing.T) string{
		"a 500": func(t *testing.T) string {
			return serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
		},
		"no connection": func(*testing.T) string { return "http://127.0.0.1:1" },
		"a cut": func(t *testing.T) string {
			return raw(t, func(w io.Writer, _ *http.Request) {
				io.WriteString(w, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
			})
		},
		"no HTTP": func(t *testing.T) string {
			return raw(t, func(w io.Writer, _ *http.Request) { io.WriteString(w, "hello\r\n\r\n") })
		},
	}
	for name, url := range broken {
		c := config()
		c.Predict = at(url(t), serve(t, echo))
		c.Stream = streamAt(httpmodel.FormatText, url(t), serve(t, echo))
		f := start(t, c)
		if got := f.Post("/v1/models/m:predict", "1"); got.Status != 200 || !strings.Contains(got.Body, `"1"`) {
			t.Errorf("%s: %d %s; %s", name, got.Status, got.Body, &f.outcomes)
		}
		if got := f.Do("POST", "/v1/models/m/stream", "1", "Accept", "text/plain"); got.Status != 200 || !strings.Contains(got.Body, `"1"`) {
			t.Errorf("%s: %d %s; %s", name, got.Status, got.Body, &f.outcomes)
		}
		if !strings.Contains(f.outcomes.String(), "b ok") {
			t.Errorf("%s: %s", name, &f.outcomes)
		}
	}
}

func TestASilentServerTimesOut(t *testing.T) {
	left := make(chan struct{})
	c := config()
	c.Predict = at(serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // net/http notices that a client has left once it has the body
		<-r.Context().Done()
		close(left)
	}))
	c.Predict.Timeout = 50 * time.Millisecond
	f := start(t, c)
	got := f.Post("/v1/models/m:predict", "1")
	if e := got.Error(t); got.Status != 504 || e.Code != "upstream_timeout" || !strings.Contains(e.Message, "50ms") {
		t.Errorf("%d %+v", got.Status, e)
	}
	<-left
}

// A timeout is for the whole of a response, not for its head.
func TestASlowBodyTimesOut(t *testing.T) {
	c := config()
	c.Predict = at(serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		write(w, "1")
		<-r.Context().Done()
	}))
	c.Predict.Timeout = 50 * time.Millisecond
	f := start(t, c)
	if got := f.Post("/v1/models/m:predict", "1"); got.Status != 504 {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}

func TestResponsesAreBounded(t *testing.T) {
	for name, length := range map[string]bool{"with a length": true, "in chunks": false} {
		for size, want := range map[int]int{1 << 20: 200, 1<<20 + 1: 502} {
			c := config()
			c.Predict = at(serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if length {
					w.Header().Set("Content-Length", fmt.Sprint(size))
				} else {
					w.(http.Flusher).Flush()
				}
				io.WriteString(w, strings.Repeat("x", size))
			}))
			f := start(t, c)
			if got := f.Post("/v1/models/m:predict", "1"); got.Status != want || want == 200 && len(got.Body) != size {
				t.Errorf("%d bytes %s: %d, %d bytes", size, name, got.Status, len(got.Body))
			}
		}
	}
}

// Whatever byte a response is cut at, it never looks complete.
func TestWholeResponsesCutAtEveryByte(t *testing.T) {
	const body = `{"text": "a b", "n": [1, 23]}`
	head := "Content-Type: application/json\r\n"
	for name, response := range map[string]string{
		"with a length": "HTTP/1.1 200 OK\r\n" + head + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(body)) + body,
		"in chunks":     "HTTP/1.1 200 OK\r\n" + head + "Transfer-Encoding: chunked\r\n\r\n" + inChunks(body, 7),
		"HTTP/1.0":      "HTTP/1.0 200 OK\r\n" + head + "\r\n" + body,
		"to the close":  "HTTP/1.1 200 OK\r\n" + head + "Connection: close\r\n\r\n" + body,
	} {
		n := 0
		c := config()
		c.Predict = at(raw(t, func(w io.Writer, r *http.Request) {
			_, _ = fmt.Sscan(r.URL.Query().Get("n"), &n)
			_, _ = io.WriteString(w, response[:n])
		}))
		f := start(t, c)
		for cut := 0; cut <= len(response); cut += 1 {
			got := f.Post(fmt.Sprintf("/v1/models/m:predict?n=%d", cut), "1")
			if whole := cut == len(response); whole != (got.Status == 200) || whole && got.Body != body || !whole && got.Status != 502 {
				t.Errorf("%s, cut at %d of %d: %d %s", name, cut, len(response), got.Status, got.Body)
			}
		}
	}
}

// What only the end of its connection ends may have been cut there, unless it is JSON that says
// where it ends.
func TestResponsesWithoutALength(t *testing.T) {
	for response, want := range map[string]int{
		"Content-Type: application/json\r\n\r\n{}":            200,
		"Content-Type: application/json\r\n\r\n[1]\n":         200,
		"Content-Type: application/problem+json\r\n\r\n\"a\"": 200,
		"\r\n{\"a\": 1}": 200,
		"Content-Type: application/json\r\n\r\n12":  502, // of 123
		"Content-Type: application/json\r\n\r\n -1": 502,
		"Content-Type: application/json\r\n\r\n":    502,
		"Content-Type: text/plain\r\n\r\n{}":        502,
		"Content-Type: image/png\r\n\r\nabc":        502,
		"\r\n":                                      502,
	} {
		c := config()
		c.Predict = at(raw(t, func(w io.Writer, _ *http.Request) { io.WriteString(w, "HTTP/1.0 200 OK\r\n"+response) }))
		f := start(t, c)
		if got := f.Post("/v1/models/m:predict", "1"); got.Status != want {
			t.Errorf("%q: %d %s", response, got.Status, got.Body)
		}
	}
}

func TestAClientThatLeavesEndsTheServersRequest(t *testing.T) {
	arrived, left := make(chan struct{}), make(chan struct{})
	c := config()
	c.Predict = at(serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		close(arrived)
		<-r.Context().Done()
		close(left)
	}))
	f := start(t, c)
	p := f.PostAsync("/v1/models/m:predict", "1")
	<-arrived
	p.Cancel()
	<-left
}

func TestWhatCannotBeAdded(t *testing.T) {
	ok := at("http://127.0.0.1:1")
	for name, change := range map[string]func(*httpmodel.Config){
		"nothing": func(c *httpmodel.Config) { c.Predict = nil },
		"postprocess": func(c *httpmodel.Config) {
			c.Stream, c.Postprocess = streamAt(httpmodel.FormatSSE, "http://127.0.0.1:1"), ok
		},
		"no server": func(c *httpmodel.Config) { c.Predict = at() },
		"no format": func(c *httpmodel.Config) { c.Stream = streamAt("", "http://127.0.0.1:1") },
		"no time":   func(c *httpmodel.Config) { c.Timeouts.Connect = 0 },
	} {
		c := config()
		c.Predict = ok
		change(&c)
		_, err := httpmodel.Add(engine.New(engine.Options{Gate: engine.GateConfig{Permits: 1}}), c)
		if err == nil || name == "postprocess" && !errors.Is(err, engine.ErrGeneratorPostprocess) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
