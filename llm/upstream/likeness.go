package upstream

import "bytes"

// likeness remembers a chunk that brought content and nothing else, as what stands before
// its text and what behind it. From token to token most servers change that text only,
// and a chunk that differs from the last one in nothing else needs no further look: that
// makes most chunks some ten times cheaper.
type likeness struct {
	before, behind []byte
}

// learn remembers data, whose text is value, with its quotes.
func (l *likeness) learn(data, value []byte) {
	at := cap(data) - cap(value) // value is a part of data: both slices have the same end
	l.before = append(l.before[:0], data[:at+1]...)
	l.behind = append(l.behind[:0], data[at+len(value)-1:]...)
}

// forget makes likeness to nothing.
func (l *likeness) forget() {
	l.before, l.behind = l.before[:0], l.behind[:0]
}

// to tells whether data differ from what was learned in their text only, and that is
// one that says something.
func (l *likeness) to(data []byte) bool {
	n := len(data) - len(l.behind)
	if len(l.before) == 0 || n <= len(l.before) || !bytes.HasPrefix(data, l.before) || !bytes.HasSuffix(data, l.behind) {
		return false
	}
	s := scanner{data: data[:n+1], at: len(l.before) - 1}
	s.text()
	return s.at == n+1 && !s.bad
}
