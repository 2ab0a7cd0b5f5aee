package upstream

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"penstock/apierr"
	"penstock/dialect"
	test "penstock/llm/upstream/upstreamtest"
	"penstock/memory"
)

// Responses in the wrong form are bounded like those in the right one.
func TestResponsesInTheWrongFormAreBounded(t *testing.T) {
	long := strings.Repeat("x", 100<<10)
	for name, body := range map[string]string{
		"JSON":            strings.Replace(formRows()[0].answer, "w0", long, 1),
		"one long event":  test.ContentEvent(long) + test.Finish("m") + test.Done,
		"many events":     strings.Repeat(test.ContentEvent(long[:100]), 1000) + test.Finish("m") + test.Done,
		"many small ones": test.Role("m") + strings.Repeat("data: {\"choices\":[{\"index\":0,\"delta\":{\"x\":[{},{},{},{}]}}]}\n\n", 1000) + test.Finish("m") + test.Done,
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, func(c *Config) { c.MaxAnswer = 64 << 10 }, test.New(test.Script{labelled("application/json", body)}))
			defer f.close()
			row := formRows()[0]
			r := row.send(f, name == "JSON")
			if r.err == nil || !strings.Contains(r.err.Message, "longer than 65536 bytes") {
				t.Errorf("%s: the client gets %v", name, r.err)
			}
			if got := f.attempts.String(); got != "a error" {
				t.Errorf("%s: the attempts are %s", name, got)
			}
		})
	}
}

// What is kept of a response to change its form is reserved, and given back.
func TestMemoryForResponsesInTheWrongForm(t *testing.T) {
	long := strings.Repeat("x", 600<<10)
	for name, body := range map[string]string{
		"JSON":   strings.Replace(formRows()[0].answer, "w0", long, 1),
		"events": strings.Repeat(test.ContentEvent(long[:6<<10]), 100) + test.Finish("m") + test.Done,
	} {
		for limit, code := range map[int64]apierr.Code{1 << 20: apierr.CodeMemoryExhausted, 16 << 20: ""} {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, nil, test.New(test.Script{test.Answer(200, body)}))
				defer f.close()
				budget := memory.New(limit)
				row := formRows()[0]
				r := row.sendIn(memory.With(context.Background(), budget.Account("c")), f, name == "JSON")
				if got := (r.err != nil); got != (code != "") || got && r.err.Code != code {
					t.Errorf("%s in %d bytes: the client gets %v", name, limit, r.err)
				}
				synctest.Wait()
				if held := budget.Snapshot(); held.Used != 0 {
					t.Errorf("%s: %d bytes are still held", name, held.Used)
				}
			})
		}
	}
}

// Embeddings are JSON: their bodies are passed on as they are labelled.
func TestEmbeddingsAreNotLookedAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil, test.New(test.Script{labelled("text/plain", "data: x\n\n")}))
		defer f.close()
		if r := f.whole(dialect.Embeddings); r.err != nil || r.body.String() != "data: x\n\n" || r.header.Get("Content-Type") != "text/plain" {
			t.Errorf("the client gets %q as %q, %v", r.body.String(), r.header.Get("Content-Type"), r.err)
		}
	})
}

// A client that asks for the usage gets the chunk of a response that came as JSON.
func TestTheUsageOfAWholeResponseInAStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil, test.New(test.Script{test.Answer(200, test.Completion("m"))}))
		defer f.close()
		r := f.stream(dialect.Chat, chatBody)
		want := []string{
			`{"id":"chatcmpl-m","created":1700000000,"model":"m","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]}`,
			`{"id":"chatcmpl-m","created":1700000000,"model":"m","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"hello"},"logprobs":null,"finish_reason":null}]}`,
			`{"id":"chatcmpl-m","created":1700000000,"model":"m","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]}`,
			`{"id":"chatcmpl-m","created":1700000000,"model":"m","object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}`,
		}
		if r.err != nil || !slices.Equal(r.chunks, want) {
			t.Errorf("the client gets %q, %v", r.chunks, r.err)
		}
	})
}
