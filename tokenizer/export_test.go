package tokenizer

import "time"

// Unhurried lets the expressions take an hour on one text, so that the outcome of a test does not
// depend on the speed of the machine.
func (t *Tokenizer) Unhurried() *Tokenizer {
	t.limit = time.Hour
	return t
}
