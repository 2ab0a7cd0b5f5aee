//go:build e2e

package clients

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	test "penstock/llm/upstream/upstreamtest"
)

// upstream is an OpenAI-compatible server that responds according to the requested model.
type upstream struct {
	url      string
	canceled chan string // the models whose clients disconnected before the end
}

// request is what the upstream reads of a request.
type request struct {
	Model          string
	Stream         bool
	EncodingFormat string `json:"encoding_format"`
	Messages       []struct{ Role string }
}

func startUpstream(t *testing.T) *upstream {
	u := &upstream{canceled: make(chan string, 1000)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var q request
		if err == nil {
			err = json.Unmarshal(body, &q)
		}
		if err != nil {
			t.Errorf("an invalid request: %v", err)
		}
		defer func() {
			if r.Context().Err() != nil {
				u.canceled <- q.Model
			}
		}()
		script := chatScript(t, q)
		switch r.URL.Path {
		case "/v1/responses":
			script = responsesScript(t, q)
		case "/v1/embeddings":
			script = test.Script{test.Answer(http.StatusOK, embeddings(t, q))}
		}
		for _, act := range script {
			act(w, r)
		}
	}))
	t.Cleanup(server.Close)
	u.url = server.URL
	return u
}

func chatScript(t *testing.T, q request) test.Script {
	m := q.Model
	begin := test.Script{test.Send(test.Role(m)), test.Tokens(m, 0, 3)}
	switch m {
	case "plain":
		return respond(q)
	case "patient": // in the middle it sends nothing for longer than a heartbeat takes
		return test.Script{
			test.Send(test.Role(m)), test.Tokens(m, 0, 1), test.Pause(3 * heartbeat), test.Tokens(m, 1, 3),
			test.Send(test.Finish(m)), test.Send(test.Usage(m)), test.Send(test.Done),
		}
	case "thinks":
		return test.Script{test.Send(file(t, "thinks.sse"))}
	case "tools":
		switch {
		case q.Messages[len(q.Messages)-1].Role == "tool":
			return respond(q)
		case q.Stream:
			return test.Script{test.Send(file(t, "tools.sse"))}
		}
		return test.Script{test.Answer(http.StatusOK, file(t, "tools.json"))}
	case "refuses":
		return test.Script{test.Fail(http.StatusBadRequest, "context_length_exceeded")}
	case "busy":
		return test.Script{test.Fail(http.StatusTooManyRequests, "rate_limit_exceeded", "Retry-After", "20")}
	case "locked":
		return test.Script{test.Fail(http.StatusUnauthorized, "invalid_api_key")}
	case "broken":
		return test.Script{test.Fail(http.StatusInternalServerError, "oops")}
	case "down":
		return test.Script{test.Reset}
	case "halts": // in the middle of a call's arguments
		begin, _, _ := strings.Cut(file(t, "tools.sse"), "\"Paris")
		return test.Script{test.Send(begin), test.Cut}
	case "cut":
		if !q.Stream {
			return test.Script{test.Answer(http.StatusOK, whole(q)[:50]), flush, test.Cut}
		}
		return append(begin, test.Cut)
	case "torn": // longer than what is held back until its end is there
		return test.Script{test.Answer(http.StatusOK, whole(q)+strings.Repeat(" ", 1<<20)), flush, test.Cut}
	case "slowly": // each word is a write of its own
		var script test.Script
		for i := range 6 {
			script = append(script, test.Tokens(m, i, i+1), test.Pause(20*time.Millisecond))
		}
		return append(script, test.Cut)
	case "stalls":
		return append(begin, test.Stall)
	case "forms", "halfform": // a JSON object as text
		const form = `{\"city\":\"Paris\"}`
		switch {
		case !q.Stream:
			return test.Script{test.Answer(http.StatusOK, strings.Replace(test.Completion(m), "hello", form, 1))}
		case m == "halfform":
			return test.Script{test.Send(test.Role(m)), test.Send(test.ContentEvent(form[:16])), test.Cut}
		}
		return test.Script{test.Send(test.Role(m)), test.Send(test.ContentEvent(form)), test.Send(test.Finish(m)), test.Send(test.Done)}
	case "endless":
		return test.Script{test.Send(test.Role(m)), tokensForever(m)}
	}
	return test.Script{test.Stall} // silent, late and slow differ in whose timeout ends it, and when
}

func respond(q request) test.Script {
	if q.Stream {
		return test.Whole(q.Model, 3)
	}
	return test.Script{test.Answer(http.StatusOK, whole(q))}
}

func whole(q request) string {
	return strings.Replace(test.Completion(q.Model), "hello", test.Text(0, 3), 1)
}

// flush sends the bytes written so far, so that a cut comes after them.
func flush(w http.ResponseWriter, _ *http.Request) {
	_ = http.NewResponseController(w).Flush() // the client may have disconnected
}

// tokensForever sends tokens until the client disconnects.
func tokensForever(model string) test.Act {
	return func(w http.ResponseWriter, r *http.Request) {
		for i := 0; ; i++ {
			test.Tokens(model, i, i+1)(w, r)
			test.Pause(10*time.Millisecond)(w, r)
		}
	}
}

func responsesScript(t *testing.T, q request) test.Script {
	switch {
	case q.Model == "refuses" || q.Model == "late":
		return chatScript(t, q)
	case !q.Stream:
		return test.Script{test.Answer(http.StatusOK, file(t, "response.json"))}
	}
	events := file(t, "response.sse")
	if q.Model == "cut" {
		begin, _, _ := strings.Cut(events, "event: response.output_text.done")
		return test.Script{test.Send(begin), test.Cut}
	}
	return test.Script{test.Send(events)}
}

// embeddings returns a vector for each of two inputs, as floats or, as OpenAI's clients request by
// default, as base64.
func embeddings(t *testing.T, q request) string {
	rows := []map[string]any{}
	for i, vector := range [][]float32{{0.5, -0.25}, {1, 0}} {
		row := map[string]any{"object": "embedding", "index": i, "embedding": vector}
		if q.EncodingFormat == "base64" {
			var b bytes.Buffer
			if err := binary.Write(&b, binary.LittleEndian, vector); err != nil {
				t.Error(err)
			}
			row["embedding"] = base64.StdEncoding.EncodeToString(b.Bytes())
		}
		rows = append(rows, row)
	}
	body, err := json.Marshal(map[string]any{
		"object": "list", "model": q.Model, "data": rows, "usage": map[string]int{"prompt_tokens": 2, "total_tokens": 2},
	})
	if err != nil {
		t.Error(err)
	}
	return string(body)
}

// file returns a file of testdata.
func file(t *testing.T, name string) string {
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}
