package upstream

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/engine"
	test "penstock/llm/upstream/upstreamtest"
)

// pass sends a request whose route is passed through.
func (f *fixture) pass(body string) (r reply, spent engine.Usage) {
	f.t.Helper()
	begin := time.Now()
	c := &dialect.PassCall{
		Call:   dialect.Call{Body: []byte(body), MediaType: "application/json", Passthrough: &r.head},
		Method: http.MethodPost, Path: "audio/speech", Fields: http.Header{"Accept": {"audio/*"}},
	}
	if err := c.ReadPass(); err != nil {
		f.t.Fatal(err)
	}
	verb, ok := engine.PredictionOf[*dialect.PassCall, engine.Usage](f.model, "pass")
	if !ok {
		f.t.Fatal("the model passes nothing through")
	}
	call, err := verb.Admit(engine.Caller{})
	if err != nil {
		f.t.Fatal(err)
	}
	defer call.Close()
	spent, err = verb.Do(f.t.Context(), call, c)
	r.err, _ = errors.AsType[*apierr.Error](err)
	r.took = time.Since(begin)
	return r, spent
}

const speechBody = `{"model":"gpt","input":"12345678"}`

// sound is the beginning of a response of bytes.
func sound(text string) test.Act {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "audio/mpeg")
		test.Send(text)(w, r)
	}
}

func TestWhatIsPassedThrough(t *testing.T) {
	estimate := engine.Usage{PromptTokens: 2, Estimated: true}
	events := "data: {\"type\":\"transcript.text.delta\",\"delta\":\"a\"}\n\ndata: {\"type\":\"transcript.text.done\",\"text\":\"a\",\"usage\":{\"input_tokens\":5,\"output_tokens\":6}}\n\n"
	for name, c := range map[string]struct {
		scripts  []test.Script // of each server
		body     string
		code     apierr.Code
		attempts string
		spent    engine.Usage
		took     time.Duration
	}{
		"a sound": {[]test.Script{{sound("ID3")}}, "ID3", "", "a ok", estimate, 0},
		// A second request would cost as much as the first.
		"a silent server":          {[]test.Script{{test.Pause(50 * time.Second), sound("ID3")}, {sound("b")}}, "ID3", "", "a ok", estimate, 50 * time.Second},
		"a server that hangs":      {[]test.Script{{test.Stall}, {sound("b")}}, "b", "", "a timeout, b ok", estimate, time.Minute},
		"silence after the head":   {[]test.Script{{sound(""), test.Stall}, {sound("b")}}, "b", "", "a timeout, b ok", estimate, 15 * time.Second},
		"silence in the middle":    {[]test.Script{{sound("ID3"), test.Stall}, {sound("b")}}, "ID3", apierr.CodeUpstreamTimeout, "a timeout", engine.Usage{}, 15 * time.Second},
		"a cut in the middle":      {[]test.Script{{sound("ID3"), test.Cut}, {sound("b")}}, "ID3", apierr.CodeUpstreamCut, "a cut", engine.Usage{}, 0},
		"a long response":          {[]test.Script{{sound("ID3"), test.Send(strings.Repeat("x", 1<<10))}, {sound("b")}}, "ID3", apierr.CodeUpstreamError, "a error", engine.Usage{}, 0},
		"compressed":               {[]test.Script{{test.Gzip("application/json", `{"text":"a"}`)}}, `{"text":"a"}`, "", "a ok", estimate, 0},
		"usage of JSON":            {[]test.Script{{test.Answer(200, `{"usage":{"input_tokens":5,"output_tokens":6}}`)}}, `{"usage":{"input_tokens":5,"output_tokens":6}}`, "", "a ok", engine.Usage{PromptTokens: 5, CompletionTokens: 6}, 0},
		"usage of rerank":          {[]test.Script{{test.Answer(200, `{"usage":{"total_tokens":5}}`)}}, `{"usage":{"total_tokens":5}}`, "", "a ok", engine.Usage{PromptTokens: 5}, 0},
		"usage of events":          {[]test.Script{{test.Send(events)}}, events, "", "a ok", engine.Usage{PromptTokens: 5, CompletionTokens: 6}, 0},
		"a text like a usage":      {[]test.Script{{sound(`{"usage":{"input_tokens":5}}`)}}, `{"usage":{"input_tokens":5}}`, "", "a ok", estimate, 0},
		"an error that it reports": {[]test.Script{{test.Fail(500, "x"), test.Fail(500, "x")}}, "", apierr.CodeUpstreamError, "a error, a error", engine.Usage{}, -1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var servers []http.Handler
				for _, s := range c.scripts {
					servers = append(servers, test.New(s, s))
				}
				f := newFixture(t, func(config *Config) {
					config.Pass = []dialect.PassRoute{"audio/*"}
					config.Timeouts.FailoverAfter, config.MaxAnswer = 10*time.Second, 1<<10
				}, servers...)
				defer f.close()
				r, spent := f.pass(speechBody)
				var code apierr.Code
				if r.err != nil {
					code = r.err.Code
				}
				if r.body.String() != c.body || code != c.code || f.attempts.String() != c.attempts || spent != c.spent || c.took >= 0 && r.took != c.took {
					t.Errorf("got %q, %v, after %s in %v, for %+v", r.body.String(), r.err, f.attempts, r.took, spent)
				}
			})
		})
	}
}
