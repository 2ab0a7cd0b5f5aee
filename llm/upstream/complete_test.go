package upstream

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/engine"
	test "penstock/llm/upstream/upstreamtest"
)

// chatOf is an event of a chat with that text and finish_reason, as JSON.
func chatOf(text, finish string) string {
	return fmt.Sprintf("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":%q},\"finish_reason\":%s}]}\n\n", text, finish)
}

// generated is what a request without a Passthrough gets: the deltas of its response.
type generated struct {
	text, reasoning, finish string
	usage                   *dialect.Usage
	end                     engine.End
	err                     error
}

// generate requests a response whose deltas are gathered.
func (f *fixture) generate(d dialect.Name, body string) (g generated) {
	f.t.Helper()
	g.end, g.err = f.run(f.t.Context(), f.decode(d, body), func(deltas ...dialect.Delta) error {
		for _, d := range deltas {
			g.text, g.reasoning, g.finish = g.text+d.Text, g.reasoning+d.Reasoning, g.finish+d.Finish
			if d.Usage != nil {
				g.usage = d.Usage
			}
		}
		return nil
	})
	return g
}

// What comes after a finish_reason arrives, however late, on every route, and is charged.
func TestWhatComesAfterAFinishReasonArrives(t *testing.T) {
	charged := engine.Usage{PromptTokens: 7, CompletionTokens: 60}
	for name, c := range map[string]struct {
		events []string
		pause  time.Duration // before each but the first
		silent bool          // no end follows, and no [DONE]
		text   string
	}{
		"a usage after 3 s":                  {events: []string{chatOf("A", `"stop"`), test.Usage("m") + test.Done}, pause: 3 * time.Second, text: "A"},
		"a usage after 20 s":                 {events: []string{chatOf("A", `"stop"`), test.Usage("m") + test.Done}, pause: 20 * time.Second, text: "A"},
		"a usage after 29 s, without an end": {events: []string{chatOf("A", `"stop"`), test.Usage("m")}, pause: 29 * time.Second, silent: true, text: "A"},
		"comments for a minute, and a usage": {events: []string{chatOf("A", `"stop"`), ": wait\n\n", ": wait\n\n", ": wait\n\n", test.Usage("m") + test.Done}, pause: 20 * time.Second, text: "A"},
		"text after 20 s":                    {events: []string{chatOf("A", `"stop"`), chatOf("B", `null`), chatOf("", `"stop"`) + test.Usage("m") + test.Done}, pause: 14 * time.Second, text: "AB"},
		"a finish_reason in every chunk":     {events: []string{chatOf("", `"stop"`) + chatOf("A", `"stop"`), chatOf("B", `"stop"`), chatOf("C", `"stop"`) + test.Usage("m") + test.Done}, pause: 20 * time.Second, text: "ABC"},
		"a finish_reason in the first chunk": {events: []string{chatOf("", `"stop"`), chatOf("A", `null`), chatOf("B", `"stop"`) + test.Usage("m")}, pause: 9 * time.Second, text: "AB"},
		"the text null, or none":             {events: []string{chatOf("", `"null"`) + chatOf("A", `"null"`), chatOf("B", `""`), chatOf("C", `"stop"`) + test.Usage("m")}, pause: 9 * time.Second, text: "ABC"},
	} {
		script := test.Script{test.Send(c.events[0])}
		for _, e := range c.events[1:] {
			script = append(script, test.Pause(c.pause), test.Send(e))
		}
		if c.silent {
			script = append(script, test.Stall)
		}
		run := func(route string, check func(t *testing.T, f *fixture)) {
			t.Run(name+"/"+route, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := newFixture(t, nil, test.New(script))
					defer f.close()
					check(t, f)
					if got := <-f.charges; got != charged {
						t.Errorf("it is charged with %+v", got)
					}
				})
			})
		}
		run("chat", func(t *testing.T, f *fixture) {
			r := f.stream(dialect.Chat, chatBody)
			var want []string
			for _, e := range eventsIn(c.events...) {
				if strings.HasPrefix(e, "data: {") {
					want = append(want, e)
				}
			}
			if r.err != nil || !slices.Equal(r.chunks, data(want...)) {
				t.Errorf("the client gets %q, %v", r.chunks, r.err)
			}
		})
		run("chat without its usage", func(t *testing.T, f *fixture) {
			if r := f.stream(dialect.Chat, unasked); r.err != nil || r.text() != c.text {
				t.Errorf("the client gets %q, %v", r.chunks, r.err)
			}
		})
		run("native", func(t *testing.T, f *fixture) {
			r := f.stream(dialect.Native, `{"prompt":"hi"}`)
			text := strings.NewReplacer(`{"text":"`, "", `"}`, "").Replace(strings.Join(r.chunks, ""))
			if r.err != nil || text != c.text || r.end.Reason() != "stop" {
				t.Errorf("the client gets %q, %q, %v", r.chunks, r.end.Reason(), r.err)
			}
		})
		for d, body := range map[dialect.Name]string{
			dialect.Chat: `{"model":"gpt","messages":[]}`, dialect.Completions: `{"model":"gpt","prompt":"hi"}`, dialect.Responses: `{"model":"gpt","input":"hi"}`,
		} {
			run("gathered "+string(d), func(t *testing.T, f *fixture) {
				if g := f.generate(d, body); g.err != nil || g.text != c.text || g.finish != "stop" || g.usage == nil || g.usage.TotalTokens != 67 {
					t.Errorf("the deltas are %+v", g)
				}
			})
		}
	}
}

