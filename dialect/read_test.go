package dialect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	test "penstock/llm/upstream/upstreamtest"
	"penstock/sse"
)

func TestChunksOfAServer(t *testing.T) {
	for event, want := range map[string]Sign{
		``:                 SignEmpty,
		`[DONE]`:           SignDone,
		` [DONE] `:         SignDone,
		`{}`:               SignQuiet,
		`{"choices":null}`: SignQuiet,
		`{"choices":[],"usage":{"prompt_tokens":1}}`:                                           SignQuiet,
		`{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}`:                  SignQuiet,
		`{"choices":[{"index":0,"delta":{"content":null,"tool_calls":[],"x":{ }}}]}`:           SignQuiet,
		`{"choices":[{"index":0,"delta":{"role":"assistant","content":"a"}}]}`:                 SignContent,
		`{"choices":[{"index":0,"delta":{"reasoning":"a"}}]}`:                                  SignContent,
		`{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0}]}}]}`:                       SignContent,
		`{"choices":[{"delta":{"refusal":"no"}}]}`:                                             SignContent,
		`{"choices":[{"text":"a","index":0}]}`:                                                 SignContent,
		`{"choices":[{"text":"","index":0,"finish_reason":null}]}`:                             SignQuiet,
		`{"choices":[{"finish_reason":"stop","index":0,"delta":{}}]}`:                          SignQuiet, // before any content
		`{"choices":[{"finish_reason":"stop","index":0,"delta":{"content":"a"}}]}`:             SignComplete,
		`{"choices":[{"finish_reason":"null","index":0,"delta":{"content":"a"}}]}`:             SignContent,
		`{"choices":[{"finish_reason":"","index":0,"delta":{"content":"a"}}]}`:                 SignContent,
		`{"choices":[{"finish_reason":"stop","index":1,"delta":{"content":"a"}},{"index":0}]}`: SignContent,
		`{"choices":[{"index":"0","delta":{"content":"a"},"finish_reason":"stop"}]}`:           SignComplete,
		`{"choices":[{"index":0.0,"delta":{"content":"a"},"finish_reason":"stop"}]}`:           SignComplete,
		`{"choices":[{"index":null,"delta":{"content":"a"},"finish_reason":"stop"}]}`:          SignComplete,
		`{"choices":[null,7,{"delta":"a"}]}`:                                                   SignContent,
		`{"choices":[{"delta":{"content":[{"type":"text","text":"a"}]}}]}`:                     SignContent,
		`{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":{"a":1}}}]}}]}`:          SignContent,
		`{"error":{"message":"","code":0,"x":[null,{}]},"choices":[]}`:                         SignQuiet,
		`{"error":{"message":"","code":0.5e0}}`:                                                SignError,
		`{"error":0,"choices":[]}`:                                                             SignQuiet,
		`{"error":null}`:                                                                       SignEmpty,
		`{"detail":"Not Found"}`:                                                               SignError,
		`{"detail":[{"msg":"no"}]}`:                                                            SignError,
		`{"message":"overloaded","code":529}`:                                                  SignError,
		`{"message":"overloaded","id":"x"}`:                                                    SignQuiet,
		`{"message":"the second in line","status":"queued"}`:                                   SignQuiet,
		`{"message":"fine","code":0}`:                                                          SignQuiet,
		`{"error":{"message":"x"},"choices":[]}`:                                               SignError,
		`{"error":"x"}`:                                                                        SignError,
		`{"object":"error","message":"x"}`:                                                     SignError,
		`{"error":{},"object":"chunk"}`:                                                        SignQuiet,
		`{"error":null,"choices":[{"delta":{"content":"a"}}]}`:                                 SignContent,
		`{"x":"}]\"","y":[[{"choices":[{"delta":{"content":"a"}}]}]]}`:                         SignQuiet,
		`{"choices":[{"delta":{"content":"\""}}]}`:                                             SignContent,
		`null`:                                  SignMalformed,
		`[]`:                                    SignMalformed,
		`{"choices":[}`:                         SignMalformed,
		`{"choices":[{"delta":{"content":"a}]}`: SignMalformed,
		`{"a":1,}`:                              SignMalformed,
		`{"a":01}`:                              SignMalformed,
		`{} {}`:                                 SignMalformed,
		`{"a":"` + "\n" + `"}`:                  SignMalformed,
		`{"a":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`: SignMalformed,
	} {
		c := chunkReader{expected: 1}
		if got := c.Read(sse.Event{Data: []byte(event)}); got != want {
			t.Errorf("%s means %d, not %d", event, got, want)
		}
	}
}

