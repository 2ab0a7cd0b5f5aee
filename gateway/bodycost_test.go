package gateway_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	runtimemetrics "runtime/metrics"
	"strings"
	"testing"
	"time"

	"penstock/clip"
	"penstock/engine"
	"penstock/gateway"
	"penstock/llm/upstream"
	"penstock/onnx"
	"penstock/onnx/onnxtest"
)

// costly is how large the bodies are that are measured.
const costly = 1 << 20

// costSlack is what a request may cost whatever its size is: its pixels, and buffers.
const costSlack = 512 << 10

// repeated returns about costly bytes of an entry, with commas between, inside open and end.
func repeated(open, entry, end string) string {
	n := (costly - len(open) - len(end)) / (len(entry) + 1)
	return open + strings.Repeat(entry+",", n) + entry + end
}

// long returns costly bytes of a character inside open and end.
func long(open, c, end string) string {
	return open + strings.Repeat(c, (costly-len(open)-len(end))/len(c)) + end
}

// distinct returns an object's members, each of another name.
func distinct(open, value, end string) string {
	var b strings.Builder
	b.WriteString(open)
	for i := 0; b.Len() < costly-len(end)-20; i++ {
		fmt.Fprintf(&b, `"%x":%s,`, i, value)
	}
	return b.String() + `"zz":` + value + end
}

// costOf returns how much more memory is in use at most while a request is served than before it,
// and its status.
func costOf(s *server, r *http.Request) (cost int64, status int) {
	live := func() int64 {
		runtime.GC()
		sample := []runtimemetrics.Sample{{Name: "/gc/heap/live:bytes"}}
		runtimemetrics.Read(sample)
		return int64(sample[0].Value.Uint64()) //nolint:gosec // far less than 1<<63
	}
	live()
	before, most := live(), int64(0)
	done := make(chan int)
	go func() { done <- s.record(r).Code }()
	for {
		select {
		case status = <-done:
			return most - before, status
		default:
			most = max(most, live())
		}
	}
}

