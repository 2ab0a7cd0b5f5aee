package upstream

import (
	"encoding/json"
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
