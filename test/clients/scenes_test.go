//go:build e2e

package e2e

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

// upstream is an OpenAI-compatible server that answers by the name of the model asked for.
type upstream struct {
	url  string
	left chan string // the models whose clients went away before the end
}

// question is what the server reads of a request.
type question struct {
	Model          string
	Stream         bool
	EncodingFormat string `json:"encoding_format"`
	Messages       []struct{ Role string }
}

func startUpstream(t *testing.T) *upstream {
	u := &upstream{left: make(chan string, 1000)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var q question
		if err == nil {
			err = json.Unmarshal(body, &q)
		}
		if err != nil {
			t.Errorf("a request that cannot be read: %v", err)
		}
		defer func() {
			if r.Context().Err() != nil {
				u.left <- q.Model
			}
		}()
		script := chatScene(t, q)
		switch r.URL.Path {
		case "/v1/responses":
			script = responsesScene(t, q)
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

func chatScene(t *testing.T, q question) test.Script {
	m := q.Model
	begin := test.Script{test.Send(test.Role(m)), test.Tokens(m, 0, 3)}
	switch m {
	case "plain":
		return answer(q)
	case "patient": // in the middle it is silent for longer than Penstock is
		return test.Script{
			test.Send(test.Role(m)), test.Tokens(m, 0, 1), test.Pause(3 * heartbeat), test.Tokens(m, 1, 3),
			test.Send(test.Finish(m)), test.Send(test.Usage(m)), test.Send(test.Done),
		}
	case "thinks":
		return test.Script{test.Send(file(t, "thinks.sse"))}
	case "tools":
		switch {
		case q.Messages[len(q.Messages)-1].Role == "tool":
			return answer(q)
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
	case "torn": // longer than what can be held back until its end is there
		return test.Script{test.Answer(http.StatusOK, whole(q)+strings.Repeat(" ", 1<<20)), flush, test.Cut}
	case "stalls":
		return append(begin, test.Stall)
	case "endless":
		return test.Script{test.Send(test.Role(m)), forEver(m)}
	}
	return test.Script{test.Stall} // silent, late and slow: who gives up, and when, is what differs
}

func answer(q question) test.Script {
	if q.Stream {
		return test.Whole(q.Model, 3)
	}
	return test.Script{test.Answer(http.StatusOK, whole(q))}
}

func whole(q question) string {
	return strings.Replace(test.Completion(q.Model), "hello", test.Text(0, 3), 1)
}

// flush sends what has been written, so that a cut comes in the middle of it.
func flush(w http.ResponseWriter, _ *http.Request) {
	_ = http.NewResponseController(w).Flush() // a client that left needs no answer
}

// forEver sends tokens until nobody wants them.
func forEver(model string) test.Act {
	return func(w http.ResponseWriter, r *http.Request) {
		for i := 0; ; i++ {
			test.Tokens(model, i, i+1)(w, r)
			test.Pause(10*time.Millisecond)(w, r)
		}
	}
}

func responsesScene(t *testing.T, q question) test.Script {
	if !q.Stream {
		return test.Script{test.Answer(http.StatusOK, file(t, "response.json"))}
	}
	events := file(t, "response.sse")
	if q.Model == "cut" {
		begin, _, _ := strings.Cut(events, "event: response.output_text.done")
		return test.Script{test.Send(begin), test.Cut}
	}
	return test.Script{test.Send(events)}
}

// embeddings answers with a vector for each of two inputs, as floats or, as OpenAI's clients
// ask for of their own accord, as base64.
func embeddings(t *testing.T, q question) string {
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

func file(t *testing.T, name string) string {
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}
