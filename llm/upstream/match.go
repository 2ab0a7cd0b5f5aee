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

// Why a response cannot continue another one that was cut.
var (
	errOther        = errors.New("the responses differ")
	errShorter      = errors.New("the new response ends before the point where the old one was cut")
	errIncomparable = errors.New("the response has parts that cannot be compared")
)

// maxTranscript bounds what is kept of one response; longer ones are not resumed.
const maxTranscript = 1 << 20

// transcript is what a client has of a response, one text for each channel: the members of a chat's
// deltas ("content", "reasoning", …), "text" of text completions, and the name and the arguments of
// each tool call.
type transcript struct {
	texts    map[string][]byte
	size     int
	unusable bool // it has parts that cannot be compared, or is too long
	finished bool // the client has a finish_reason, and no text after it
	early    bool // text came after a finish_reason: that says nothing about the end
	counted  bool // the client has a usage
}

// comparable reports whether another response can be compared with the transcript.
func (t *transcript) comparable() bool { return !t.unusable }

// note adds a chunk that the client gets.
func (t *transcript) note(data []byte) {
	if t.unusable {
		return
	}
	c, err := readChunk(data)
	if err != nil {
		t.unusable = true
		return
	}
	for _, p := range c.pieces {
		if t.texts == nil {
			t.texts = map[string][]byte{}
		}
		t.texts[p.channel] = append(t.texts[p.channel], p.text...)
		t.size += len(p.text)
	}
	t.early = t.early || t.finished && len(c.pieces) > 0
	t.finished = c.finishes || t.finished && len(c.pieces) == 0
	t.counted = t.counted || c.counts
	t.unusable = t.size > maxTranscript
}

// replay compares a further response with a transcript, as long as it repeats that.
type replay struct {
	transcript *transcript
	repeated   map[string]int // bytes of each channel
	finished   bool           // the response has had a finish_reason
	over       bool           // it has continued from there
}

func (t *transcript) replay() *replay {
	return &replay{transcript: t, repeated: map[string]int{}}
}

// caughtUp reports whether the response has repeated all of the transcript.
func (r *replay) caughtUp() bool {
	for channel, text := range r.transcript.texts {
		if r.repeated[channel] < len(text) {
			return false
		}
	}
	return true
}

// next returns the part of the response's next chunk that is new to the client, if there is one.
// Its error says why the response cannot continue the other one.
func (r *replay) next(data []byte) (rest []byte, isNew bool, err error) {
	c, err := readChunk(data)
	if err != nil {
		return nil, false, err
	}
	texts := map[string]string{} // what is new of each channel
	beyond, overlaps := false, false
	for _, p := range c.pieces {
		left := r.transcript.texts[p.channel][r.repeated[p.channel]:]
		repeated := min(len(p.text), len(left))
		if p.text[:repeated] != string(left[:repeated]) {
			return nil, false, errOther
		}
		r.repeated[p.channel] += repeated
		texts[p.channel] += p.text[repeated:]
		beyond = beyond || repeated < len(p.text)
		overlaps = overlaps || repeated > 0
	}
	early := r.transcript.early || r.finished
	r.finished = r.finished || c.finishes
	switch {
	case beyond && !r.caughtUp():
		return nil, false, errShorter
	case beyond && r.transcript.finished && !early:
		return nil, false, errOther
	case beyond, c.finishes && !r.transcript.finished && r.caughtUp():
		r.over = true
	case c.counts && !c.finishes && !r.transcript.counted && r.caughtUp():
	default:
		return nil, false, nil
	}
	switch {
	case overlaps && c.scored: // the client would get the logprobs of the repeated tokens twice
		return nil, false, errIncomparable
	case overlaps:
		data, err = c.shortened(data, texts, r.transcript)
	}
	return data, true, err
}

