package upstream

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"penstock/apierr"
	"penstock/dialect"
	test "penstock/llm/upstream/upstreamtest"
)

// textOf is an event of a text completion.
func textOf(index int, text, finish string) string {
	return fmt.Sprintf("data: {\"choices\":[{\"text\":%q,\"index\":%d,\"logprobs\":null,\"finish_reason\":%s}]}\n\n", text, index, finish)
}

// A response that looks complete and continues is passed on to its end, or cut.
func TestAResponseThatOnlyLooksComplete(t *testing.T) {
	const two, one = `{"model":"gpt","prompt":["a","b"],"stream":true}`, `{"model":"gpt","prompt":[1,2],"stream":true}`
	first := textOf(0, "A", `"stop"`)
	rest := []string{textOf(1, "B", "null"), textOf(1, "C", "null"), textOf(1, "D", `"stop"`)}
	for name, c := range map[string]struct {
		body   string
		events []string
		pause  time.Duration // before each but the first
		open   bool          // nothing follows, not even the end
		cut    bool
	}{
		"the second prompt's completion begins late": {body: two, events: slices.Concat([]string{first}, rest), pause: 3 * time.Second},
		"the second prompt's completion takes long":  {body: two, events: slices.Concat([]string{first + rest[0]}, rest), pause: 1900 * time.Millisecond},
		"the second prompt has no completion":        {body: two, events: []string{first}, cut: true},
		"another choice than was requested":          {body: one, events: slices.Concat([]string{first + rest[0]}, rest), pause: 3 * time.Second},
		"the same that ends in the middle":           {body: one, events: []string{first + rest[0]}, cut: true},
		"a finish_reason in every event":             {body: one, events: slices.Repeat([]string{first}, 5), pause: 1900 * time.Millisecond, open: true},
		"text after a finish_reason":                 {body: one, events: []string{first, textOf(0, "B", "null"), textOf(0, "C", `"stop"`)}, pause: 1900 * time.Millisecond, open: true},
		"more text after it":                         {body: one, events: []string{first + textOf(0, "B", "null"), textOf(0, "C", `"stop"`)}, pause: 3 * time.Second, open: true},
		"text after it, and the end":                 {body: one, events: []string{first + textOf(0, "B", "null")}, cut: true},
		"one prompt, no fault":                       {body: one, events: []string{first}, open: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				script := test.Script{test.Send(c.events[0])}
				for _, e := range c.events[1:] {
					script = append(script, test.Pause(c.pause), test.Send(e))
				}
				if c.open {
					script = append(script, test.Stall)
				}
				f := newFixture(t, nil, test.New(script))
				defer f.close()
				r := f.stream(dialect.Completions, c.body)
				if want := data(eventsIn(c.events...)...); !slices.Equal(r.chunks, want) {
					t.Errorf("the client gets %q, not %q", r.chunks, want)
				}
				if c.cut != (r.err != nil) || c.cut && r.err.Code != apierr.CodeUpstreamCut {
					t.Errorf("it ended with %v", r.err)
				}
			})
		})
	}
}
