package upstream

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"penstock/apierr"
	"penstock/dialect"
	test "penstock/llm/upstream/upstreamtest"
)

func TestGzip(t *testing.T) {
	pack := func(s string) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		w.Write([]byte(s))
		w.Close()
		return b.String()
	}
	stream := test.Token("m", 0) + test.Finish("m") + test.Done
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil, test.New(
			test.Script{test.Answer(200, pack(stream), "Content-Type", "text/event-stream", "Content-Encoding", "gzip")},
			test.Script{test.Answer(200, pack(test.Completion("m")), "Content-Encoding", "gzip")},
			test.Script{test.Answer(400, pack(`{"error":{"message":"no"}}`), "Content-Encoding", "gzip")},
		))
		defer f.close()
		if r := f.stream(dialect.Chat, chatBody); r.err != nil || r.text() != "w0 " {
			t.Errorf("the stream is %q, %v", r.chunks, r.err)
		}
		if r := f.whole(dialect.Chat); r.err != nil || r.body.String() != test.Completion("m") || r.header.Get("Content-Encoding") != "" {
			t.Errorf("the response is %q, %v", r.body.String(), r.err)
		}
		if r := f.whole(dialect.Chat); r.upstreamAnswer() == nil || string(r.upstreamAnswer().Body) != `{"error":{"message":"no"}}` {
			t.Errorf("the rejection is %v", r.err)
		}
	})
}

// Chunks are passed on byte for byte, whatever is in the events, and however they are split on
// their way. testdata has a stream for each of OpenAI's features, as OpenAI, DeepSeek, vLLM and
// OpenRouter send them.
func TestChunksPassByteForByte(t *testing.T) {
	transcripts := map[string]string{"odd": test.Role("m") +
		"data:{\"choices\" : [ {\"index\":0,\"delta\":{\"content\":\"\u00e9\U0001F600 \\u00e9\\ud83d\"},\"x\":1e400}],\"y\":{\"choices\":[]} }\n\n" +
		"data: {\"choices\":[],\ndata: \"usage\":null}\n\n" + test.Finish("m") + test.Done}
	for _, file := range must(filepath.Glob("testdata/*.sse")) {
		transcripts[filepath.Base(file)] = string(must(os.ReadFile(file)))
	}
	for feature, all := range transcripts {
		var want []string
		for _, e := range eventsIn(strings.TrimSuffix(all, test.Done)) {
			want = append(want, strings.TrimPrefix(strings.ReplaceAll(data(e)[0], "\ndata: ", "\n"), "data:"))
		}
		for name, pieces := range map[string][]string{
			"at once":                {all},
			"event by event":         eventsIn(all),
			"byte by byte":           strings.Split(all, ""),
			"half a character":       strings.SplitAfterN(all, "\xc3", 2),
			"with CRLF":              {strings.ReplaceAll(all, "\n", "\r\n")},
			"with CR":                {strings.ReplaceAll(all, "\n", "\r")},
			"with a byte order mark": {"\ufeff", all},
			"with comments":          {strings.ReplaceAll(all, "\n\n", "\n\n: comment\n\n")},
			"after 1,000 pings":      {strings.Repeat(": ping\n\n", 1000), all},
		} {
			t.Run(feature+" "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var script test.Script
					for _, p := range pieces {
						script = append(script, test.Send(p))
					}
					f := newFixture(t, nil, test.New(script))
					defer f.close()
					if r := f.stream(dialect.Chat, chatBody); r.err != nil || !slices.Equal(r.chunks, want) {
						t.Errorf("the client gets %q, %v", r.chunks, r.err)
					}
				})
			})
		}
	}
}

func TestRequestsPassByteForByte(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := test.New(test.Whole("model-a", 1))
		f := newFixture(t, nil, u)
		defer f.close()
		body := "{ \"mod\\u0065l\" :\"gpt\",\"n\":1 , \"x\":[1.0,{\"model\":\"y\"}],\"stream\":true,\"stream_options\":{\"include_usage\":1}}\n"
		if r := f.stream(dialect.Chat, body); r.err != nil {
			t.Fatal(r.err)
		}
		if got, want := u.Requests(true)[0].Body, strings.Replace(body, `"gpt"`, `"model-a"`, 1); got != want {
			t.Errorf("the upstream gets %q", got)
		}
	})
}

func TestBadRequestsAreNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := test.New(test.Whole("m", 1))
		f := newFixture(t, nil, u)
		defer f.close()
		for body, code := range map[string]apierr.Code{`{"model":`: apierr.CodeInvalidJSON, `{"model":1}`: apierr.CodeInvalidInput} {
			if r := f.stream(dialect.Chat, body); r.err == nil || r.err.Code != code {
				t.Errorf("%s gives %v", body, r.err)
			}
		}
		if n := len(u.Requests(true)); n != 0 {
			t.Errorf("%d requests were sent", n)
		}
	})
}

