package upstream

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"penstock/apierr"
	"penstock/dialect"
	test "penstock/llm/upstream/upstreamtest"
)

// delta is an event whose only choice has this delta, of the model of that name.
func delta(model, delta, finish string) string {
	return fmt.Sprintf("data: {\"id\":%q,\"model\":%q,\"choices\":[{\"index\":0,\"delta\":{%s},\"finish_reason\":%s}],\"extra\":[1.0]}\n\n", model, model, delta, finish)
}

// stopping is an event whose finish_reason comes with its text.
func stopping(model, text string) string {
	return delta(model, `"content":`+string(must(json.Marshal(text))), `"stop"`)
}

func textEvent(model, text string) string {
	return delta(model, `"content":`+string(must(json.Marshal(text))), "null")
}

// scored is an event with a token and its logprobs.
func scored(model, token string) string {
	return strings.Replace(textEvent(model, token), `"finish_reason"`, fmt.Sprintf(`"logprobs":{"content":[{"token":%q,"logprob":-0.1}]},"finish_reason"`, token), 1)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestResume(t *testing.T) {
	finish := func(m string) string { return delta(m, "", `"stop"`) }
	for name, c := range map[string]struct {
		first, second []string // first is cut at its end, each time
		want          []string
		differs       bool
	}{
		"at a chunk's edge": {
			first:  []string{textEvent("a", "Hello"), textEvent("a", " wor")},
			second: []string{textEvent("b", "Hel"), textEvent("b", "lo wor"), textEvent("b", "ld"), finish("b"), test.Done},
			want:   []string{textEvent("a", "Hello"), textEvent("a", " wor"), textEvent("b", "ld"), finish("b")},
		},
		"inside a chunk": {
			first:  []string{textEvent("a", "Héllo"), textEvent("a", " w\"o")},
			second: []string{delta("b", `"role":"assistant","content":""`, "null"), textEvent("b", "H\u00e9llo w\"orld"), finish("b"), test.Done},
			want:   []string{textEvent("a", "Héllo"), textEvent("a", " w\"o"), textEvent("b", "rld"), finish("b")},
		},
		"inside the last chunk": {
			first:  []string{textEvent("a", "Hello")},
			second: []string{delta("b", `"content":"Hello!"`, `"stop"`), test.Done},
			want:   []string{textEvent("a", "Hello"), delta("b", `"content":"!"`, `"stop"`)},
		},
		"after all of the text": {
			first:  []string{textEvent("a", "Hello")},
			second: []string{delta("b", `"content":"Hello"`, `"stop"`), test.Done},
			want:   []string{textEvent("a", "Hello"), delta("b", `"content":""`, `"stop"`)},
		},
		"after the finish_reason": {
			first:  []string{textEvent("a", "Hello"), finish("a")},
			second: []string{textEvent("b", "Hel"), textEvent("b", "lo"), finish("b"), test.Usage("b"), test.Done},
			want:   []string{textEvent("a", "Hello"), finish("a"), test.Usage("b")},
		},
		"a finish_reason in every chunk": {
			first:  []string{stopping("a", "Hello"), stopping("a", " wor")},
			second: []string{stopping("b", ""), stopping("b", "Hel"), stopping("b", "lo wor"), stopping("b", "ld"), test.Done},
			want:   []string{stopping("a", "Hello"), stopping("a", " wor"), stopping("b", "ld")},
		},
		"a finish_reason in every chunk, of which there is one": {
			first:  []string{stopping("a", "Hello")},
			second: []string{stopping("b", "Hel"), stopping("b", "lo"), stopping("b", " world"), test.Done},
			want:   []string{stopping("a", "Hello"), stopping("b", " world")},
		},
		"the text null for a finish_reason": {
			first:  []string{delta("a", `"content":"Hello"`, `"null"`)},
			second: []string{delta("b", `"content":"Hello"`, `"null"`), delta("b", `"content":" world"`, `"stop"`), test.Done},
			want:   []string{delta("a", `"content":"Hello"`, `"null"`), delta("b", `"content":" world"`, `"stop"`)},
		},
		"text after a finish_reason": {
			first:  []string{textEvent("a", "Hello"), finish("a"), textEvent("a", " wor")},
			second: []string{textEvent("b", "Hello"), finish("b"), textEvent("b", " wor"), textEvent("b", "ld"), finish("b"), test.Done},
			want:   []string{textEvent("a", "Hello"), finish("a"), textEvent("a", " wor"), textEvent("b", "ld"), finish("b")},
		},
		"reasoning before content": {
			first:  []string{delta("a", `"reasoning":"hm, "`, "null"), delta("a", `"reasoning":"so"`, "null"), textEvent("a", "Y")},
			second: []string{delta("b", `"reasoning":"hm, so"`, "null"), textEvent("b", "Yes"), finish("b"), test.Done},
			want:   []string{delta("a", `"reasoning":"hm, "`, "null"), delta("a", `"reasoning":"so"`, "null"), textEvent("a", "Y"), textEvent("b", "es"), finish("b")},
		},
		"tool calls": {
			first: []string{
				delta("a", `"tool_calls":[{"index":0,"id":"call_a","type":"function","function":{"name":"f","arguments":""}}]`, "null"),
				delta("a", `"tool_calls":[{"index":0,"function":{"arguments":"{\"x\""}}]`, "null"),
			},
			second: []string{
				delta("b", `"tool_calls":[{"index":0,"id":"call_b","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}},{"index":1,"id":"call_c","type":"function","function":{"name":"g","arguments":"{}"}}]`, "null"),
				delta("b", "", `"tool_calls"`), test.Done,
			},
			want: []string{
				delta("a", `"tool_calls":[{"index":0,"id":"call_a","type":"function","function":{"name":"f","arguments":""}}]`, "null"),
				delta("a", `"tool_calls":[{"index":0,"function":{"arguments":"{\"x\""}}]`, "null"),
				delta("b", `"tool_calls":[{"function":{"arguments":":1}"},"index":0},{"function":{"name":"g","arguments":"{}"},"id":"call_c","index":1,"type":"function"}]`, "null"),
				delta("b", "", `"tool_calls"`),
			},
		},
		"tool calls, the first of them whole": {
			first: []string{delta("a", `"tool_calls":[{"index":0,"id":"call_a","type":"function","function":{"name":"f","arguments":"{}"}}]`, "null")},
			second: []string{
				delta("b", `"tool_calls":[{"index":0,"id":"call_b","type":"function","function":{"name":"f","arguments":"{}"}},{"index":1,"id":"call_c","type":"function","function":{"name":"g","arguments":"{"}}]`, "null"),
				delta("b", `"tool_calls":[{"index":1,"function":{"arguments":"}"}}]`, "null"), delta("b", "", `"tool_calls"`), test.Done,
			},
			want: []string{
				delta("a", `"tool_calls":[{"index":0,"id":"call_a","type":"function","function":{"name":"f","arguments":"{}"}}]`, "null"),
				delta("b", `"tool_calls":[{"function":{"name":"g","arguments":"{"},"id":"call_c","index":1,"type":"function"}]`, "null"),
				delta("b", `"tool_calls":[{"index":1,"function":{"arguments":"}"}}]`, "null"), delta("b", "", `"tool_calls"`),
			},
		},
		"logprobs, at a chunk's edge": {
			first:  []string{scored("a", "Hello")},
			second: []string{scored("b", "Hel"), scored("b", "lo"), scored("b", " world"), finish("b"), test.Done},
			want:   []string{scored("a", "Hello"), scored("b", " world"), finish("b")},
		},
		"logprobs, inside a chunk": {
			first:  []string{scored("a", "Hello")},
			second: []string{scored("b", "Hello world"), finish("b"), test.Done},
			want:   []string{scored("a", "Hello")}, differs: true,
		},
		"another choice": {
			first:  []string{textEvent("a", "Hello")},
			second: []string{strings.Replace(textEvent("b", "Hello world"), `"index":0`, `"index":1`, 1), finish("b"), test.Done},
			want:   []string{textEvent("a", "Hello")}, differs: true,
		},
		"half a character": {
			first:  []string{textEvent("a", "Hello")},
			second: []string{delta("b", `"content":"Hello\ud83d"`, "null"), delta("b", `"content":"\ude00"`, `"stop"`), test.Done},
			want:   []string{textEvent("a", "Hello")}, differs: true,
		},
		"another text": {
			first:  []string{textEvent("a", "Hello")},
			second: []string{textEvent("b", "Help"), finish("b"), test.Done},
			want:   []string{textEvent("a", "Hello")}, differs: true,
		},
		"a shorter text": {
			first:  []string{textEvent("a", "Hello")},
			second: []string{textEvent("b", "Hell"), finish("b"), test.Done},
			want:   []string{textEvent("a", "Hello")}, differs: true,
		},
		"no text": {
			first:  []string{textEvent("a", "Hello")},
			second: []string{test.Done},
			want:   []string{textEvent("a", "Hello")}, differs: true,
		},
		"content before all of the reasoning": {
			first:  []string{delta("a", `"reasoning":"hm"`, "null")},
			second: []string{textEvent("b", "Yes"), finish("b"), test.Done},
			want:   []string{delta("a", `"reasoning":"hm"`, "null")}, differs: true,
		},
		"more after the finish_reason": {
			first:  []string{textEvent("a", "Hello"), finish("a")},
			second: []string{textEvent("b", "Hello you"), finish("b"), test.Done},
			want:   []string{textEvent("a", "Hello"), finish("a")}, differs: true,
		},
		"arguments of another function": {
			first:  []string{delta("a", `"tool_calls":[{"index":0,"id":"1","function":{"name":"f","arguments":"{"}}]`, "null")},
			second: []string{delta("b", `"tool_calls":[{"index":0,"id":"2","function":{"name":"g","arguments":"{}"}}]`, "null"), finish("b"), test.Done},
			want:   []string{delta("a", `"tool_calls":[{"index":0,"id":"1","function":{"name":"f","arguments":"{"}}]`, "null")}, differs: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, func(c *Config) { c.Match = true },
					test.New(test.Script{test.Send(strings.Join(c.first, "")), test.Cut}), test.New(test.Script{test.Send(strings.Join(c.second, ""))}))
				defer f.close()
				r := f.stream(dialect.Chat, chatBody)
				if want := data(c.want...); !slices.Equal(r.chunks, want) {
					t.Errorf("the client gets\n%s\nnot\n%s", strings.Join(r.chunks, "\n"), strings.Join(want, "\n"))
				}
				if c.differs {
					if r.err == nil || r.err.Code != apierr.CodeUpstreamCut || !strings.HasSuffix(f.attempts.String(), "b differs") {
						t.Errorf("it ended with %v; the attempts were %s", r.err, f.attempts)
					}
				} else if r.err != nil || !strings.HasSuffix(f.attempts.String(), "b rescued") {
					t.Errorf("it ended with %v; the attempts were %s", r.err, f.attempts)
				}
			})
		})
	}
}

