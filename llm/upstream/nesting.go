package upstream

// nesting follows JSON piece by piece, as far as to know whether its outermost value is closed,
// what its member "usage" is, and how much text a model has generated in it. Where nothing but the
// end of the connection ends a body, the first tells a whole one from one that was cut.
type nesting struct {
	depth             int
	inString, escaped bool // escaped: after a backslash in a string

	name    []byte // the beginning of the last string
	length  int    // of that string, in bytes
	isUsage bool   // what follows is the value of the member "usage" of the outermost object
	keeps   bool   // it is being read
	usage   []byte // that value, an object; nil if there is none

	inOutput bool // the member of the outermost object holds what was generated
	isText   bool // strings that follow are text
	text     int  // bytes of these
	counted  int  // bytes of the last string, if it has been counted: it may be a name
}

const (
	usageName = "usage"
	maxUsage  = 4 << 10 // bytes; a longer one is not read
	maxName   = 20      // bytes of a string that are kept
)

func (n *nesting) add(piece []byte) {
	for i := 0; i < len(piece); i++ {
		c := piece[i]
		if '-' <= c && c <= '9' && !n.inString && !n.keeps { // of a number: vectors are long
			continue
		}
		if n.keeps {
			n.keep(c)
		}
		switch {
		case n.escaped:
			n.escaped = false
			n.length++
		case n.inString:
			if c == '"' {
				n.endString()
				continue
			}
			n.escaped = c == '\\'
			n.length++
			if n.length <= maxName {
				n.name = append(n.name, c)
			} else if !n.escaped && !n.keeps {
				more := plain(piece[i+1:])
				i += more
				n.length += more
			}
		case c == '"':
			n.inString = true
			n.name, n.length = n.name[:0], 0
		case c == '{', c == '[':
			n.depth++
			if n.depth == 2 && n.isUsage && c == '{' {
				n.keeps, n.usage = true, append(n.usage[:0], c)
			}
		case c == '}', c == ']':
			n.depth--
			n.keeps = n.keeps && n.depth > 1
		case c == ':':
			n.named()
		case c == ',' && n.depth == 1:
			n.isUsage, n.inOutput, n.isText = false, false, false
		}
	}
}

// endString counts the string that has ended, if it is text.
func (n *nesting) endString() {
	n.inString, n.counted = false, 0
	if n.isText {
		n.counted = n.length
		n.text += n.length
	}
}

// generated returns how many bytes of text a model has generated.
func (n *nesting) generated() int {
	if n.inString && n.isText {
		return n.text + n.length
	}
	return n.text
}

// named takes the last string for the name of a member.
func (n *nesting) named() {
	n.text -= n.counted
	n.counted = 0
	if n.depth == 1 {
		n.isUsage = n.length == len(usageName) && string(n.name) == usageName
		n.inOutput = string(n.name) == "choices" || string(n.name) == "output"
	}
	n.isText = n.inOutput && n.depth > 1 && isTextName(string(n.name))
}

// isTextName reports whether a member of what a model has generated has that as text, in any of
// OpenAI's dialects.
func isTextName(name string) bool {
	switch name {
	case "content", "text", "reasoning", "reasoning_content", "refusal", "thinking", "name", "arguments", "input", "code":
		return true
	}
	return false
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