// An event that keeps the connection open by its name need not be JSON, in any dialect.
func TestKeepAliveEvents(t *testing.T) {
	for _, name := range []string{"keepalive", "ping", "Heartbeat"} {
		for _, data := range []string{"", "ping", "2026-01-01T00:00:00Z", "7 7"} {
			e := sse.Event{Name: sse.MustName(name), Data: []byte(data)}
			for _, reader := range []Reader{&chunkReader{expected: 1}, new(responsesReader)} {
				if got := reader.Read(e); got != SignEmpty {
					t.Errorf("to %T %s %q means %d", reader, name, data, got)
				}
			}
		}
	}
	if got := (&chunkReader{expected: 1}).Read(sse.Event{Name: sse.MustName("delta"), Data: []byte("ping")}); got != SignMalformed {
		t.Errorf("another event means %d", got)
	}
}

func TestChunksOfSeveralChoices(t *testing.T) {
	c := chunkReader{expected: 3}
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
		if c.Read(sse.Event{Data: []byte(step.event)}); c.Whole() != step.whole {
			t.Errorf("after %s it is whole: %v", step.event, c.Whole())
		}
	}
}

func TestResponseEventsOfAServer(t *testing.T) {
	for _, c := range []struct {
		name, data string
		want       Sign
	}{
		{"response.created", `{"type":"response.created"}`, SignQuiet},
		{"", `{"type":"response.created"}`, SignQuiet},
		{"response.output_text.delta", `{"delta":"a"}`, SignContent},
		{"response.something.new", `{"delta":"a"}`, SignContent},
		{"response.completed", `{}`, SignLast},
		{"response.incomplete", `{}`, SignLast},
		{"response.failed", `{"response":{"error":{"code":"x"}}}`, SignLast},
		{"error", `{"type":"error","message":"x"}`, SignError},
		{"", `{"error":{"message":"x"}}`, SignError},
		{"", `{}`, SignMalformed},
		{"response.completed", `{`, SignMalformed},
		{"", `[DONE]`, SignEmpty},
		{"", `[DONE] `, SignEmpty},
		{"", `{"object":"error","message":"x"}`, SignError},
	} {
		if got := new(responsesReader).Read(sse.Event{Name: sse.MustName(c.name), Data: []byte(c.data)}); got != c.want {
			t.Errorf("%s %s means %d, not %d", c.name, c.data, got, c.want)
		}
	}
}

// Chunks of the shape of the one before them are not parsed, and those that only resemble it are.
func TestChunksOfOneShape(t *testing.T) {
	var c chunkReader
	read := func(format string, args ...any) Sign {
		return c.Read(sse.Event{Data: fmt.Appendf(nil, format, args...)})
	}
	const chunk = `{"choices":[{"index":0,"delta":{"content":%s},"finish_reason":null}]}`
	for _, step := range []struct {
		text    string
		sign    Sign
		matches bool
	}{
		{`"a"`, SignContent, false},
		{`"bc"`, SignContent, true},
		{`"\"\\\u00e9"`, SignContent, true},
		{`""`, SignQuiet, false},
		{`"a"`, SignContent, false},
		{`"a","b":"c"`, SignContent, false},
		{`"a"`, SignContent, false},
		{`"a\"`, SignMalformed, false},
		{`"a"},"finish_reason":"stop","x":{"y":"z"`, SignComplete, false},
	} {
		if got := c.shape.matches(fmt.Appendf(nil, chunk, step.text)); got != step.matches {
			t.Errorf("%s has the shape of the last chunk: %v", step.text, got)
		}
		if got := read(chunk, step.text); got != step.sign {
			t.Errorf("%s means %d, not %d", step.text, got, step.sign)
		}
	}
}

func TestScanningAllocatesNothing(t *testing.T) {
	e := token("m")
	c := &chunkReader{expected: 1, choices: make([]byte, 1)}
	if n := testing.AllocsPerRun(100, func() { c.Read(e) }); n != 0 {
		t.Errorf("a chunk costs %v allocations", n)
	}
}

// token returns an event with a token, as a server sends it.
func token(model string) sse.Event {
	line, _, _ := strings.Cut(test.Token(model, 5), "\n")
	return sse.Event{Data: []byte(strings.TrimPrefix(line, "data: "))}
}

