package gateway_test

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/engine"
	"penstock/sse"
)

// fails adds a model that fails after a minute, with what a server's response began with.
func fails(held ...dialect.Delta) func(*engine.Engine) {
	return func(e *engine.Engine) {
		engine.Generates(e.Add("words", engine.Lifecycle{Kind: "test"}), "generate", engine.Generator[*dialect.Request, *dialect.Request, dialect.Delta]{
			Preprocess: same[*dialect.Request],
			Generate: func(_ context.Context, _ *dialect.Request, emit func(...dialect.Delta) error) (engine.End, error) {
				time.Sleep(time.Minute)
				if err := emit(held...); err != nil {
					return engine.End{}, err
				}
				return engine.End{}, &apierr.Error{Code: apierr.CodeUpstreamCut, Message: "the upstream is gone"}
			},
		})
	}
}

func heldBack(name, data string) dialect.Delta {
	return dialect.Delta{Held: true, Dialect: dialect.Responses, Event: sse.Event{Name: sse.MustName(name), Data: []byte(data)}}
}

// Clients take no event of a response before response.created. Its numbers have no hole.
func TestAResponseThatFailsAfterAHeartbeatBeginsAsAnyOther(t *testing.T) {
	for name, c := range map[string]struct {
		body, header string
		held         []dialect.Delta
		want         string
	}{
		"of the request": {
			body: `{"model":"words","stream":true,"input":"x","instructions":"be brief"}`,
			want: "response.created 0 be brief, response.in_progress 1 be brief, response.failed 2 be brief, error 3 the upstream is gone",
		},
		"of a request that only a server understands": {
			body: `{"model":"words","stream":true,"input":{"new":1}}`,
			want: "response.created 0 , response.in_progress 1 , response.failed 2 , error 3 the upstream is gone",
		},
		"resumable": {
			body: `{"model":"words","stream":true,"input":"x"}`, header: "1",
			want: "response.created 0 , response.in_progress 1 , response.failed 2 , error 3 the upstream is gone",
		},
		"what was held back": {
			body: `{"model":"words","stream":true,"input":"x"}`,
			held: []dialect.Delta{heldBack("response.created", `{"type":"response.created","sequence_number":7,"response":{"instructions":"theirs"}}`)},
			want: "response.created 7 theirs, response.failed 8 theirs, error 9 the upstream is gone",
		},
		"what was held back of no response": {
			body: `{"model":"words","stream":true,"input":"x"}`,
			held: []dialect.Delta{heldBack("", `{"type":"response.queued","sequence_number":0}`)},
			want: "response.created 0 , response.in_progress 1 , response.failed 2 , error 3 the upstream is gone",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newServer(t, 1, 0, fails(c.held...))
				response := listen(t, s.inMemory(t), "POST", "http://localhost/v1/responses", c.body, "X-Penstock-Resumable", c.header)
				<-response.over
				response.leave()
				if got := summary(t, response.text); got != c.want || response.err == nil {
					t.Errorf("the events are %s, then %v", got, response.err)
				}
			})
		})
	}
}

// summary returns each event's name, number, and instructions or message.
func summary(t *testing.T, text string) string {
	t.Helper()
	var all []string
	for r := sse.NewReader(strings.NewReader(text), 1<<20); ; {
		raw, err := r.Next()
		if err == io.EOF { //nolint:errorlint // io.EOF itself
			return strings.Join(all, ", ")
		}
		var e struct {
			Type     string
			Number   json.Number `json:"sequence_number"`
			Message  string
			Response struct{ Instructions string }
		}
		if err == nil {
			err = json.Unmarshal(raw.Data, &e)
		}
		if err != nil || e.Type != string(raw.Name) {
			t.Fatalf("%q: %v", raw.Data, err)
		}
		all = append(all, e.Type+" "+e.Number.String()+" "+e.Message+e.Response.Instructions)
	}
}

// Without a heartbeat the failure has a status.
func TestAResponseThatFailsBeforeAHeartbeatHasAStatus(t *testing.T) {
	s := newServer(t, 1, 0, words(nil))
	w := s.record(request("POST", "/v1/responses", `{"model":"words","stream":true,"input":"FAIL"}`))
	if w.Code != 502 || !strings.Contains(w.Body.String(), `"message":"cut"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// Older versions of OpenAI's SDKs take an empty line after a comment for an event. Readers that
// split at empty lines need it.
func TestOpenAIsSDKsGetHeartbeatsWithoutAnEmptyLine(t *testing.T) {
	for sdk, want := range map[string]string{"": ": keep-alive\n\n: keep-alive\n\ndata: {", "python": ": keep-alive\n: keep-alive\ndata: {"} {
		for _, path := range []string{chatPath, "/v1/responses", "/v1/models/words/stream"} {
			synctest.Test(t, func(t *testing.T) {
				steps := make(chan struct{})
				s := newServer(t, 1, 0, words(steps))
				body, want := chatBody(true, "Once"), want
				switch path {
				case "/v1/responses":
					body, want = `{"model":"words","stream":true,"input":"Once"}`, strings.Replace(want, "data: {", "event: response.created\ndata: {", 1)
				case "/v1/models/words/stream":
					body, want = `{"prompt":"Once"}`, strings.Replace(want, "data: {", "event: started\ndata: {", 1)
				}
				response := listen(t, s.inMemory(t), "POST", "http://localhost"+path, body, "X-Stainless-Lang", sdk)
				time.Sleep(31 * time.Second)
				steps <- struct{}{}
				if got := response.whole(t); !strings.Contains(got, want) || strings.Count(got, ": keep-alive") != 2 {
					t.Errorf("%s, %q: %q", path, sdk, got)
				}
			})
		}
	}
}
