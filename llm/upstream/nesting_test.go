package upstream

import (
	"encoding/json"
	"strings"
	"testing"
)

// FuzzNesting follows valid JSON, and parts of it.
func FuzzNesting(f *testing.F) {
	for _, seed := range []string{`{"a":[1,-0.5e+3,"\u00e9\n",true,false,null,{}]}`, `{"a":"\"}","b":"\\"}`, `[ ]`, `"\ud800"`, `{"":""}`} {
		f.Add([]byte(seed), uint8(3))
	}
	f.Fuzz(func(t *testing.T, in []byte, at uint8) {
		if !json.Valid(in) {
			return
		}
		var n nesting
		split := min(int(at), len(in))
		n.add(in[:split])
		if part := in[:split]; n.closed() && len(part) > 0 && (part[0] == '{' || part[0] == '[') && !json.Valid(part) {
			t.Errorf("%q is closed", part)
		}
		if n.add(in[split:]); !n.closed() {
			t.Errorf("%q is not closed", in)
		}
	})
}

// The usage is that of the outermost object, wherever it stands and however its bytes are split.
func TestTheUsageOfAResponse(t *testing.T) {
	for in, want := range map[string]string{
		`{"usage":{"a":[1,{"b":"}"}]},"x":1}`:                 `{"a":[1,{"b":"}"}]}`,
		`{"x":"usage","usage" : {"a":1}}`:                     `{"a":1}`,
		`{"x":{"usage":{"a":1}}}`:                             "",
		`[{"usage":{"a":1}}]`:                                 "",
		`{"x":"\"usage\":{\"a\":1}"}`:                         "",
		`{"usage":"x","y":{"a":1}}`:                           "",
		`{"usage":[{"a":1}]}`:                                 "",
		`{"x":["\\"],"usage":{}}`:                             `{}`,
		`{"usages":{"a":1},"usag":{"a":2}}`:                   "",
		`{"usage":{"a":"` + strings.Repeat("a", 5000) + `"}}`: "",
	} {
		for _, split := range []int{0, 1, 5, len(in) / 2} {
			var n nesting
			n.add([]byte(in[:split]))
			for _, c := range []byte(in[split:]) {
				n.add([]byte{c})
			}
			if !n.closed() || string(n.usage) != want {
				t.Errorf("%s has the usage %q", in, n.usage)
			}
		}
		var n nesting
		if n.add([]byte(in)); !n.closed() || string(n.usage) != want {
			t.Errorf("%s has the usage %q", in, n.usage)
		}
	}
}

func BenchmarkNesting(b *testing.B) {
	for name, body := range map[string]string{
		"vectors": `{"data":[{"embedding":[` + strings.Repeat("-0.0123456,", 100_000) + `0]}]}`,
		"text":    `{"choices":[{"message":{"content":"` + strings.Repeat(`Some words, and a line.\n`, 40_000) + `"}}]}`,
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			piece := []byte(body)
			for b.Loop() {
				var n nesting
				n.add(piece)
			}
		})
	}
}
