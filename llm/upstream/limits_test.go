package upstream

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
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

// What is gathered from a stream is bounded too, by what it takes in memory; a stream that is
// passed on is not.
func TestGatheredStreamsAreBoundedByMemory(t *testing.T) {
	event := test.ContentEvent(strings.Repeat("x", 1000))
	scored := `data: {"choices":[{"index":0,"delta":{"content":"x"},"logprobs":{"content":[` + strings.Repeat("{},", 500) + `{}]}}]}` + "\n\n"
	for name, c := range map[string]struct {
		event  string
		n      int
		stream bool
		fails  bool
	}{
		"small":           {event, 50, false, false},
		"long":            {event, 200, false, true},
		"log probs":       {scored, 10, false, true},
		"a stream":        {event, 200, true, false},
		"choices":         {`data: {"choices":[{"index":5000,"delta":{"content":"x"}}]}` + "\n\n", 1, false, true},
		"negative choice": {`data: {"choices":[{"index":-1,"delta":{"content":"x"}}]}` + "\n\n", 1, false, true},
		"empty choices":   {`data: {"choices":[` + strings.Repeat("{},", 5000) + `{}]}` + "\n\n", 1, false, true},
		"calls":           {`data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":5000,"function":{"name":"f"}}]}}]}` + "\n\n", 1, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, func(f *Config) { f.MaxAnswer = 100 << 10 }, test.New(test.Script{test.Send(strings.Repeat(c.event, c.n) + test.Finish("m") + test.Done)}))
				defer f.close()
				request, err := codecs[dialect.Chat].Decode(dialect.Input{Body: []byte(unasked)})
				if err != nil {
					t.Fatal(err)
				}
				request.Stream = c.stream
				bytes := 0
				_, err = f.run(t.Context(), request, func(deltas ...dialect.Delta) error {
					for _, d := range deltas {
						bytes += len(d.Text)
					}
					return nil
				})
				if (err != nil) != c.fails || bytes > 100<<10 {
					t.Errorf("%d bytes were gathered, and %v", bytes, err)
				}
				if err != nil && apierr.From(err).Code != apierr.CodeUpstreamError {
					t.Errorf("the failure is %v", err)
				}
			})
		})
	}
}

// A head with too many fields is not looked at any further.
func TestHeadsWithTooManyFields(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var headers []string
		for i := range 2 * maxFields {
			headers = append(headers, fmt.Sprintf("X-Ratelimit-%d", i), "1")
		}
		f := newFixture(t, nil, test.New(test.Script{test.Answer(200, test.Completion("m"), headers...)}))
		defer f.close()
		if r := f.whole(dialect.Chat); r.err == nil || r.err.Code != apierr.CodeUpstreamError || r.calls > 0 {
			t.Errorf("the client gets %v, %v", r.header, r.err)
		}
	})
}

// What is compressed is bounded by what it is decompressed to.
func TestCompressedResponsesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := `{"x":"` + strings.Repeat("x", 10<<20) + `"}`
		f := newFixture(t, func(c *Config) { c.MaxAnswer = 100 << 10 }, test.New(test.Script{test.Gzip("application/json", body)}))
		defer f.close()
		if r := f.whole(dialect.Chat); r.err == nil || r.err.Code != apierr.CodeUpstreamError || r.body.Len() > 100<<10 {
			t.Errorf("the client gets %d bytes, %v", r.body.Len(), r.err)
		}
	})
}

// A whole response may come slowly from its first byte on, as long as it never stalls.
func TestAWholeResponseThatComesSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		script := test.Script{func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "application/json") }, test.Head}
		for _, piece := range strings.SplitAfter(`{"choices": [ 1, 2, 3, 4, 5, 6 ] }`, " ") {
			script = append(script, test.Pause(10*time.Second), test.Send(piece))
		}
		f := newFixture(t, nil, test.New(script))
		defer f.close()
		if r := f.whole(dialect.Chat); r.err != nil || r.took < time.Minute {
			t.Errorf("after %v: %q, %v", r.took, r.body.String(), r.err)
		}
	})
}

// A client that leaves before anything has been passed on is charged its prompt: the server has
// read it.
func TestAClientThatLeavesEarlyIsChargedItsPrompt(t *testing.T) {
	for name, script := range map[string]test.Script{
		"before the head": {test.Stall}, "before the first token": {test.Head, test.Send(test.Role("m")), test.Stall},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, nil, test.New(script))
				defer f.close()
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				f.streamUntil(ctx, dialect.Chat, dialect.Input{Body: []byte(unasked)})
				if got := <-f.charges; got != (engine.Usage{PromptTokens: 11, Estimated: true}) {
					t.Errorf("it is charged with %+v", got)
				}
				request, err := codecs[dialect.Chat].Decode(dialect.Input{Body: []byte(strings.Replace(unasked, "true", "false", 1))})
				if err != nil {
					t.Fatal(err)
				}
				request.Passthrough = new(head)
				whole, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if _, err := f.run(whole, request, func(...dialect.Delta) error { return nil }); err == nil {
					t.Error("the response is complete")
				}
				if got := <-f.charges; got != (engine.Usage{PromptTokens: 11, Estimated: true}) {
					t.Errorf("a whole response is charged with %+v", got)
				}
			})
		})
	}
}

// A server that is not asked any more is named in the log, once.
func TestAServerThatRefusesToBeAskedIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		u := test.New(test.Script{test.Answer(http.StatusBadRequest, `{"error":{"message":"Unrecognized argument: stream_options"}}`)}, test.Whole("m", 1))
		f := newFixture(t, func(c *Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) }, u)
		defer f.close()
		for range 2 {
			f.stream(dialect.Chat, unasked)
		}
		if n := strings.Count(log.String(), "rejects stream_options"); n != 1 || !strings.Contains(log.String(), "upstream=a") {
			t.Errorf("the log has %s", &log)
		}
	})
}
