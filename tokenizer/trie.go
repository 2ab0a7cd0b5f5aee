package tokenizer

import (
	"bytes"
	"maps"
	"slices"
)

// trie finds the tokens that a text begins with. Its nodes are in the order of a breadth-first
// search, so that the children of a node are adjacent.
type trie struct {
	labels []byte  // of each node: the last byte of what leads there
	first  []int32 // of each node: its first child; its last one precedes the next node's first
	ids    []int32 // of each node: the token that ends there, or none
}

// root is the node before the first byte.
const root int32 = 0

func newTrie(vocab map[string]int32) *trie {
	tokens := slices.Sorted(maps.Keys(vocab))
	type span struct{ from, to, depth int32 } // the tokens below a node
	spans := []span{{0, int32(len(tokens)), 0}}
	t := &trie{labels: []byte{0}}
	for i := 0; i < len(spans); i++ {
		s, id := spans[i], none
		if s.from < s.to && len(tokens[s.from]) == int(s.depth) {
			id = vocab[tokens[s.from]]
			s.from++
		}
		t.ids, t.first = append(t.ids, id), append(t.first, int32(len(spans)))
		for s.from < s.to {
			label, end := tokens[s.from][s.depth], s.from+1
			for end < s.to && tokens[end][s.depth] == label {
				end++
			}
			t.labels = append(t.labels, label)
			spans = append(spans, span{s.from, end, s.depth + 1})
			s.from = end
		}
	}
	t.first = append(t.first, int32(len(spans)))
	return t
}

// next returns the child of a node for a byte, or none.
func (t *trie) next(node int32, b byte) int32 {
	from := t.first[node]
	if i := bytes.IndexByte(t.labels[from:t.first[node+1]], b); i >= 0 {
		return from + int32(i)
	}
	return none
}

// follow returns the node that text leads to from a node, or none.
func (t *trie) follow(node int32, text string) int32 {
	for i := 0; i < len(text) && node != none; i++ {
		node = t.next(node, text[i])
	}
	return node
}