// The client's key is sent only to upstreams that are configured to get it.
func TestTheClientsKey(t *testing.T) {
	for _, forward := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			u := test.New(test.Script{test.Fail(401, "invalid_api_key")})
			f := newFixture(t, func(c *Config) { c.Servers[0].ForwardAuthorization = forward }, u)
			defer f.close()
			r := f.stream(dialect.Chat, chatBody)
			want, code := "Bearer sk-secret-a", apierr.CodeUpstreamUnauthorized
			if forward {
				want, code = "Bearer client-key", apierr.CodeInvalidInput
			}
			if got := u.Requests(true)[0].Header.Get("Authorization"); got != want || r.err == nil || r.err.Code != code {
				t.Errorf("forwarded %v: the upstream gets %q, the client %v", forward, got, r.err)
			}
			if (r.upstreamAnswer() != nil) != forward {
				t.Errorf("forwarded %v: the client gets %v", forward, r.upstreamAnswer())
			}
		})
	}
}

// The gateway's key is shown to no client and not logged, wherever a server repeats it.
func TestTheGatewaysKeyIsNeverShown(t *testing.T) {
	const key = "sk-secret-a"
	leak := `{"error":{"message":"what is ` + key + ` for?","type":"invalid_request_error"}}`
	escaped := strings.ReplaceAll(leak, "-", `\u002d`)
	headers := []string{"X-Ratelimit-Key", key, "Openai-Organization", "of " + key, "X-Request-Id", key, "Retry-After", key, "Content-Type", "application/json; key=" + key}
	for name, script := range map[string]test.Script{
		"a 500":                  {test.Answer(500, leak)},
		"a 401":                  {test.Answer(401, leak)},
		"a 400":                  {test.Answer(400, leak)},
		"a 400 with escapes":     {test.Answer(400, escaped)},
		"headers of a 400":       {test.Answer(400, leak, headers...)},
		"headers of a success":   {test.Answer(200, test.Completion("m"), headers...)},
		"headers of a stream":    {test.Answer(200, test.Token("m", 0)+test.Done, append(headers, "Content-Type", "text/event-stream; key="+key)...)},
		"an event":               {test.Send("data: " + leak + "\n\n")},
		"an event with escapes":  {test.Send("data: " + escaped + "\n\n")},
		"an event in the middle": {test.Tokens("m", 0, 1), test.Send("data: " + leak + "\n\n")},
		"a text in an event":     {test.Send(`data: {"error":"` + key + `"}` + "\n\n")},
		"a success":              {test.Answer(200, leak)},
		"a malformed event":      {test.Send("data: " + strings.Repeat("x", 190) + key + "\n\n")},
		"an encoding":            {test.Answer(200, "{}", "Content-Encoding", key)},
		"a type":                 {test.Answer(200, "{}", headers...)},
		"the status":             {onTheWire("HTTP/1.1 " + key + "\r\n\r\n")},
		"half a head":            {onTheWire("HTTP/1.1 200 OK\r\n" + key + "\r\n\r\n")},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				f := newFixture(t, func(c *Config) { c.Log = logTo(&log) }, test.New(script))
				defer f.close()
				for _, r := range []*reply{f.stream(dialect.Chat, chatBody), f.whole(dialect.Chat)} {
					shown := fmt.Sprint(r.header, r.chunks)
					if r.err != nil {
						shown += r.err.Error() // which is logged
						if a := r.upstreamAnswer(); a != nil {
							shown += fmt.Sprint(a.Header) + string(a.Body)
						}
					}
					if all := strings.ReplaceAll(shown, `\u002d`, "-") + log.String(); strings.Contains(all, "sk-secret") {
						t.Errorf("the client or the log gets %s", all)
					}
				}
			})
		})
	}
}

// onTheWire writes text in place of a response.
func onTheWire(text string) test.Act {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, text) // the client may have disconnected
	}
}

// Streams and whole responses use one connection, one after the other.
func TestConnectionsAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := test.New(test.Whole("model-a", 3), test.Script{test.Answer(200, test.Completion("m"))}, test.Whole("model-a", 3), test.Script{test.Fail(400, "no")}, test.Whole("model-a", 3))
		f := newFixture(t, nil, u)
		defer f.close()
		dials, dial := 0, f.dials["a.test:80"]
		f.dials["a.test:80"] = func(ctx context.Context) (net.Conn, error) {
			dials++
			t.Logf("request %d needs a connection", len(u.Requests(false)))
			return dial(ctx)
		}
		for range 2 {
			f.stream(dialect.Chat, chatBody)
			synctest.Wait()
			f.whole(dialect.Chat)
			synctest.Wait()
		}
		f.stream(dialect.Chat, chatBody)
		if dials != 1 {
			t.Errorf("%d connections were made", dials)
		}
	})
}
