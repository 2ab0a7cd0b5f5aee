package dialect

// unusedMember is a member of a chunk with the comma before it, or, of the first one, after it:
// bytes from start up to, not including, end.
type unusedMember struct {
	start, end int
	first      bool // up to the next member, which has not been read yet
	tail       int  // bytes from start to the chunk's end, if it is anchored there; else 0
}

// set sets the member, which begins there, after the end of the one before it. It is first if there
// is none. If it comes twice, the first one counts.
func (m *unusedMember) set(before, begin, end int, first bool) {
	if m.end > 0 {
		return
	}
	*m = unusedMember{start: before, end: end}
	if first {
		m.start, m.first = begin, true
	}
}

// follow notes where the next member begins.
func (m *unusedMember) follow(next int) {
	if m.first {
		m.end, m.first = next, false
	}
}

// anchor makes the member's position valid for all chunks of a shape, whose text begins at text.
func (m *unusedMember) anchor(text, size int) {
	if m.start >= text {
		m.tail = size - m.start
	}
}

// cut returns the chunk without the member, in the same memory.
func (m *unusedMember) cut(chunk []byte) []byte {
	start, end := m.start, m.end
	if m.tail > 0 {
		start = len(chunk) - m.tail
		end = start + m.end - m.start
	}
	return append(chunk[:start], chunk[end:]...)
}
