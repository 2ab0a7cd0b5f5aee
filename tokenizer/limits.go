package tokenizer

import (
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Padding is a file's padding section: how the texts of a batch become equally long.
type Padding struct {
	ID       int64
	Left     bool // the padding goes before the text
	Length   int  // of every text; 0: as the longest one
	Multiple int  // the length is rounded up to a multiple of this; 0: it is not
}

// Padding returns the file's padding section, if there is one.
func (t *Tokenizer) Padding() (p Padding, ok bool) {
	if t.padding == nil {
		return Padding{}, false
	}
	return *t.padding, true
}

// Pad returns ids with padding. Longest is the length of the longest text, this one or another. Ids
// that are longer already are returned as they are.
func (p Padding) Pad(ids []int64, longest int) []int64 {
	length := longest
	if p.Length > 0 {
		length = p.Length
	}
	if p.Multiple > 0 && length%p.Multiple > 0 {
		length += p.Multiple - length%p.Multiple
	}
	if length <= len(ids) {
		return ids
	}
	fill := slices.Repeat([]int64{p.ID}, length-len(ids))
	if p.Left {
		return append(fill, ids...)
	}
	return append(ids, fill...)
}

// EncodeConfigured encodes text as the library does without other settings: with the file's start
// and end tokens, with special tokens recognised, cut and padded as the file's truncation and
// padding sections say. The error is Encode's.
func (t *Tokenizer) EncodeConfigured(text string) ([]int64, error) {
	ids, err := t.Encode(text, EncodeOptions{ParseSpecial: true})
	if err != nil {
		return nil, err
	}
	if c := t.truncation; c != nil {
		if surplus := len(ids) - max(c.Length-len(t.before)-len(t.after), 0); surplus > 0 && c.left() {
			ids = ids[surplus:]
		} else if surplus > 0 {
			ids = ids[:len(ids)-surplus]
		}
	}
	ids = slices.Concat(t.before, ids, t.after)
	if t.padding != nil {
		ids = t.padding.Pad(ids, len(ids))
	}
	return ids, nil
}

// truncation is the section of that name. Its stride is for the parts that are cut off.
type truncation struct {
	Direction string `json:"direction"`
	Length    int    `json:"max_length"`
	Strategy  string `json:"strategy"`
}

func (c *truncation) left() bool { return c.Direction == "Left" }

func (c *truncation) check() error {
	switch {
	case c == nil:
		return nil
	case c.Length < 0:
		return fmt.Errorf("max_length %d is negative", c.Length)
	case c.Strategy != "LongestFirst" && c.Strategy != "OnlyFirst":
		return fmt.Errorf("strategy %q is not supported", c.Strategy)
	}
	return checkDirection(c.Direction)
}

func checkDirection(name string) error {
	if name != "Left" && name != "Right" && name != "" {
		return fmt.Errorf("direction %q is neither Left nor Right", name)
	}
	return nil
}

// paddingFile is the section padding.
type paddingFile struct {
	Strategy  paddingStrategy `json:"strategy"`
	Direction string          `json:"direction"`
	Multiple  *int            `json:"pad_to_multiple_of"`
	ID        int64           `json:"pad_id"`
}

// read returns nil if the file has no such section.
func (f *paddingFile) read() (*Padding, error) {
	if f == nil {
		return nil, nil
	}
	p := &Padding{ID: f.ID, Left: f.Direction == "Left", Length: int(f.Strategy)}
	if f.Multiple != nil {
		p.Multiple = *f.Multiple
	}
	if p.ID < 0 || p.ID > maxID {
		return nil, fmt.Errorf("pad_id %d is not in 0..%d", p.ID, maxID)
	}
	if p.Length < 0 || p.Length > maxPadding || p.Multiple < 0 || p.Multiple > maxPadding {
		return nil, fmt.Errorf("a length of %d or a multiple of %d is not in 0..%d", p.Length, p.Multiple, maxPadding)
	}
	return p, checkDirection(f.Direction)
}

// paddingStrategy is the length of every text: written "BatchLongest", 0, or {"Fixed": 64}.
type paddingStrategy int

// UnmarshalJSONFrom reads either form.
func (s *paddingStrategy) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() == '"' {
		name, err := dec.ReadToken()
		if err == nil && name.String() != "BatchLongest" {
			err = errPaddingStrategy
		}
		return err
	}
	var fixed struct {
		Fixed *int `json:"Fixed"`
	}
	if err := json.UnmarshalDecode(dec, &fixed); err != nil {
		return err
	}
	if fixed.Fixed == nil {
		return errPaddingStrategy
	}
	*s = paddingStrategy(*fixed.Fixed)
	return nil
}

// maxPadding bounds what a broken file can make the package allocate for a text.
const maxPadding = 1 << 20

var errPaddingStrategy = errors.New(`a padding strategy should be "BatchLongest" or {"Fixed": length}`)