// discardingServer adds a model of another server, which does not keep what it is sent.
func discardingServer(t *testing.T, e *engine.Engine) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		http.Error(w, `{"error":{"message":"no","type":"invalid_request_error"}}`, http.StatusBadRequest)
	}))
	t.Cleanup(server.Close)
	_, err := upstream.Add(e, upstream.Config{
		Name:     "upstream",
		Servers:  []upstream.Server{{Name: "first", BaseURL: server.URL + "/v1", Model: "m", Weight: 1}},
		Timeouts: upstream.Timeouts{Connect: time.Minute, FirstToken: time.Minute, BetweenTokens: time.Minute, Whole: time.Minute},
		Gate:     engine.GateConfig{Permits: 1, Queue: 1},
		Log:      slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// values are the short values that cost many times their size where they become Go's.
var values = []string{`{}`, `[]`, `""`, `"a"`, `0`, `0.5`, `null`, `true`, `{"a":0}`, `[[]]`, `{"type":"text","text":""}`, `{"role":"user","content":""}`}

// No body costs more than four times its size, whatever it holds and wherever it is sent.
func TestNoBodyCostsMoreThanFourTimesItsSize(t *testing.T) {
	// A collector that runs beside the program takes what is allocated meanwhile for live.
	const stopped = "gcstoptheworld=1"
	if os.Getenv("GODEBUG") != stopped {
		self := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
		self.Env = append(os.Environ(), "GODEBUG="+stopped)
		if out, err := self.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	s := newServer(t, 1, 4, func(e *engine.Engine) {
		tiny(t, e)
		discardingServer(t, e)
		clip.New(clip.Options{
			Name: "clip", Path: filepath.Join("..", "models", "clip-tiny"), Labels: []string{"a photo of a cat", "a photo of a dog"},
			ONNX: onnx.Options{Library: onnxtest.Library(t)},
		}).Register(e)
	}, func(o *gateway.Options) { o.MaxBody = 2 * costly })
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()

	type row struct{ path, media, body string }
	measure := func(x row) {
		path, length, _ := strings.Cut(x.path, " ")
		r := request("POST", path, x.body, "Content-Type", x.media)
		if length != "" {
			r.Header.Set("Inference-Header-Content-Length", length)
		}
		cost, status := costOf(s, r)
		if cost <= 4*int64(len(x.body))+costSlack {
			return
		}
		t.Errorf("%.1f times (%d): %s %s %.90q … %.20q", float64(cost)/float64(len(x.body)), status, x.path, x.media, x.body, x.body[len(x.body)-20:])
	}
	// holes adds bodies of what a client may put where a value goes.
	holes := func(path, open, end string) {
		for _, v := range values {
			measure(row{path, "application/json", repeated(open+"[", v, "]"+end)})
		}
		for _, c := range []string{"[", "a", `\n`, `\u0041`, "\u00e9", `{"a":`} {
			quote := ""
			if c != "[" && c != `{"a":` {
				quote = `"`
			}
			measure(row{path, "application/json", long(open+quote, c, quote+end)})
		}
		for _, v := range []string{"0", `""`} {
			measure(row{path, "application/json", distinct(open+"{", v, "}"+end)})
		}
		measure(row{path, "application/json", repeated(open+"[[", "0", "]]"+end)})
	}
	for _, model := range []string{"tiny", "upstream"} {
		head := `{"model":"` + model + `",`
		holes("/v1/chat/completions", head+`"messages":`, `}`)
		holes("/v1/chat/completions", head+`"messages":[{"role":"user","content":`, `}]}`)
		holes("/v1/completions", head+`"prompt":`, `}`)
		holes("/v1/responses", head+`"input":`, `}`)
		holes("/v1/chat/completions", head+`"other":`, `}`)
		holes("/v1/models/"+model+":predict", `{"messages":`, `}`)
		holes("/v1/models/"+model+":predict", `{"prompt":`, `}`)
		holes("/v1/models/"+model+"/stream", `{"messages":`, `}`)
		holes("/v1/streams", head+`"input":{"messages":`, `}}`)
		holes("/v1/streams", head+`"input":{"prompt":`, `}}`)
	}
	holes("/v1/chat/completions", `{"messages":`, `}`)
	holes("/v1/embeddings", `{"model":"clip","input":`, `}`)
	holes("/v1/embeddings", `{"model":"upstream","input":`, `}`)
	holes("/v1/models/clip:rank", `{"query":"a","items":`, `}`)
	holes("/v1/rerank", `{"model":"clip","query":"a","return_documents":true,"documents":`, `}`)
	for _, field := range []string{"urls", "labels", "image", "url", "template"} {
		holes("/v1/models/clip:predict", `{"`+field+`":`, `}`)
	}
	holes("/v1/models/clip:predict", ``, ``)
	holes("/v2/models/clip/infer", `{"inputs":`, `}`)
	holes("/v2/models/clip/infer", `{"inputs":[{"name":"input_ids","datatype":"INT64","shape":`, `}]}`)
	holes("/v2/models/clip/infer", `{"inputs":[{"name":"input_ids","datatype":"INT64","shape":[1,2000000],"data":`, `}]}`)
	holes("/v2/models/clip/infer", `{"inputs":[{"name":"pixel_values","datatype":"FP32","shape":[1,2000000],"data":`, `}]}`)
	holes("/v2/models/clip/infer", `{"outputs":`, `}`)

	picture := base64.StdEncoding.EncodeToString(make([]byte, costly/4*3))
	for _, p := range []string{picture, "data:image/png;base64," + picture, "data:image/png;base64," + strings.Repeat("%41", costly/3), strings.ReplaceAll(picture, "A", "-")} {
		for _, x := range []row{
			{"/v1/models/clip:predict", "application/json", `{"image":"` + p + `"}`},
			{"/v1/models/clip:predict", "application/json", `[{"image":"` + p + `"}]`},
			{"/v1/embeddings", "application/json", `{"model":"clip","input":{"image":"` + p + `"}}`},
			{"/v1/models/clip:predict", "application/json", `{"url":"` + p + `"}`},
			{"/v1/models/clip:predict", "application/json", `{"urls":["` + p + `"]}`},
			{"/v1/embeddings", "application/json", `{"model":"clip","input":"` + p + `"}`},
			{"/v1/embeddings", "application/json", `{"model":"clip","input":["` + p + `"]}`},
			{"/v1/models/clip:rank", "application/json", `{"query":"a","items":[{"image":"` + p + `"}]}`},
			{"/v1/rerank", "application/json", `{"model":"clip","query":"a","return_documents":true,"documents":[{"image":"` + p + `"}]}`},
			{"/v1/models/clip:predict", "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"image\"\r\n\r\n" + p + "\r\n--b--"},
			{"/v1/models/clip:predict", "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a\"\r\n\r\n" + p + "\r\n--b--"},
			{"/v1/models/clip:predict", "image/png", p},
		} {
			measure(x)
		}
	}
	part := "--b\r\nContent-Disposition: form-data; name=\"labels\"\r\n\r\na\r\n"
	for _, x := range []row{
		{"/v1/models/clip:predict", "multipart/form-data; boundary=b", strings.Repeat(part, costly/len(part)) + "--b--"},
		{"/v1/models/clip:predict", "multipart/form-data; boundary=b", "--b\r\n" + strings.Repeat("a:b\r\n", costly/5) + "\r\n\r\n--b--"},
	} {
		measure(x)
	}
	for _, datatype := range []string{"INT32", "INT64", "FP32"} {
		size := map[string]int{"INT32": 4, "INT64": 8, "FP32": 4}[datatype]
		head := fmt.Sprintf(`{"inputs":[{"name":"input_ids","datatype":%q,"shape":[1,%d],"parameters":{"binary_data_size":%d}}]}`, datatype, costly/size, costly)
		measure(row{"/v2/models/clip/infer " + fmt.Sprint(len(head)), "application/octet-stream", head + strings.Repeat("\x00", costly)})
	}
}
