package upstream

// nesting follows JSON piece by piece, as far as to know whether its outermost value is closed, and
// what its member "usage" is. Where nothing but the end of the connection ends a body, the first
// tells a whole one from one that was cut.
type nesting struct {
	depth             int
	inString, escaped bool // escaped: after a backslash in a string

	name    []byte // the beginning of the last string of the outermost object
	isUsage bool   // what follows is the value of its member "usage"
	keeps   bool   // it is being read
	usage   []byte // that value, an object; nil if there is none
}

const (
	usageName = "usage"
	maxUsage  = 4 << 10 // bytes; a longer one is not read
)

func (n *nesting) add(piece []byte) {
	for i := 0; i < len(piece); i++ {
		c := piece[i]
		if n.keeps {
			n.keep(c)
		}
		switch {
		case n.escaped:
			n.escaped = false
		case n.inString:
			n.inString, n.escaped = c != '"', c == '\\'
			switch {
			case n.depth == 1:
				if n.inString && len(n.name) <= len(usageName) {
					n.name = append(n.name, c)
				}
			case n.inString && !n.escaped && !n.keeps:
				i += plain(piece[i+1:])
			}
		case c == '"':
			n.inString = true
			n.name = n.name[:0]
		case c == '{', c == '[':
			n.depth++
			if n.depth == 2 && n.isUsage && c == '{' {
				n.keeps, n.usage = true, append(n.usage[:0], c)
			}
		case c == '}', c == ']':
			n.depth--
			n.keeps = n.keeps && n.depth > 1
		case n.depth != 1:
		case c == ':':
			n.isUsage = string(n.name) == usageName
		case c == ',':
			n.isUsage = false
		}
	}
}

// keep keeps a byte of the usage.
func (n *nesting) keep(c byte) {
	if len(n.usage) >= maxUsage {
		n.keeps, n.usage = false, nil
		return
	}
	n.usage = append(n.usage, c)
}

// plain returns how many bytes of a string come before its end or its next escape.
func plain(piece []byte) int {
	for i, c := range piece {
		if c == '"' || c == '\\' {
			return i
		}
	}
	return len(piece)
}

func (n *nesting) closed() bool { return n.depth == 0 && !n.inString }
