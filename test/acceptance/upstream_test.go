package acceptance

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	test "penstock/llm/upstream/upstreamtest"
	"penstock/test/server"
)

// startUpstreams runs the binary with models that have the upstream u: "gpt", whose whole answers
// may have 64 KiB, and "uncounted", whose upstream is not asked for its usage.
func startUpstreams(t *testing.T, u http.Handler) (client, *server.Process) {
	t.Helper()
	s := httptest.NewServer(u)
	t.Cleanup(s.Close)
	p := server.Start(t, server.Options{Config: fmt.Sprintf(`
models:
  - {name: gpt, kind: openai, max_answer: 64KiB, timeouts: {total: 1m}, upstreams: [{base_url: "%[1]s/v1", api_key: sk-gateway}]}
  - {name: uncounted, kind: openai, upstreams: [{base_url: "%[1]s/v1", usage: off}]}
`, s.URL)})
	return client{p.Client()}, p
}

const streamedChat = `{"model":"gpt","stream":true,"messages":[{"role":"user","content":"Count to sixty."}]}`

// The tokens of all that upstreams generate are counted, with no difference to the client: streams
// and whole answers by the upstream's usage, what has none by an estimate.
func TestTokensOfUpstreamsAreCounted(t *testing.T) {
	c, _ := startUpstreams(t, test.New(
		test.Whole("gpt", 60),
		test.Script{test.Answer(http.StatusOK, test.Completion("gpt"))},
		test.Script{test.Answer(http.StatusOK, `{"data":[],"usage":{"prompt_tokens":5,"total_tokens":5}}`)},
		test.Script{test.Tokens("gpt", 0, 10), test.Cut},
	))
	check := func(name string, prompt, completion, estimated float64) {
		t.Helper()
		got := func(metric, kind string) float64 {
			return c.Metric(fmt.Sprintf(`penstock_tokens_%s{model="gpt",type="%s"}`, metric, kind))
		}
		if got("total", "prompt") != prompt || got("total", "completion") != completion || got("estimated_total", "completion") != estimated {
			t.Errorf("after %s, tokens are counted as %v and %v, and estimated as %v", name, got("total", "prompt"), got("total", "completion"), got("estimated_total", "completion"))
		}
	}
	if r := c.Post(chatRoute, streamedChat); strings.Contains(r.Body, "usage") || !strings.HasSuffix(r.Body, "data: [DONE]\n\n") {
		t.Errorf("the client gets %s", r.Body)
	}
	check("a stream", 7, 60, 0)
	c.Post(chatRoute, strings.Replace(streamedChat, "true", "false", 1))
	check("a whole answer", 10, 61, 0)
	c.Post("/v1/embeddings", `{"model":"gpt","input":"hi"}`)
	check("embeddings", 15, 61, 0)
	if body, err := c.readAll(streamedChat); err == nil || !strings.Contains(body, "upstream_cut") {
		t.Errorf("the client gets %s, %v", body, err)
	}
	check("a stream that was cut", 20, 69, 8) // 5 and 30 bytes, which are estimates
}

// With usage: off an upstream gets the client's own request.
func TestUpstreamsThatAreNotAskedForTheirUsage(t *testing.T) {
	u := test.New(test.Whole("uncounted", 1))
	c, _ := startUpstreams(t, u)
	body := strings.Replace(streamedChat, "gpt", "uncounted", 1)
	if r := c.Post(chatRoute, body); !strings.Contains(r.Body, `"usage":{`) {
		t.Errorf("the client gets %s", r.Body)
	}
	if got := u.Requests(true)[0].Body; got != body {
		t.Errorf("the upstream gets %s", got)
	}
}

// An answer larger than max_answer is never shown as complete, whether its size is known before its
// head is passed on or not.
func TestAnswersLargerThanMaxAnswer(t *testing.T) {
	large := `{"choices":[],"x":"` + strings.Repeat("x", 100<<10) + `"}`
	u := test.New(
		test.Script{test.Answer(http.StatusOK, large, "Content-Length", fmt.Sprint(len(large)))},
		test.Script{test.Answer(http.StatusOK, ""), test.Head, test.Send(large)},
		test.Script{test.Send(strings.Repeat(test.ContentEvent(strings.Repeat("x", 1000)), 100) + test.Finish("gpt") + test.Done)},
	)
	c, _ := startUpstreams(t, u)
	whole := strings.Replace(streamedChat, "true", "false", 1)
	refused := func(name string, r server.Response) {
		t.Helper()
		if r.Status != http.StatusBadGateway || r.Error(t).Code != "upstream_error" {
			t.Errorf("%s: %d %.200s", name, r.Status, r.Body)
		}
	}
	refused("an answer whose length is known", c.Post(chatRoute, whole))
	if body, err := c.readAll(whole); err == nil {
		t.Errorf("an answer without a length is complete after %d bytes", len(body))
	}
	refused("a stream that is gathered", c.Post("/v1/models/gpt:predict", `{"prompt":"hi"}`))
}

// readAll sends a chat and reads as much of its response as comes, and why it ends.
func (c client) readAll(body string) (string, error) {
	c.Helper()
	response, err := c.Send(c.Context(), http.MethodPost, chatRoute, body, "Content-Type", "application/json")
	if err != nil {
		c.Fatal(err)
	}
	defer response.Body.Close()
	all, err := io.ReadAll(response.Body)
	return string(all), err
}
