package upstream

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"penstock/dialect"
	test "penstock/llm/upstream/upstreamtest"
)

// A body that is empty, or no JSON, is no response, however it is labelled: another server is used.
func TestABodyWithoutAResponse(t *testing.T) {
	for _, row := range formRows() {
		for _, label := range labels {
			for _, body := range []string{"", " \r\n\n", "no healthy upstream", "\ufeff"} {
				for _, stream := range []bool{true, false} {
					t.Run(fmt.Sprintf("%q as %q to %s, stream %v", body, label, row.dialect, stream), func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) {
							good := test.New(test.Script{test.Answer(200, row.answer)})
							f := newFixture(t, nil, test.New(test.Script{labelled(label, body)}), good)
							defer f.close()
							r := row.send(f, stream)
							if r.err != nil || textIn(t, r, stream) != "w0 w1 w2 " {
								t.Errorf("the client gets %v, %q, %q", r.err, r.chunks, r.body.String())
							}
						})
					})
				}
			}
		}
	}
}

// A body that does not look like anything at its beginning is what its label says.
func TestAStreamByItsLabel(t *testing.T) {
	for _, row := range formRows() {
		for name, before := range map[string]string{"many blank lines": strings.Repeat("\n", maxBlank+10), "a field of no standard": "x: y\n"} {
			for _, stream := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s to %s, stream %v", name, row.dialect, stream), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { checkForm(t, row, "text/event-stream", before+row.events, stream) })
				})
			}
		}
	}
}

// Blank lines before a stream, or what is sent in place of it, may go on for as long as the client
// waits for its first token.
func TestBlankLinesBeforeAStream(t *testing.T) {
	blank := strings.Repeat("\r\n", maxBlank)
	for _, row := range formRows() {
		for _, label := range labels {
			for form, body := range map[string]string{"events": row.events, "JSON": row.answer} {
				t.Run(fmt.Sprintf("%s as %q to %s", form, label, row.dialect), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { checkForm(t, row, label, blank+body, true) })
				})
			}
		}
	}
}

// An empty body is no embedding either.
func TestAnEmptyBodyIsNoEmbedding(t *testing.T) {
	for _, label := range labels {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, nil, test.New(test.Script{labelled(label, "")}), test.New(test.Script{test.Answer(200, `{"data":[]}`)}))
			defer f.close()
			if r := f.whole(dialect.Embeddings); r.err != nil || r.body.String() != `{"data":[]}` {
				t.Errorf("%q: the client gets %q, %v", label, r.body.String(), r.err)
			}
		})
	}
}