func TestWhatIsNotResumed(t *testing.T) {
	for name, c := range map[string]struct {
		match bool
		body  string
		first string
	}{
		"not configured":          {body: chatBody, first: textEvent("a", "Hello")},
		"several choices":         {match: true, body: strings.Replace(chatBody, "{", `{"n":2,`, 1), first: textEvent("a", "Hello")},
		"what cannot be compared": {match: true, body: chatBody, first: delta("a", `"audio":{"data":"x"}`, "null")},
		"another choice":          {match: true, body: chatBody, first: strings.Replace(textEvent("a", "Hello"), `"index":0`, `"index":1`, 1)},
		"half a character":        {match: true, body: chatBody, first: delta("a", `"content":"\ud83d"`, "null")},
		"no UTF-8":                {match: true, body: chatBody, first: delta("a", "\"content\":\"caf\xe9\"", "null")},
		"a call without its index": {
			match: true, body: chatBody,
			first: delta("a", `"tool_calls":[{"id":"1","function":{"name":"f","arguments":"{}"}}]`, "null"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				second := test.New(test.Whole("b", 3))
				f := newFixture(t, func(config *Config) { config.Match = c.match }, test.New(test.Script{test.Send(c.first), test.Cut}), second)
				defer f.close()
				r := f.stream(dialect.Chat, c.body)
				if r.err == nil || r.err.Code != apierr.CodeUpstreamCut || len(r.chunks) != 1 || len(second.Requests(true)) != 0 {
					t.Errorf("%d chunks arrived, then %v; the attempts were %s", len(r.chunks), r.err, f.attempts)
				}
			})
		})
	}
}