// FuzzScanner compares what the scanner accepts with what encoding/json accepts.
func FuzzScanner(f *testing.F) {
	for _, seed := range []string{`{"a":[1,-0.5e+3,"\u00e9\n",true,false,null,{}]}`, `{"choices":[{"delta":{"content":"a"}}]}`, `{"choices":[{"delta":{"content":"\"b"}}]}`, `{"choices":[{"delta":{"content":"a","x":"}}]}`, `{"a":1,"a":2}`, `{"":""}`, `[ ]`, `"\ud800"`, `-`, `1.`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		s := scanner{data: in}
		s.skip()
		if got, want := s.over(), json.Valid(in); got != want && strings.Count(string(in), "[")+strings.Count(string(in), "{") < maxDepth {
			t.Errorf("%q is valid: %v, and to encoding/json: %v", in, got, want)
		}
		// A chunk means the same whether or not it has the shape of the one before.
		var c, other chunkReader
		c.Read(sse.Event{Data: []byte(`{"choices":[{"delta":{"content":"a"}}]}`)})
		sign := c.Read(sse.Event{Data: in})
		if (sign == SignQuiet || sign == SignContent || sign == SignComplete) && !json.Valid(in) {
			t.Errorf("%q is taken for a chunk", in)
		}
		other.Read(sse.Event{Data: []byte(`{"choices":[{"delta":{"content":"a"} }]}`)})
		if again := other.Read(sse.Event{Data: in}); again != sign {
			t.Errorf("%q means %d, and %d after another chunk", in, sign, again)
		}
	})
}

func BenchmarkChunk(b *testing.B) {
	e := token("gpt-4o-mini-2024-07-18")
	c := &chunkReader{expected: 1}
	b.SetBytes(int64(len(e.Data)))
	for b.Loop() {
		c.Read(e)
	}
}

// FuzzTrim compares chunks without the usage that a server was asked for, and without errors that
// are none, with what encoding/json makes of them: nothing else is missing, also from a chunk of
// the shape of the one before.
func FuzzTrim(f *testing.F) {
	for _, seed := range []string{`{"usage":null}`, ` { "usage" : null , "a":1}`, `{"a":1,"usage":null,"choices":[{"delta":{"content":"a"}}]}`, `{"choices":[{"delta":{"content":"a"}}] , "usage":null}`, `{"choices":[{"delta":{"content":"a"}}],"x":{"usage":null},"usage":null,"usage":{}}`, `{"usage":null,"usage":null}`, `{"choices":[{}],"usage":{"a":1},"usage":null}`, `{"error":null,"usage":null}`, `{"error":{"a":0},"usage":null,"choices":[{"delta":{"content":"a"}}]}`, `{"choices":[{"delta":{"content":"a"}}],"error":[] , "usage":null,"error":null}`, `{"a":1,"error":"","error":{}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		c := chunkReader{asked: true, expected: 1}
		for range 2 {
			e := sse.Event{Data: bytes.Clone(in)}
			if sign := c.Read(e); sign != SignQuiet && sign != SignContent && sign != SignComplete {
				return
			}
			out := c.Trim(e.Data)
			var before, after map[string]any
			if json.Unmarshal(in, &before) != nil { // deeper than it reads, or too large a number
				return
			}
			if err := json.Unmarshal(out, &after); err != nil {
				t.Fatalf("%q becomes %q: %v", in, out, err)
			}
			if value, has := before["usage"]; has && value == nil {
				delete(before, "usage")
			}
			if !bytes.Contains(in, []byte(`\`)) { // another spelling of the name stays
				delete(before, "error")
			}
			if value, has := after["usage"]; has && value == nil { // it came twice
				delete(after, "usage")
			}
			if !reflect.DeepEqual(before, after) {
				t.Errorf("%q becomes %q", in, out)
			}
		}
	})
}

// BenchmarkTrim measures a chunk as OpenAI sends it to a client that has asked for the usage, and
// the usage is taken out.
func BenchmarkTrim(b *testing.B) {
	data := bytes.Replace(token("gpt-4o-mini-2024-07-18").Data, []byte(`}]}`), []byte(`}],"usage":null}`), 1)
	c := &chunkReader{asked: true, expected: 1}
	buf := make([]byte, len(data))
	for b.Loop() {
		copy(buf, data)
		e := sse.Event{Data: buf}
		c.Read(e)
		c.Trim(e.Data)
	}
}
