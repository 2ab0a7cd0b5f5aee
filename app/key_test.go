package app

import (
	"bytes"
	"testing"
)

// A name goes into YAML and logs, which hold UTF-8 only.
func TestANameThatIsNoTextMakesNoKey(t *testing.T) {
	for _, name := range []string{"caf\xe9", "a\xff", "", " ", "a\nb"} {
		var out bytes.Buffer
		if err := (newKeyCommand{Name: name}).Run(&out); err == nil || out.Len() > 0 {
			t.Errorf("%q: %v, %s", name, err, out.String())
		}
	}
	var out bytes.Buffer
	if err := (newKeyCommand{Name: "café"}).Run(&out); err != nil || !bytes.Contains(out.Bytes(), []byte("- name: 'café'")) {
		t.Errorf("%v, %s", err, out.String())
	}
}