// textChunk is a chunk of a response with one choice, as far as it is compared.
type textChunk struct {
	pieces   []piece
	finishes bool
	counts   bool
	scored   bool                         // it has logprobs, token by token
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
	c.counts = hasContent(raw.Usage)
	for _, choice := range raw.Choices {
		if choice.Index != 0 { // of several, whose texts are not kept apart
			return c, errIncomparable
		}
		c.finishes = choice.FinishReason != nil && *choice.FinishReason != "" && *choice.FinishReason != "null"
		c.scored = hasContent(choice.Logprobs)
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

// add adds a text. Half a character is not comparable: the decoder has replaced it by U+FFFD, which
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

// member adds one member of a delta.
func (c *textChunk) member(name string, value json.RawMessage) error {
	switch {
	case name == "role" || !hasContent(value):
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

// call adds one element of a delta's tool_calls. Its id is another one in each response, and not
// compared.
func (c *textChunk) call(call map[string]json.RawMessage) error {
	if call["index"] == nil { // it could be any of them
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

// shortened returns the chunk with the given texts in place of its own. Only these values change.
func (c *textChunk) shortened(data []byte, texts map[string]string, known *transcript) ([]byte, error) {
	edits := map[jsontext.Pointer][]byte{}
	for channel, text := range texts {
		value, err := json.Marshal(text)
		if err != nil {
			return nil, fmt.Errorf("write the new part of a chunk: %w", err)
		}
		if !strings.HasPrefix(channel, "call/") {
			edits[jsontext.Pointer("/choices/0/"+channel)] = value
		}
	}
	if c.calls != nil {
		calls := []map[string]json.RawMessage{}
		for _, call := range c.calls {
			if left := newPartOfCall(call, texts, known); left != nil {
				calls = append(calls, left)
			}
		}
		value, err := json.Marshal(calls)
		if err != nil {
			return nil, fmt.Errorf("write the new part of a chunk: %w", err)
		}
		edits["/choices/0/delta/tool_calls"] = value
	}
	return replaceValues(data, edits)
}

// newPartOfCall returns what is new of a tool call: all of one that the client does not have yet,
// and of others no id, type or name, which clients would append to what they have. It is nil if
// nothing is new: some clients fail on a call without a function.
func newPartOfCall(call map[string]json.RawMessage, texts map[string]string, known *transcript) map[string]json.RawMessage {
	channel := callChannel(call)
	begun := false
	for c := range known.texts {
		begun = begun || strings.HasPrefix(c, channel)
	}
	if !begun {
		return call
	}
	var part map[string]json.RawMessage
	for _, kind := range []string{"function", "custom"} {
		members := map[string]string{}
		for c, text := range texts {
			if member, ok := strings.CutPrefix(c, channel+kind+"/"); ok && text != "" {
				members[member] = text
			}
		}
		if len(members) > 0 {
			if part == nil {
				part = map[string]json.RawMessage{"index": call["index"]}
			}
			part[kind], _ = json.Marshal(members) // strings always encode
		}
	}
	return part
}

// replaceValues returns data with some values replaced, and every other byte as it was.
func replaceValues(data []byte, edits map[jsontext.Pointer][]byte) ([]byte, error) {
	out := make([]byte, 0, len(data))
	copied := 0
	d := jsontext.NewDecoder(bytes.NewBuffer(data), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	edits = maps.Clone(edits)
	for len(edits) > 0 {
		if _, err := d.ReadToken(); err != nil {
			return nil, fmt.Errorf("shorten a chunk: %w", err)
		}
		at := d.StackPointer()
		kind, n := d.StackIndex(d.StackDepth())
		value, ok := edits[at]
		if !ok || kind != '{' || n%2 == 0 { // not after a member's name
			continue
		}
		old, err := d.ReadValue()
		if err != nil {
			return nil, fmt.Errorf("shorten a chunk: %w", err)
		}
		end := int(d.InputOffset())
		out = append(append(out, data[copied:end-len(old)]...), value...)
		copied = end
		delete(edits, at)
	}
	return append(out, data[copied:]...), nil
}

// hasContent reports whether a value is a string, an object or an array that is not empty.
func hasContent(value json.RawMessage) bool {
	if len(value) < 2 {
		return false
	}
	switch value[0] {
	case '"':
		return len(value) > 2
	case '[', '{':
		return len(bytes.TrimSpace(value[1:len(value)-1])) > 0
	}
	return false
}
