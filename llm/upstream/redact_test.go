package upstream

import "testing"

func TestKeysAreRemovedAndDummiesAreNot(t *testing.T) {
	for key, want := range map[string]string{
		"none":     `the model "none" is not there`,
		"sk-1234":  `the model "none" is not there`,
		"the mode": `[key]l "none" is not there`,
	} {
		if got := redactText(`the model "none" is not there`, key); got != want {
			t.Errorf("key %q: %s", key, got)
		}
	}
}