// The client gets the error of the response that was cut, whatever the upstream returns that was to
// continue it.
func TestAResumeThatFails(t *testing.T) {
	for name, c := range map[string]test.Script{
		"unreachable": {test.Reset},
		"refused":     {test.Fail(400, "bad")},
		"our key":     {test.Fail(401, "bad")},
		"busy":        {test.Fail(429, "busy")},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, func(c *Config) { c.Match = true }, test.New(test.Script{test.Tokens("a", 0, 3), test.Cut}), test.New(c))
				defer f.close()
				r := f.stream(dialect.Chat, chatBody)
				if r.err == nil || r.err.Code != apierr.CodeUpstreamCut || r.upstreamAnswer() != nil || len(r.chunks) != 3 {
					t.Errorf("%d chunks arrived, then %v; the attempts were %s", len(r.chunks), r.err, f.attempts)
				}
			})
		})
	}
}

func TestTextCompletionsAreResumed(t *testing.T) {
	text := func(s, finish string) string {
		return fmt.Sprintf("data: {\"choices\":[{\"text\":%q,\"index\":0,\"finish_reason\":%s}]}\n\n", s, finish)
	}
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, func(c *Config) { c.Match = true },
			test.New(test.Script{test.Send(text("Once", "null")), test.Cut}), test.New(test.Script{test.Send(text("Once upon", "null") + text("", `"stop"`) + test.Done)}))
		defer f.close()
		r := f.stream(dialect.Completions, `{"model":"gpt","prompt":"x","stream":true}`)
		if want := data(text("Once", "null"), text(" upon", "null"), text("", `"stop"`)); r.err != nil || !slices.Equal(r.chunks, want) {
			t.Errorf("the client gets %q, %v", r.chunks, r.err)
		}
	})
}

