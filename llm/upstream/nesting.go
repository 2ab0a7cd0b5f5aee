package upstream

// nesting follows JSON piece by piece, as far as to know whether its outermost value is
// closed. Where nothing but the end of the connection ends an answer, that is how a whole
// one is told from one that was cut.
type nesting struct {
	depth         int
	text, escaped bool // inside a string; behind a backslash there
}

func (n *nesting) follow(piece []byte) {
	for _, c := range piece {
		switch {
		case n.escaped:
			n.escaped = false
		case n.text:
			n.text, n.escaped = c != '"', c == '\\'
		case c == '"':
			n.text = true
		case c == '{', c == '[':
			n.depth++
		case c == '}', c == ']':
			n.depth--
		}
	}
}

func (n *nesting) closed() bool { return n.depth == 0 && !n.text }
