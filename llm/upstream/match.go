package upstream

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Why one answer cannot go on where another broke off.
var (
	errOther        = errors.New("the answers differ")
	errShorter      = errors.New("the new answer ends before the old one broke off")
	errIncomparable = errors.New("the answer holds what cannot be compared")
)

// maxTranscript bounds what is remembered of one answer; longer ones are not rescued.
const maxTranscript = 1 << 20

// transcript is what a client has of an answer, one text for each channel: the names of a
// delta's members ("content", "reasoning", …), "text" of text completions, and name and
// arguments of each tool call.
type transcript struct {
	texts    map[string][]byte
	size     int
	foreign  bool // it holds what cannot be compared, or too much
	finished bool // the client has a finish_reason
	counted  bool // the client has a usage
}

// note adds a chunk that the client gets.
func (t *transcript) note(data []byte) {
	if t.foreign {
		return
	}
	c, err := readChunk(data)
	if err != nil {
		t.foreign = true
		return
	}
	for _, p := range c.pieces {
		if t.texts == nil {
			t.texts = map[string][]byte{}
		}
		t.texts[p.channel] = append(t.texts[p.channel], p.text...)
		t.size += len(p.text)
	}
	t.finished = t.finished || c.finishes
	t.counted = t.counted || c.counts
	t.foreign = t.size > maxTranscript
}

// replay follows a further answer as long as it repeats a transcript.
type replay struct {
	said *transcript
	at   map[string]int // how far each channel has been repeated
	over bool           // the answer has gone on from there
}

func (t *transcript) replay() *replay {
	return &replay{said: t, at: map[string]int{}}
}

func (r *replay) caughtUp() bool {
	for channel, text := range r.said.texts {
		if r.at[channel] < len(text) {
			return false
		}
	}
	return true
}

// next takes the answer's next chunk and returns what of it is new to the client, if
// anything is. Its error tells why the answer cannot be gone on with.
func (r *replay) next(data []byte) (fresh []byte, forward bool, err error) {
	c, err := readChunk(data)
	if err != nil {
		return nil, false, err
	}
	rest := map[string]string{}
	beyond, cut := false, false
	for _, p := range c.pieces {
		left := r.said.texts[p.channel][r.at[p.channel]:]
		repeated := min(len(p.text), len(left))
		if p.text[:repeated] != string(left[:repeated]) {
			return nil, false, errOther
		}
		r.at[p.channel] += repeated
		rest[p.channel] += p.text[repeated:]
		beyond = beyond || repeated < len(p.text)
		cut = cut || repeated > 0
	}
	switch {
	case (beyond || c.finishes) && !r.caughtUp():
		return nil, false, errShorter
	case beyond && r.said.finished:
		return nil, false, errOther
	case beyond, c.finishes && !r.said.finished:
		r.over = true
	case c.counts && !c.finishes && !r.said.counted && r.caughtUp():
	default:
		return nil, false, nil
	}
	switch {
	case cut && c.scored: // what its logprobs say of the tokens that were cut away would be said twice
		return nil, false, errIncomparable
	case cut:
		data, err = c.without(data, rest, r.said)
	}
	return data, true, err
}

// textChunk is a chunk of an answer to n = 1, as far as comparing needs it.
type textChunk struct {
	pieces   []piece
	finishes bool
	counts   bool
	scored   bool                         // it holds logprobs, token by token
	calls    []map[string]json.RawMessage // delta.tool_calls
}

// piece is what a chunk adds to one channel.
type piece struct{ channel, text string }

func readChunk(data []byte) (c textChunk, err error) {
	var raw struct {
		Choices []struct {
			Index        int                        `json:"index"`
			Text         string                     `json:"text"`
			Delta        map[string]json.RawMessage `json:"delta"`
			Logprobs     json.RawMessage            `json:"logprobs"`
			FinishReason *string                    `json:"finish_reason"`
		} `json:"choices"`
		Usage json.RawMessage `json:"usage"`
	}
	if err := json.Unmarshal(data, &raw); err != nil || len(raw.Choices) > 1 {
		return c, errIncomparable
	}
	c.counts = says(raw.Usage)
	for _, choice := range raw.Choices {
		if choice.Index != 0 { // of several answers, whose texts are not told apart
			return c, errIncomparable
		}
		c.finishes = choice.FinishReason != nil && *choice.FinishReason != ""
		c.scored = says(choice.Logprobs)
		if err := c.add("text", choice.Text); err != nil {
			return c, err
		}
		for name, value := range choice.Delta {
			if err := c.member(name, value); err != nil {
				return c, err
			}
		}
	}
	return c, nil
}

