package upstream

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"penstock/apierr"
	"penstock/dialect"
	test "penstock/llm/upstream/upstreamtest"
)

// A whole response is bounded: one that declares more is refused, and one that has more is cut.
func TestWholeResponsesAreBounded(t *testing.T) {
	const limit = 100_000
	of := func(n int) string { return `{"x":"` + strings.Repeat("x", n-len(`{"x":""}`)) + `"}` }
	chunked := func(body string) test.Act {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			test.Send(body[:10])(w, r)
			test.Send(body[10:])(w, r)
		}
	}
	for name, c := range map[string]struct {
		act    test.Act
		passed int  // bytes at most
		whole  bool // the client gets all of it
	}{
		"as long as it may be":      {test.Answer(200, of(limit)), limit, true},
		"declared":                  {test.Answer(200, of(limit+1), "Content-Length", "100001"), 0, false},
		"chunked":                   {chunked(of(limit + 1)), limit, false},
		"chunked, and still inside": {chunked(of(limit)), limit, true},
	} {
		for _, d := range []dialect.Name{dialect.Chat, dialect.Embeddings} {
			t.Run(name+" "+string(d), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					u := test.New(test.Script{c.act})
					f := newFixture(t, func(config *Config) { config.MaxAnswer = limit }, u)
					defer f.close()
					r := f.whole(d)
					if whole := r.err == nil; whole != c.whole || r.body.Len() > c.passed {
						t.Errorf("the client gets %d bytes, %v", r.body.Len(), r.err)
					}
					if r.err != nil && r.err.Code != apierr.CodeUpstreamError {
						t.Errorf("the response fails with %v", r.err)
					}
					if n := len(u.Requests(true)); n != 1 {
						t.Errorf("%d requests were sent", n)
					}
				})
			})
		}
	}
}

// A stream that becomes a whole response is bounded as one, and a stream to a client is not.
func TestGatheredStreamsAreBounded(t *testing.T) {
	for _, stream := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, func(config *Config) { config.MaxAnswer = 2000 }, test.New(test.Whole("m", 60)))
			defer f.close()
			request, err := codecs[dialect.Native].Decode(dialect.Input{Body: []byte(`{"prompt":"hi"}`)})
			if err != nil {
				t.Fatal(err)
			}
			request.Stream = stream
			texts := 0
			_, err = f.run(t.Context(), request, func(deltas ...dialect.Delta) error {
				texts += len(deltas)
				return nil
			})
			if stream && err != nil || !stream && apierr.From(err).Code != apierr.CodeUpstreamError || !stream && texts > 20 {
				t.Errorf("streamed %v: %d deltas, %v", stream, texts, err)
			}
		})
	}
}

// A server that sends a response byte by byte, and never stalls, is cut all the same; so is a loop
// of attempts; so is a stream.
func TestWholeResponsesHaveATotalTime(t *testing.T) {
	slow := test.Script{func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "application/json") }, test.Send(strings.Repeat(" ", wholeFirst))}
	var stream test.Script
	for i := range 600 {
		slow = append(slow, test.Send(" "), test.Pause(time.Second))
		stream = append(stream, test.Send(test.Token("m", i)), test.Pause(time.Second))
	}
	stream = append(stream, test.Send(test.Finish("m")+test.Done))
	for name, c := range map[string]struct {
		script   test.Script
		attempts string
		took     time.Duration
	}{
		"byte by byte": {slow, "a timeout", 5 * time.Minute},
		"attempts":     {test.Script{test.Pause(50 * time.Second), test.Fail(500, "no")}, "a error, a error, b timeout", 2 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, func(config *Config) { config.Timeouts.Total = c.took }, test.New(c.script), test.New(c.script))
				defer f.close()
				r := f.whole(dialect.Chat)
				if r.err == nil || r.err.Code != apierr.CodeUpstreamTimeout || r.took != c.took {
					t.Errorf("after %v: %v", r.took, r.err)
				}
				if got := f.attempts.String(); got != c.attempts {
					t.Errorf("the attempts are %s", got)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, func(config *Config) { config.Timeouts.Total = 5 * time.Minute }, test.New(stream))
		defer f.close()
		r := f.stream(dialect.Chat, chatBody)
		if r.err == nil || r.err.Code != apierr.CodeUpstreamTimeout || r.took != 5*time.Minute || len(r.chunks) < 200 {
			t.Errorf("a stream ends after %v and %d chunks: %v", r.took, len(r.chunks), r.err)
		}
	})
}

// No header of a client reaches a server, and nothing of a server's response but what clients are
// meant to see is passed on: see forwarded. The requests have these headers only.
func TestOnlyKnownHeadersAreSent(t *testing.T) {
	known := map[string]bool{"Accept": true, "Content-Type": true, "User-Agent": true, "Cache-Control": true, "Connection": true, "Authorization": true, "Content-Length": true, "Accept-Encoding": true}
	synctest.Test(t, func(t *testing.T) {
		u := test.New(test.Whole("m", 1))
		f := newFixture(t, nil, u)
		defer f.close()
		f.stream(dialect.Chat, chatBody)
		f.whole(dialect.Embeddings)
		for _, request := range u.Requests(true) {
			for name := range request.Header {
				if !known[name] {
					t.Errorf("the server gets %s: %q", name, request.Header[name])
				}
			}
		}
	})
}
