package tokenizer_test

import (
	"errors"
	"strings"
	"testing"

	"penstock/tokenizer"
)

// An expression that takes time exponential in the length of a text is stopped, wherever the file
// has it; so are many matches that are each below the limit.
func TestASlowExpressionIsStopped(t *testing.T) {
	const nested = `{"Regex": "(a+)+$"}`
	hard := strings.Repeat("a", 40) + "!"
	for name, c := range map[string]struct{ field, value, text string }{
		"split":       {"pre_tokenizer", `{"type": "Split", "behavior": "Isolated", "pattern": ` + nested + `}`, hard},
		"replace":     {"normalizer", `{"type": "Replace", "content": "", "pattern": ` + nested + `}`, hard},
		"many splits": {"pre_tokenizer", `{"type": "Split", "behavior": "Isolated", "pattern": {"Regex": "(a+)+b|a|!"}}`, strings.Repeat(strings.Repeat("a", 18)+"!", 5000)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parts := byteLevel()
			parts[c.field] = c.value
			if _, err := mustParse(t, parts).Encode(c.text, tokenizer.EncodeOptions{}); !errors.Is(err, tokenizer.ErrTooSlow) {
				t.Errorf("got %v", err)
			} else if strings.Contains(err.Error(), "aaa") {
				t.Errorf("the error holds the text: %v", err)
			}
		})
	}
}