// add takes a text. In place of half a character, which no two answers may cut alike, the decoder has put a mark that
// equals every other half.
func (c *textChunk) add(channel, text string) error {
	if strings.ContainsRune(text, utf8.RuneError) {
		return errIncomparable
	}
	if text != "" {
		c.pieces = append(c.pieces, piece{channel, text})
	}
	return nil
}

// member reads one member of a delta.
func (c *textChunk) member(name string, value json.RawMessage) error {
	switch {
	case name == "role" || !says(value):
		return nil
	case name == "tool_calls":
		if json.Unmarshal(value, &c.calls) != nil {
			return errIncomparable
		}
		for _, call := range c.calls {
			if err := c.call(call); err != nil {
				return err
			}
		}
		return nil
	}
	var text string
	if json.Unmarshal(value, &text) != nil {
		return errIncomparable
	}
	return c.add("delta/"+name, text)
}

// call reads one element of a delta's tool_calls. Its id is new in each answer, and not
// compared.
func (c *textChunk) call(call map[string]json.RawMessage) error {
	if call["index"] == nil { // which of them it is nobody knows
		return errIncomparable
	}
	channel := callChannel(call)
	for name, value := range call {
		switch name {
		case "index", "id", "type":
			continue
		case "function", "custom":
		default:
			return errIncomparable
		}
		var texts map[string]string
		if json.Unmarshal(value, &texts) != nil {
			return errIncomparable
		}
		for member, text := range texts {
			if err := c.add(channel+name+"/"+member, text); err != nil {
				return err
			}
		}
	}
	return nil
}

func callChannel(call map[string]json.RawMessage) string {
	return "call/" + string(call["index"]) + "/"
}

// without returns the chunk with what is left of its texts. Only these values change.
func (c *textChunk) without(data []byte, rest map[string]string, said *transcript) ([]byte, error) {
	edits := map[jsontext.Pointer][]byte{}
	for channel, text := range rest {
		value, err := json.Marshal(text)
		if err != nil {
			return nil, fmt.Errorf("write the rest of a chunk: %w", err)
		}
		if !strings.HasPrefix(channel, "call/") {
			edits[jsontext.Pointer("/choices/0/"+channel)] = value
		}
	}
	if c.calls != nil {
		calls := []map[string]json.RawMessage{}
		for _, call := range c.calls {
			if left := restOfCall(call, rest, said); left != nil {
				calls = append(calls, left)
			}
		}
		value, err := json.Marshal(calls)
		if err != nil {
			return nil, fmt.Errorf("write the rest of a chunk: %w", err)
		}
		edits["/choices/0/delta/tool_calls"] = value
	}
	return replaceValues(data, edits)
}

// restOfCall returns what is new of a tool call: all of one that the client does not know
// yet, and of others no id, type or name, which clients would add to those they have. It
// is nil if nothing is: some clients fail at a call without a function.
func restOfCall(call map[string]json.RawMessage, rest map[string]string, said *transcript) map[string]json.RawMessage {
	channel := callChannel(call)
	known := false
	for c := range said.texts {
		known = known || strings.HasPrefix(c, channel)
	}
	if !known {
		return call
	}
	var fresh map[string]json.RawMessage
	for _, kind := range []string{"function", "custom"} {
		texts := map[string]string{}
		for c, text := range rest {
			if member, ok := strings.CutPrefix(c, channel+kind+"/"); ok && text != "" {
				texts[member] = text
			}
		}
		if len(texts) > 0 {
			if fresh == nil {
				fresh = map[string]json.RawMessage{"index": call["index"]}
			}
			fresh[kind], _ = json.Marshal(texts) // strings always encode
		}
	}
	return fresh
}

// replaceValues returns data with other values in the places of some, and every other
// byte as it was.
func replaceValues(data []byte, edits map[jsontext.Pointer][]byte) ([]byte, error) {
	out := make([]byte, 0, len(data))
	copied := 0
	d := jsontext.NewDecoder(bytes.NewBuffer(data), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	edits = maps.Clone(edits)
	for len(edits) > 0 {
		if _, err := d.ReadToken(); err != nil {
			return nil, fmt.Errorf("take what is known out of a chunk: %w", err)
		}
		at := d.StackPointer()
		kind, n := d.StackIndex(d.StackDepth())
		value, ok := edits[at]
		if !ok || kind != '{' || n%2 == 0 { // not right behind a member's name
			continue
		}
		old, err := d.ReadValue()
		if err != nil {
			return nil, fmt.Errorf("take what is known out of a chunk: %w", err)
		}
		end := int(d.InputOffset())
		out = append(append(out, data[copied:end-len(old)]...), value...)
		copied = end
		delete(edits, at)
	}
	return append(out, data[copied:]...), nil
}

// comparable tells whether another answer can be held against the transcript.
func (t *transcript) comparable() bool { return !t.foreign }