// A response without [DONE] is complete after AfterFinish of silence, and only if every choice has
// a finish_reason that counts.
func TestSilenceAfterTheFinishReasonEndsAResponse(t *testing.T) {
	for name, c := range map[string]struct {
		events string
		took   time.Duration
		code   apierr.Code
	}{
		"after text":                        {chatOf("A", "null") + chatOf("", `"stop"`), 12 * time.Second, ""},
		"with text":                         {chatOf("A", `"stop"`), 12 * time.Second, ""},
		"the text null":                     {chatOf("A", `"null"`), 15 * time.Second, apierr.CodeUpstreamTimeout},
		"followed by text":                  {chatOf("A", `"stop"`) + chatOf("B", "null"), 15 * time.Second, apierr.CodeUpstreamTimeout},
		"before any content":                {chatOf("", `"stop"`), 10 * time.Second, apierr.CodeUpstreamTimeout},
		"before any content, and with that": {chatOf("", `"stop"`) + chatOf("A", `"stop"`), 12 * time.Second, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, func(config *Config) { config.Timeouts.AfterFinish = 12 * time.Second }, test.New(test.Script{test.Send(c.events), test.Stall}))
				defer f.close()
				r := f.stream(dialect.Chat, chatBody)
				if r.took != c.took {
					t.Errorf("it ends after %v", r.took)
				}
				if c.code == "" && r.err != nil || c.code != "" && (r.err == nil || r.err.Code != c.code) {
					t.Errorf("it ends with %v", r.err)
				}
			})
		})
	}
}

// The end of the body completes a response whose finish_reasons count, and cuts any other. The last
// event counts without the empty line after it.
func TestTheEndOfTheBody(t *testing.T) {
	for name, c := range map[string]struct {
		events string
		cut    bool
	}{
		"after a finish_reason":                {chatOf("A", `"stop"`), false},
		"after a finish_reason without a line": {strings.TrimSuffix(chatOf("A", "null")+chatOf("", `"stop"`), "\n\n"), false},
		"without any text":                     {chatOf("", `"stop"`), false},
		"after the text null":                  {chatOf("A", `"null"`), true},
		"after none":                           {chatOf("A", `""`), true},
		"after a finish_reason and text":       {chatOf("A", `"stop"`) + chatOf("B", `null`), true},
		"in an event":                          {chatOf("A", `null`) + chatOf("", `"stop"`)[:30], true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, nil, test.New(test.Script{test.Send(c.events)}))
				defer f.close()
				r := f.stream(dialect.Chat, chatBody)
				if c.cut != (r.err != nil) || c.cut && r.err.Code != apierr.CodeUpstreamCut {
					t.Errorf("it ends with %v after %q", r.err, r.chunks)
				}
			})
		})
	}
}
