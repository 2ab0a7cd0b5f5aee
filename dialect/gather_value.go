package dialect

import (
	"bytes"
	"slices"
	"strconv"
)

// gatheredSize is about what a gathered value takes beside its JSON, in bytes.
const gatheredSize = 128

// gathered is a JSON value that is made of the pieces in a stream's events. It is kept as JSON
// until a second piece of an object or a list comes. The zero value is null.
//
// Texts are joined as they are written, with their escapes: so a character that is split between
// two events, as bytes or as surrogates, becomes whole again.
type gathered struct {
	json []byte // nil once it is open

	names   []string // of an open object, in the order they came
	members map[string]*gathered
	list    []*gathered // of an open list
	byIndex map[int]*gathered
}

// kind returns the first byte of the value's JSON.
func (g *gathered) kind() byte {
	switch {
	case g.members != nil:
		return '{'
	case g.list != nil:
		return '['
	case len(g.json) > 0:
		return g.json[0]
	}
	return 'n'
}

// merge adds a piece of a delta, which is the value of a member of that name: strings join, lists
// merge by the index of their elements, objects by member, and of anything else the last counts. It
// returns by how much the memory of the value has grown.
func (g *gathered) merge(name string, piece []byte) (grown int) {
	switch have, kind := g.kind(), piece[0]; {
	case kind == 'n':
		return 0
	case have == '"' && kind == '"':
		return g.join(name, piece)
	case have == '{' && kind == '{':
		grown = g.open()
		eachMember(piece, func(name string, value []byte) { grown += g.member(name).merge(name, value) })
		return grown
	case have == '[' && kind == '[':
		grown = g.open()
		eachElement(piece, func(value []byte) { grown += g.element(value) })
		return grown
	case have == '[' && kind == '"': // contents that are parts in one event, and text in another
		if len(piece) == len(`""`) {
			return 0
		}
		return g.open() + g.textPart(piece)
	case have == '"' && kind == '[' && len(g.json) > len(`""`):
		text := g.json
		grown = g.replace(nil)
		g.list = []*gathered{}
		grown += g.textPart(text)
		return grown + g.merge(name, piece)
	}
	return g.replace(piece)
}

// keepsFirst reports whether the first string of that name counts: servers repeat it with every
// piece.
func keepsFirst(name string) bool {
	switch name {
	case "role", "id", "type", "name", "format":
		return true
	}
	return false
}

// join adds a string to a string.
func (g *gathered) join(name string, piece []byte) int {
	if keepsFirst(name) && len(g.json) > len(`""`) {
		return 0
	}
	g.json = append(g.json[:len(g.json)-1], piece[1:]...)
	return len(piece) - len(`""`)
}

// replace replaces the value.
func (g *gathered) replace(piece []byte) int {
	grown := len(piece) - len(g.json)
	*g = gathered{json: bytes.Clone(piece)}
	return grown
}

// put replaces the value unless the new one is empty: what is known is not lost to a null.
func (g *gathered) put(piece []byte) int {
	if g.kind() != 'n' && isNothing(piece) {
		return 0
	}
	return g.replace(piece)
}

// isNothing reports whether a value is null or empty.
func isNothing(value []byte) bool {
	switch value[0] {
	case 'n':
		return true
	case '"', '[', '{':
		return !hasContent(value)
	}
	return false
}

// open makes members or elements of an object's or a list's JSON.
func (g *gathered) open() (grown int) {
	data := g.json
	if data == nil {
		return 0
	}
	g.json, grown = nil, -len(data)
	if data[0] == '{' {
		g.members = map[string]*gathered{}
		eachMember(data, func(name string, value []byte) { grown += g.member(name).merge(name, value) })
		return grown
	}
	g.list = []*gathered{}
	eachElement(data, func(value []byte) { grown += g.element(value) })
	return grown
}

// member returns the member of an open object, which is null if there was none.
func (g *gathered) member(name string) *gathered {
	m := g.members[name]
	if m == nil {
		m = new(gathered)
		g.members[name] = m
		g.names = append(g.names, name)
	}
	return m
}

