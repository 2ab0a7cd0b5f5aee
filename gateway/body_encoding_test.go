package gateway_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"penstock/dialect"
	"penstock/engine"
	"penstock/gateway"
	"penstock/llm/upstream"
	"penstock/memory"
)

// encodings are the content codings of requests, with what encodes them. Of deflate there are two.
var encodings = map[string]func(string) string{
	"gzip": func(s string) string {
		return encoded(s, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) })
	},
	"x-gzip": func(s string) string {
		return encoded(s, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) })
	},
	"deflate": func(s string) string {
		return encoded(s, func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) })
	},
	"Deflate": func(s string) string { // raw, as some clients send it
		return encoded(s, func(w io.Writer) io.WriteCloser { f, _ := flate.NewWriter(w, 6); return f })
	},
	"br": func(s string) string {
		return encoded(s, func(w io.Writer) io.WriteCloser { return brotli.NewWriter(w) })
	},
	"zstd": func(s string) string {
		return encoded(s, func(w io.Writer) io.WriteCloser { z, _ := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1)); return z })
	},
	"identity": func(s string) string { return s },
}

func encoded(s string, encoder func(io.Writer) io.WriteCloser) string {
	var b bytes.Buffer
	w := encoder(&b)
	_, _ = io.WriteString(w, s) // a buffer takes all
	_ = w.Close()
	return b.String()
}

