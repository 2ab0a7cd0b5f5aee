package tokenizer

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// maxID bounds token ids, and with them the tables that a broken file can make the package
// allocate. The largest vocabularies in use have 262,144 tokens.
const maxID = 1<<20 - 1

// vocabulary maps tokens, as the file spells them, to ids in 0..maxID.
type vocabulary struct {
	ids    map[string]int32
	scores []float64 // by id, for a vocabulary that is a list; nil for one that is an object
}

// UnmarshalJSONFrom reads an object from tokens to ids, or Unigram's list of tokens and scores.
func (v *vocabulary) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	v.ids, v.scores = make(map[string]int32), nil // of several vocabularies the last counts
	kind := dec.PeekKind()
	if kind == '{' {
		return readAll(dec, '}', func() error { return v.readID(dec) })
	}
	if kind == '[' {
		v.scores = []float64{}
		return readAll(dec, ']', func() error { return v.readScore(dec) })
	}
	return dec.SkipValue() // an error of the model that misses it
}

// readAll reads an object or a list, element by element, because reflection would double the time
// that a model takes to load.
func readAll(dec *jsontext.Decoder, end jsontext.Kind, element func() error) error {
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() != end {
		if err := element(); err != nil {
			return err
		}
	}
	_, err := dec.ReadToken()
	return err
}

func (v *vocabulary) readID(dec *jsontext.Decoder) error {
	name, err := dec.ReadToken()
	if err != nil {
		return err
	}
	token := name.String()
	value, err := dec.ReadValue()
	if err != nil {
		return err
	}
	id, err := parseID(value)
	if err != nil {
		return fmt.Errorf("token %q: %w", token, err)
	}
	v.ids[token] = id
	return nil
}

// readScore reads ["token", score]. Of several equal tokens the last counts.
func (v *vocabulary) readScore(dec *jsontext.Decoder) error {
	id := len(v.scores)
	if id > maxID {
		return fmt.Errorf("it has over %d tokens", maxID+1)
	}
	parts := 0
	err := readPair(dec, func() error {
		parts++
		value, err := dec.ReadToken()
		switch {
		case err != nil:
			return err
		case parts == 1 && value.Kind() == '"':
			v.ids[value.String()] = int32(id)
		case parts == 2 && value.Kind() == '0':
			score, err := value.Float()
			v.scores = append(v.scores, score)
			return err
		default:
			return errScoreShape
		}
		return nil
	})
	if err == nil && parts != 2 {
		err = errScoreShape
	}
	if err != nil {
		return fmt.Errorf("entry %d: %w", id, err)
	}
	return nil
}

var errScoreShape = errors.New(`it should be ["token", score]`)

func readPair(dec *jsontext.Decoder, element func() error) error {
	if dec.PeekKind() != '[' {
		return errScoreShape
	}
	return readAll(dec, ']', element)
}

func parseID(digits []byte) (int32, error) {
	var id int32
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, fmt.Errorf("its id %s is not a whole number", digits)
		}
		if id = 10*id + int32(c-'0'); id > maxID {
			return 0, fmt.Errorf("its id %s is over %d", digits, maxID)
		}
	}
	return id, nil
}
