package local

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

// check returns an error for a value with which no token could be chosen. Requests, whose values
// replace these, are checked by their dialect.
func (g generationConfig) check() error {
	return cmp.Or(
		between("temperature", g.Temperature, 0, 100),
		between("top_p", g.TopP, 0, 1),
		between("top_k", g.TopK, -1, 1<<31-1), // -1 and 0 mean all tokens
		between("min_p", g.MinP, 0, 1),
		between("repetition_penalty", g.RepetitionPenalty, 0.01, 100),
	)
}

func between[T int | float64](name string, value *T, least, most T) error {
	if value == nil || *value >= least && *value <= most {
		return nil
	}
	return fmt.Errorf("%s must be from %v to %v, not %v", name, least, most, *value)
}

// check returns an error unless all ids are those of tokens, or -1, which stands for none.
func (i ids) check(vocab int) error {
	for _, id := range i {
		if id < -1 || id >= int64(vocab) {
			return fmt.Errorf("eos_token_id must be a token id from 0 to %d, not %d", vocab-1, id)
		}
	}
	return nil
}

// checkDefaults checks what generation_config.json and config.json set for every completion.
func (f *folder) checkDefaults() error {
	vocab := max(f.config.VocabSize, f.tokenizer.VocabSize()) // a graph may have more, which no text needs
	if err := cmp.Or(f.defaults.check(), f.defaults.EOS.check(vocab)); err != nil {
		return fmt.Errorf("generation_config.json: %w", err)
	}
	if err := f.config.EOS.check(vocab); err != nil {
		return fmt.Errorf("config.json: %w", err)
	}
	return nil
}

// wrongType rewrites an error about a value of the wrong type in the terms of JSON.
func wrongType(err error) error {
	wrong, ok := errors.AsType[*json.UnmarshalTypeError](err)
	if !ok || wrong.Field == "" {
		return err
	}
	want := "another type"
	switch wrong.Type.Kind() { //nolint:exhaustive // the kinds that the files' fields have
	case reflect.Float64:
		want = "a number"
	case reflect.Int, reflect.Int64:
		want = "an integer"
	case reflect.Bool:
		want = "true or false"
	case reflect.String:
		want = "a string"
	}
	return fmt.Errorf("%s must be %s, not %s", wrong.Field, want, wrong.Value)
}