// get returns the member of an object, a null if it has none.
func (g *gathered) get(name string) *gathered {
	if g.kind() == '{' {
		g.open()
		if m := g.members[name]; m != nil {
			return m
		}
	}
	return new(gathered)
}

// element merges an element into that of the same index, or appends it.
func (g *gathered) element(value []byte) int {
	e, index := new(gathered), elementIndex(value)
	if index >= 0 {
		if known := g.byIndex[index]; known != nil {
			return known.merge("", value)
		}
		if g.byIndex == nil {
			g.byIndex = map[int]*gathered{}
		}
		g.byIndex[index] = e
	}
	g.list = append(g.list, e)
	return gatheredSize + e.merge("", value)
}

// textPart appends a text to an open list of parts of a content.
func (g *gathered) textPart(text []byte) int {
	if n := len(g.list); n > 0 {
		if last := g.list[n-1]; string(last.get("type").json) == `"text"` && last.get("text").kind() == '"' {
			return last.get("text").merge("text", text)
		}
	}
	return g.element(slices.Concat([]byte(`{"type":"text","text":`), text, []byte(`}`)))
}

// sorted returns the elements of a list, those with an index in the order of that.
func (g *gathered) sorted() []*gathered {
	g.open()
	if len(g.byIndex) != len(g.list) {
		return g.list
	}
	list := make([]*gathered, 0, len(g.list))
	for _, index := range sortedKeys(g.byIndex) {
		list = append(list, g.byIndex[index])
	}
	return list
}

// append appends the value's JSON, without the member of an object that is named.
func (g *gathered) append(into []byte, without string) []byte {
	switch {
	case g.members != nil:
		into = append(into, '{')
		begin := len(into)
		for _, name := range g.names {
			if name != without {
				into = appendMember(into, begin, name)
				into = g.members[name].append(into, "")
			}
		}
		return append(into, '}')
	case g.list != nil:
		return appendList(into, g.list, "")
	case g.json == nil:
		return append(into, "null"...)
	}
	return append(into, g.json...)
}

// appendList appends a list, its objects without the member that is named.
func appendList(into []byte, list []*gathered, without string) []byte {
	into = append(into, '[')
	for i, e := range list {
		if i > 0 {
			into = append(into, ',')
		}
		if without != "" && e.kind() == '{' {
			e.open()
		}
		into = e.append(into, without)
	}
	return append(into, ']')
}

// appendMember appends a member's name, as it is written in JSON, and a comma before it unless the
// object, whose members begin at begin, is empty.
func appendMember(into []byte, begin int, name string) []byte {
	if len(into) > begin {
		into = append(into, ',')
	}
	return append(append(append(into, '"'), name...), `":`...)
}

// eachMember calls visit for the members of a valid object: with its name as it is written, and its
// JSON.
func eachMember(object []byte, visit func(name string, value []byte)) {
	s := scanner{data: object}
	for s.enter('{'); s.more('}'); {
		name, value := s.name(), s.skip()
		if s.bad {
			return
		}
		visit(string(name), value)
	}
}

// eachElement calls visit for the elements of a valid list.
func eachElement(list []byte, visit func(value []byte)) {
	s := scanner{data: list}
	for s.enter('['); s.more(']'); {
		value := s.skip()
		if s.bad {
			return
		}
		visit(value)
	}
}

// elementIndex returns the member "index" of an element, -1 if it has none.
func elementIndex(element []byte) int {
	s, index := scanner{data: element}, -1
	if s.peek() != '{' {
		return -1
	}
	for s.enter('{'); s.more('}'); {
		if string(s.name()) == "index" {
			index = smallNumber(s.skip())
		} else {
			s.skip()
		}
	}
	return index
}

// smallNumber returns a value that is an integer of at most nine digits, else -1.
func smallNumber(value []byte) int {
	if len(value) > 9 {
		return -1
	}
	n, err := strconv.Atoi(string(value))
	if err != nil || n < 0 {
		return -1
	}
	return n
}
