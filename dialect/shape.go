package dialect

import "bytes"

// chunkShape is a chunk whose only content is one string, as the bytes before that string and after
// it. Most servers change nothing but the string from token to token, and a chunk that has the
// shape of the one before it needs no parsing: that makes most chunks some ten times cheaper.
type chunkShape struct {
	before, after []byte
}

// set makes it the shape of data, whose string is value, with its quotes. value is a part of data.
func (s *chunkShape) set(data, value []byte) {
	at := cap(data) - cap(value) // both slices end at the same byte
	s.before = append(s.before[:0], data[:at+1]...)
	s.after = append(s.after[:0], data[at+len(value)-1:]...)
}

// reset makes it a shape that no chunk has.
func (s *chunkShape) reset() {
	s.before, s.after = s.before[:0], s.after[:0]
}

// matches reports whether data has this shape, with a string that is valid and not empty.
func (s *chunkShape) matches(data []byte) bool {
	n := len(data) - len(s.after)
	if len(s.before) == 0 || n <= len(s.before) || !bytes.HasPrefix(data, s.before) || !bytes.HasSuffix(data, s.after) {
		return false
	}
	text := scanner{data: data[:n+1], at: len(s.before) - 1}
	text.text()
	return text.at == n+1 && !text.bad
}

// text returns how many bytes the string of a chunk of this shape has.
func (s *chunkShape) text(data []byte) int { return len(data) - len(s.before) - len(s.after) }
