package upstream

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	test "penstock/llm/upstream/upstreamtest"
)

func TestChunks(t *testing.T) {
	for event, want := range map[string]sign{
		``:                 blank,
		`[DONE]`:           done,
		` [DONE] `:         done,
		`{}`:               quiet,
		`{"choices":null}`: quiet,
		`{"choices":[],"usage":{"prompt_tokens":1}}`:                                 quiet,
		`{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}`:        quiet,
		`{"choices":[{"index":0,"delta":{"content":null,"tool_calls":[],"x":{ }}}]}`: quiet,
		`{"choices":[{"index":0,"delta":{"role":"assistant","content":"a"}}]}`:       content,
		`{"choices":[{"index":0,"delta":{"reasoning":"a"}}]}`:                        content,
		`{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0}]}}]}`:             content,
		`{"choices":[{"delta":{"refusal":"no"}}]}`:                                   content,
		`{"choices":[{"text":"a","index":0}]}`:                                       content,
		`{"choices":[{"text":"","index":0,"finish_reason":null}]}`:                   quiet,
		`{"choices":[{"finish_reason":"stop","index":0,"delta":{}}]}`:                complete,
		`{"choices":[{"finish_reason":"stop","index":1,"delta":{}},{"index":0}]}`:    content,
		`{"error":{"message":"x"},"choices":[]}`:                                     failure,
		`{"error":"x"}`:                                                              failure,
		`{"object":"error","message":"x"}`:                                           failure,
		`{"error":{},"object":"chunk"}`:                                              quiet,
		`{"error":null,"choices":[{"delta":{"content":"a"}}]}`:                       content,
		`{"x":"}]\"","y":[[{"choices":[{"delta":{"content":"a"}}]}]]}`:               quiet,
		`{"choices":[{"delta":{"content":"\""}}]}`:                                   content,
		`null`:                                  rubbish,
		`[]`:                                    rubbish,
		`{"choices":[}`:                         rubbish,
		`{"choices":[{"delta":{"content":"a}]}`: rubbish,
		`{"a":1,}`:                              rubbish,
		`{"a":01}`:                              rubbish,
		`{} {}`:                                 rubbish,
		`{"a":"` + "\n" + `"}`:                  rubbish,
		`{"a":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`: rubbish,
	} {
		c := chunks{n: 1}
		if got := c.read(nil, []byte(event)); got != want {
			t.Errorf("%s means %d, not %d", event, got, want)
		}
	}
}

func TestChunksOfSeveralChoices(t *testing.T) {
	c := chunks{n: 3}
	for _, step := range []struct {
		event string
		whole bool
	}{
		{`{"choices":[{"index":0,"delta":{"content":"a"}}]}`, false},
		{`{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`, false},
		{`{"choices":[{"index":2,"delta":{},"finish_reason":"length"}]}`, false},
		{`{"choices":[{"index":1,"delta":{"content":"a"}}]}`, false},
		{`{"choices":[{"index":1,"delta":{},"finish_reason":"stop"}]}`, true},
		{`{"choices":[{"index":9999999,"delta":{}},{"index":-1}]}`, true},
		{`{"choices":[{"index":3,"delta":{}}]}`, false},
	} {
		if c.read(nil, []byte(step.event)); c.whole() != step.whole {
			t.Errorf("after %s it is whole: %v", step.event, c.whole())
		}
	}
}

func TestTypedEvents(t *testing.T) {
	for _, c := range []struct {
		name, data string
		want       sign
	}{
		{"response.created", `{"type":"response.created"}`, quiet},
		{"", `{"type":"response.created"}`, quiet},
		{"response.output_text.delta", `{"delta":"a"}`, content},
		{"response.something.new", `{"delta":"a"}`, content},
		{"response.completed", `{}`, last},
		{"response.incomplete", `{}`, last},
		{"response.failed", `{"response":{"error":{"code":"x"}}}`, last},
		{"error", `{"type":"error","message":"x"}`, failure},
		{"", `{"error":{"message":"x"}}`, failure},
		{"", `{}`, rubbish},
		{"response.completed", `{`, rubbish},
		{"", `[DONE]`, blank},
		{"", `[DONE] `, blank},
		{"", `{"object":"error","message":"x"}`, failure},
	} {
		if got := new(typedEvents).read([]byte(c.name), []byte(c.data)); got != c.want {
			t.Errorf("%s %s means %d, not %d", c.name, c.data, got, c.want)
		}
	}
}

