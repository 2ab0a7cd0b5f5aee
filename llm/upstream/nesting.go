package upstream

// nesting follows JSON piece by piece, as far as to know whether its outermost value is closed.
// Where nothing but the end of the connection ends a body, that tells a whole one from one that was
// cut.
type nesting struct {
	depth             int
	inString, escaped bool // escaped: after a backslash in a string
}

func (n *nesting) add(piece []byte) {
	for _, c := range piece {
		switch {
		case n.escaped:
			n.escaped = false
		case n.inString:
			n.inString, n.escaped = c != '"', c == '\\'
		case c == '"':
			n.inString = true
		case c == '{', c == '[':
			n.depth++
		case c == '}', c == ']':
			n.depth--
		}
	}
}

func (n *nesting) closed() bool { return n.depth == 0 && !n.inString }