func TestEveryRouteReadsEncodedBodies(t *testing.T) {
	s := newServer(t, 1, 1, func(e *engine.Engine) { words(nil)(e); tensors(nil)(e); doubler(same[int])(e); embedder(e) })
	for _, route := range []struct{ path, body, want string }{
		{chatPath, `{"model":"words","messages":[{"role":"user","content":"one two"}]}`, `"content":"one two"`},
		{chatPath, `{"model":"words","stream":true,"messages":[{"role":"user","content":"one two"}]}`, `data: [DONE]`},
		{"/v1/completions", `{"model":"words","prompt":"one two"}`, `"text":"one two"`},
		{"/v1/responses", `{"model":"words","input":"one two"}`, `"text":"one two"`},
		{"/v1/embeddings", `{"model":"embedder","input":"one two"}`, `"embedding":[7]`},
		{"/v1/models/words:predict", `{"prompt":"one two"}`, `{"output":"one two"`},
		{"/v1/models/words/stream", `{"prompt":"one two"}`, `event: done`},
		{"/v1/models/org/doubler/predict", `21`, `21`},
		{"/v1/streams", `{"model":"none","input":{"prompt":"one two"}}`, `there is no model`},
		{"/v2/models/org/sum/infer", `{"inputs":[{"name":"a","shape":[2],"datatype":"FP32","data":[1,2]}]}`, `"data":[3]`},
	} {
		for name, encode := range encodings {
			w := s.record(request("POST", route.path, encode(route.body), "Content-Encoding", name))
			if w.Code == 415 || !strings.Contains(w.Body.String(), route.want) {
				t.Errorf("%s %s: %d %s", name, route.path, w.Code, w.Body)
			}
		}
		for header, body := range map[string]string{
			"gzip, zstd":           encodings["zstd"](encodings["gzip"](route.body)),
			" identity ,, GZIP , ": encodings["gzip"](route.body),
		} {
			if w := s.record(request("POST", route.path, body, "Content-Encoding", header)); w.Code == 415 || !strings.Contains(w.Body.String(), route.want) {
				t.Errorf("%s %s: %d %s", header, route.path, w.Code, w.Body)
			}
		}
		w := s.record(request("POST", route.path, route.body, "Content-Encoding", "compress"))
		if text := w.Body.String(); w.Code != 415 || w.Header().Get("Accept-Encoding") != "gzip, deflate, br, zstd" || !strings.Contains(text, "gzip, deflate, br, zstd") || !strings.Contains(text, "compress") {
			t.Errorf("compress %s: %d %v %s", route.path, w.Code, w.Header(), text)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// embedder adds a model whose embeddings are the lengths of its inputs.
func embedder(e *engine.Engine) {
	engine.Predicts(e.Add("embedder", engine.Lifecycle{Kind: "test"}), "embed", engine.Predictor[*dialect.EmbeddingCall, *dialect.EmbeddingCall, *dialect.EmbeddingCall, *dialect.EmbeddingResponse]{
		Preprocess: same[*dialect.EmbeddingCall], Predict: same[*dialect.EmbeddingCall],
		Postprocess: func(context.Context, *dialect.EmbeddingCall) (*dialect.EmbeddingResponse, error) {
			return &dialect.EmbeddingResponse{Object: "list", Model: "embedder", Data: []dialect.Embedding{{Object: "embedding", Embedding: dialect.Vector{Values: []float32{7}}}}}, nil
		},
	})
}

// Two lines of Content-Encoding are one list.
func TestContentEncodingInTwoLines(t *testing.T) {
	s := newServer(t, 1, 1, words(nil))
	r := request("POST", "/v1/models/words:predict", encodings["br"](encodings["gzip"](`{"prompt":"one"}`)), "Content-Encoding", "gzip")
	if w := s.record(twice(r, "Content-Encoding", "br")); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	r = request("POST", "/v1/models/words:predict", "", "Content-Encoding", "gzip, gzip, gzip, gzip")
	if w := s.record(r); w.Code != 415 || !strings.Contains(w.Body.String(), "4 content codings, and may have 3") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestBrokenEncodings(t *testing.T) {
	s := newServer(t, 1, 1, words(nil))
	text := `{"prompt":"one two three four five six"}`
	for name, encode := range encodings {
		if name == "identity" {
			continue
		}
		good := encode(text)
		for what, body := range map[string]string{
			"cut in the middle": good[:len(good)/2],
			"cut at its end":    good[:len(good)-1],
			"cut at its start":  good[:1],
			"not encoded":       text,
			"followed by more":  good + "more than it",
			"in another":        encodings["gzip"](encode(text))[5:],
		} {
			w := s.record(request("POST", "/v1/models/words:predict", body, "Content-Encoding", name))
			if w.Code != 400 || !strings.Contains(w.Body.String(), `"reason":"bad_encoding"`) {
				t.Errorf("%s %s: %d %s", name, what, w.Code, w.Body)
			}
		}
		// The coding that failed is named, also of one within another.
		inner := encode(text)
		w := s.record(request("POST", "/v1/models/words:predict", encodings["gzip"](inner[:len(inner)/2]), "Content-Encoding", name+", gzip"))
		if want := strings.TrimPrefix(strings.ToLower(name), "x-"); w.Code != 400 || !strings.Contains(w.Body.String(), "valid "+want+",") {
			t.Errorf("%s in gzip: %d %s", name, w.Code, w.Body)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// A body that would be large when decoded is refused when it exceeds the limit, in whatever coding
// within others, and all that was reserved for it is returned.
func TestABodyIsLimitedAfterItIsDecoded(t *testing.T) {
	budget := memory.New(64 << 20)
	s := newServer(t, 1, 1, words(nil), func(o *gateway.Options) { o.Memory = budget }) // MaxBody: 1 MiB
	exactly := `{"prompt":"` + strings.Repeat("a", 1<<20-len(`{"prompt":""}`)) + `"}`
	bomb := strings.Repeat(" ", 64<<20)
	for name, encode := range encodings {
		if name == "identity" {
			continue
		}
		if w := s.record(request("POST", "/v1/models/words:predict", encode(exactly), "Content-Encoding", name)); w.Code != 200 {
			t.Errorf("%s of the limit: %d %.200s", name, w.Code, w.Body)
		}
		small := encode(bomb)
		for header, body := range map[string]string{
			name:                 encode(exactly + " "),
			name + ",identity":   small,
			name + ", gzip":      encodings["gzip"](small),
			"gzip, " + name:      encode(encodings["gzip"](bomb) + strings.Repeat("x", 2<<20)),
			name + ", gzip, br ": encodings["br"](encodings["gzip"](small)),
		} {
			w := s.record(request("POST", "/v1/models/words:predict", body, "Content-Encoding", header))
			if w.Code != 413 || !strings.Contains(w.Body.String(), "1 MiB") {
				t.Errorf("%s, %d bytes: %d %s", header, len(body), w.Code, w.Body)
			}
		}
	}
	if held := budget.Snapshot(); held.Used != 0 {
		t.Errorf("left: %+v", held)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// A window is memory: the largest one that HTTP allows is read, and no larger one.
func TestTheWindowOfZstdIsLimited(t *testing.T) {
	s := newServer(t, 1, 1, words(nil))
	frame := func(log byte) string { // a frame of one raw block, with a window of 1<<log
		text := `{"prompt":"one"}`
		return "\x28\xb5\x2f\xfd\x00" + string([]byte{(log - 10) << 3, byte(len(text)<<3 | 1), 0, 0}) + text
	}
	if w := s.record(request("POST", "/v1/models/words:predict", frame(23), "Content-Encoding", "zstd")); w.Code != 200 {
		t.Errorf("8 MiB: %d %s", w.Code, w.Body)
	}
	for _, log := range []byte{24, 31} {
		w := s.record(request("POST", "/v1/models/words:predict", frame(log), "Content-Encoding", "zstd"))
		if w.Code != 400 || !strings.Contains(w.Body.String(), "a window of more than 8 MiB") {
			t.Errorf("1<<%d: %d %s", log, w.Code, w.Body)
		}
	}
	// Brotli's windows of up to 1 GiB are no part of the coding "br".
	if w := s.record(request("POST", "/v1/models/words:predict", "\x11\x1e\x03\x00\x00", "Content-Encoding", "br")); w.Code != 400 {
		t.Errorf("large window: %d %s", w.Code, w.Body)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// What decoding takes is in the budget: without room it is refused, and not done.
func TestDecodersAreReserved(t *testing.T) {
	budget := memory.New(4 << 20)
	s := newServer(t, 1, 1, words(nil), func(o *gateway.Options) { o.Memory = budget })
	for name, status := range map[string]int{"gzip": 200, "deflate": 200, "zstd": 503, "br": 503} {
		w := s.record(request("POST", "/v1/models/words:predict", encodings[name](`{"prompt":"one"}`), "Content-Encoding", name))
		if w.Code != status {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	if held := budget.Snapshot(); held.Used != 0 {
		t.Errorf("left: %+v", held)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// An upstream gets the body as it is, and no Content-Encoding.
func TestUpstreamsGetDecodedBodies(t *testing.T) {
	type seen struct{ body, encoding string }
	got := make(chan seen, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- seen{string(body), r.Header.Get("Content-Encoding")}
		openAIServer(w, r)
	}))
	defer server.Close()
	s := newServer(t, 1, 1, func(e *engine.Engine) {
		_, err := upstream.Add(e, upstream.Config{
			Name: "upstream", Servers: []upstream.Server{{Name: "first", BaseURL: server.URL + "/v1", Model: "upstream", Weight: 1}},
			Timeouts: upstream.Timeouts{Connect: time.Minute, FirstToken: time.Minute, BetweenTokens: time.Minute, Whole: time.Minute},
			Gate:     engine.GateConfig{Permits: 1, Queue: 1},
		})
		if err != nil {
			t.Fatal(err)
		}
	})
	body := `{"model":"upstream","messages":[{"role":"user","content":"hi"}],"unknown":{"kept":1}}`
	for name, encode := range encodings {
		w := s.record(request("POST", chatPath, encode(body), "Content-Encoding", name))
		if seen := <-got; w.Code != 200 || seen.body != body || seen.encoding != "" {
			t.Errorf("%s: %d, sent %+v", name, w.Code, seen)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// The log has what a request says, and not how it was packed.
func TestTheLogHasDecodedContent(t *testing.T) {
	s := newServer(t, 1, 1, words(nil), func(o *gateway.Options) { o.LogContent = true })
	s.record(request("POST", "/v1/models/words:predict", encodings["zstd"](`{"prompt":"one"}`), "Content-Encoding", "zstd"))
	if log := s.log.String(); !strings.Contains(log, `request="{\"prompt\":\"one\"}"`) {
		t.Error(log)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// No encoded body costs more than four times its size when decoded, and what its decoder is known
// to take: a window and tables, of which the budget has as much.
func TestNoEncodedBodyCostsMoreThanFourTimesItsSize(t *testing.T) {
	const stopped = "gcstoptheworld=1" // see TestNoBodyCostsMoreThanFourTimesItsSize
	if os.Getenv("GODEBUG") != stopped {
		self := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
		self.Env = append(os.Environ(), "GODEBUG="+stopped)
		if out, err := self.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	s := newServer(t, 1, 4, func(e *engine.Engine) { words(nil)(e); discardingServer(t, e) }, func(o *gateway.Options) { o.MaxBody = 2 * costly })
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	noise := make([]byte, costly/2)
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // noise, and no secret
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	head := `{"model":"upstream","messages":`
	bodies := map[string]string{
		"empty values": repeated(head+`[`, `{}`, `]}`),
		"a long text":  long(head+`[{"role":"user","content":"`, "a", `"}]}`),
		"noise":        head + `[{"role":"user","content":"` + fmt.Sprintf("%x", noise) + `"}]}`,
		"too large":    strings.Repeat(" ", 64*costly),
	}
	window := map[string]int64{"zstd": 9 << 20, "br": 20 << 20}
	for what, body := range bodies {
		for name, encode := range encodings {
			if name == "identity" {
				continue
			}
			cost, status := costOf(s, request("POST", chatPath, encode(body), "Content-Encoding", name))
			if most := 4*min(int64(len(body)), 2*costly) + costSlack + window[name]; cost > most {
				t.Errorf("%s of %s costs %d, more than %d (%d)", name, what, cost, most, status)
			}
		}
	}
}

// Whatever a body is, it is decoded or refused: nothing panics.
func FuzzEncodedBodies(f *testing.F) {
	for name, encode := range encodings {
		f.Add(strings.ToLower(name), []byte(encode(`{"prompt":"one two"}`)))
	}
	f.Fuzz(func(t *testing.T, name string, body []byte) {
		if _, known := encodings[name]; !known {
			return
		}
		s := newServer(t, 1, 1, words(nil))
		w := s.record(request("POST", "/v1/models/words:predict", string(body), "Content-Encoding", name))
		if w.Code >= 500 {
			t.Errorf("%s %q: %d %s", name, body, w.Code, w.Body)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}