// TestLikeChunks: what is like the last chunk is not read again, and what only looks like
// it is.
func TestLikeChunks(t *testing.T) {
	var c chunks
	read := func(format string, args ...any) sign {
		return c.read(nil, fmt.Appendf(nil, format, args...))
	}
	const chunk = `{"choices":[{"index":0,"delta":{"content":%s},"finish_reason":null}]}`
	for _, step := range []struct {
		text  string
		means sign
		like  bool
	}{
		{`"a"`, content, false},
		{`"bc"`, content, true},
		{`"\"\\\u00e9"`, content, true},
		{`""`, quiet, false},
		{`"a"`, content, false},
		{`"a","b":"c"`, content, false},
		{`"a"`, content, false},
		{`"a\"`, rubbish, false},
		{`"a"},"finish_reason":"stop","x":{"y":"z"`, complete, false},
	} {
		if got := c.like.to(fmt.Appendf(nil, chunk, step.text)); got != step.like {
			t.Errorf("%s is like the last chunk: %v", step.text, got)
		}
		if got := read(chunk, step.text); got != step.means {
			t.Errorf("%s means %d, not %d", step.text, got, step.means)
		}
	}
}

func TestScanningAllocatesNothing(t *testing.T) {
	e := []byte(data(test.Token("m", 5))[0])
	c := &chunks{n: 1, choices: make([]byte, 1)}
	if n := testing.AllocsPerRun(100, func() { c.read(nil, e) }); n != 0 {
		t.Errorf("a chunk costs %v allocations", n)
	}
}

// FuzzScanner holds the scanner's idea of JSON against encoding/json's.
func FuzzScanner(f *testing.F) {
	for _, seed := range []string{`{"a":[1,-0.5e+3,"\u00e9\n",true,false,null,{}]}`, `{"choices":[{"delta":{"content":"a"}}]}`, `{"choices":[{"delta":{"content":"\"b"}}]}`, `{"choices":[{"delta":{"content":"a","x":"}}]}`, `{"a":1,"a":2}`, `{"":""}`, `[ ]`, `"\ud800"`, `-`, `1.`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		s := scanner{data: in}
		s.skip()
		if got, want := s.over(), json.Valid(in); got != want && strings.Count(string(in), "[")+strings.Count(string(in), "{") < maxDepth {
			t.Errorf("%q is sound: %v, and to encoding/json: %v", in, got, want)
		}
		var n nesting
		if n.follow(in); json.Valid(in) && !n.closed() {
			t.Errorf("%q is not closed", in)
		}
		// A chunk means the same whether or not one like it came before.
		var c, fresh chunks
		c.read(nil, []byte(`{"choices":[{"delta":{"content":"a"}}]}`))
		sign := c.read(nil, in)
		if (sign == quiet || sign == content || sign == complete) && !json.Valid(in) {
			t.Errorf("%q passes for a chunk", in)
		}
		fresh.read(nil, []byte(`{"choices":[{"delta":{"content":"a"} }]}`))
		if again := fresh.read(nil, in); again != sign {
			t.Errorf("%q means %d, and %d behind another chunk", in, sign, again)
		}
	})
}

func BenchmarkChunk(b *testing.B) {
	e := []byte(data(test.Token("gpt-4o-mini-2024-07-18", 5))[0])
	c := &chunks{n: 1}
	b.SetBytes(int64(len(e)))
	for b.Loop() {
		c.read(nil, e)
	}
}