// Completions of several prompts are not resumed: they may arrive in any order.
func TestSeveralPromptsAreNotResumed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		second := test.New(test.Script{test.Send(textOf(0, "Hello world! ", `"stop"`) + textOf(1, "Second", `"stop"`) + test.Done)})
		f := newFixture(t, func(c *Config) { c.Match = true }, test.New(test.Script{test.Send(textOf(0, "Hello", "null") + textOf(1, " world", "null")), test.Cut}), second)
		defer f.close()
		r := f.stream(dialect.Completions, `{"model":"gpt","prompt":["a","b"],"stream":true}`)
		if r.err == nil || r.err.Code != apierr.CodeUpstreamCut || len(r.chunks) != 2 || len(second.Requests(true)) != 0 {
			t.Errorf("%q arrived, then %v; the attempts were %s", r.chunks, r.err, f.attempts)
		}
	})
}

// FuzzReplay splits one text into chunks in two ways and cuts the first stream: the client gets the
// text, once, or an error and a part of the text.
func FuzzReplay(f *testing.F) {
	f.Add("Hello, world", "Hello, world", []byte{3, 4}, []byte{1, 9, 1}, uint8(2))
	f.Add("a\u00e9\U0001F600b", "a\u00e9\U0001F600b", []byte{2, 2}, []byte{7}, uint8(1))
	f.Add("Hello", "Help", []byte{3}, []byte{2}, uint8(1))
	f.Fuzz(func(t *testing.T, one, two string, cutsOne, cutsTwo []byte, sent uint8) {
		comparable := strings.NewReplacer("\ufffd", "?") // U+FFFD is never compared
		one, two = comparable.Replace(strings.ToValidUTF8(one, "?")), comparable.Replace(strings.ToValidUTF8(two, "?"))
		if len(one)+len(two) > 1000 {
			return
		}
		known := &transcript{}
		var client strings.Builder
		for _, c := range split(one, cutsOne)[:min(int(sent), len(split(one, cutsOne)))] {
			known.note([]byte(data(textEvent("a", c))[0]))
			client.WriteString(c)
		}
		before := client.String()
		r := known.replay()
		for _, c := range split(two, cutsTwo) {
			raw := []byte(data(textEvent("b", c))[0])
			forward := true
			if !r.over {
				var err error
				if raw, forward, err = r.next(raw); err != nil {
					if strings.HasPrefix(two, before) {
						t.Fatalf("%q continues %q, and was refused: %v", two, before, err)
					}
					return
				}
			}
			if !forward {
				continue
			}
			var chunk dialect.ChatChunk
			if err := json.Unmarshal(raw, &chunk); err != nil {
				t.Fatalf("%q was passed on: %v", raw, err)
			}
			client.WriteString(*chunk.Choices[0].Delta.Content)
		}
		if r.caughtUp() && client.String() != two {
			t.Fatalf("after %q and %q the client has %q", before, two, client.String())
		}
		if !r.caughtUp() && client.String() != before {
			t.Fatalf("after %q and a part of it the client has %q", before, client.String())
		}
	})
}

// split splits a text into pieces of so many characters.
func split(text string, cuts []byte) (out []string) {
	runes := []rune(text)
	for _, c := range cuts {
		n := min(int(c%10)+1, len(runes))
		if n > 0 {
			out = append(out, string(runes[:n]))
		}
		runes = runes[n:]
	}
	if len(runes) > 0 {
		out = append(out, string(runes))
	}
	return out
}
