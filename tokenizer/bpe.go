package tokenizer

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"unicode/utf8"
)

// bpe is the model of byte pair encoding: a vocabulary, and the merges of two adjacent tokens into
// one.
type bpe struct {
	vocab        map[string]int32 // without special tokens, so that no text becomes one
	merges       map[pair]merge
	prefix       string     // on all characters of a word but the first ("##")
	suffix       string     // on the last character of a word ("</w>")
	unknown      int32      // for characters not in vocab; none: such a character is dropped
	fuseUnknown  bool       // one for consecutive such characters
	bytes        byteTokens // for characters not in vocab
	ignoreMerges bool       // a word that is in vocab is one token
}

type pair struct{ left, right int32 }

type merge struct{ rank, id int32 }

const none int32 = -1

func newBPE(m *modelFile, special map[int64]bool) (*bpe, error) {
	if m.Dropout != 0 {
		return nil, errors.New("dropout is not supported")
	}
	b := &bpe{
		vocab: m.Vocab.ids, prefix: m.Prefix, suffix: m.Suffix, unknown: none,
		fuseUnknown: m.FuseUnk, ignoreMerges: m.IgnoreMerges, bytes: newByteTokens(m),
	}
	if m.UnkToken != "" {
		id, known := b.vocab[m.UnkToken]
		if !known {
			return nil, fmt.Errorf("unk_token %q is not in vocab", m.UnkToken)
		}
		b.unknown = id
	}
	if err := b.addMerges(m.Merges, special); err != nil {
		return nil, err
	}
	maps.DeleteFunc(b.vocab, func(_ string, id int32) bool { return special[int64(id)] })
	return b, nil
}

func (b *bpe) addMerges(merges mergeList, special map[int64]bool) error {
	b.merges = make(map[pair]merge, len(merges))
	var joined []byte
	for rank, m := range merges {
		joined = append(append(joined[:0], m[0]...), m[1][min(len(b.prefix), len(m[1])):]...)
		left, hasLeft := b.vocab[m[0]]
		right, hasRight := b.vocab[m[1]]
		id, hasJoined := b.vocab[string(joined)]
		if !hasLeft || !hasRight || !hasJoined {
			return fmt.Errorf("merge %d, %q with %q: not all of these are in vocab", rank, m[0], m[1])
		}
		if !special[int64(id)] {
			b.merges[pair{left, right}] = merge{int32(rank), id}
		}
	}
	return nil
}

func (b *bpe) id(token string) (int32, bool) {
	id, known := b.vocab[token]
	return id, known
}

func (b *bpe) encoder(bool) func(ids []int64, word string) []int64 {
	m := merger{bpe: b}
	return m.appendTokens
}

// merger encodes words one after the other, reusing its buffers. It is not safe for concurrent use.
//
// The algorithm is BPE (Sennrich et al., 2016) on a linked list, with a heap of possible merges: a
// word of n characters takes O(n log n) for any text.
type merger struct {
	*bpe
	symbols []symbol
	queue   mergeQueue
}

// symbol is a current token of the word, linked to its neighbours by index.
type symbol struct {
	id         int32
	prev, next int32 // none at the ends
}

// appendTokens appends the tokens of word to ids.
func (m *merger) appendTokens(ids []int64, word string) []int64 {
	if m.ignoreMerges {
		if id, known := m.vocab[word]; known {
			return append(ids, int64(id))
		}
	}
	m.spell(word)
	for i := range m.symbols {
		m.consider(int32(i))
	}
	for len(m.queue) > 0 {
		m.apply(m.queue.pop())
	}
	for i := int32(0); i != none && len(m.symbols) > 0; i = m.symbols[i].next {
		ids = append(ids, int64(m.symbols[i].id))
	}
	return ids
}

// spell fills symbols with a token for each character of word.
func (m *merger) spell(word string) {
	m.symbols = m.symbols[:0]
	end := len(word)
	word += m.suffix
	for at := 0; at < end; {
		_, size := utf8.DecodeRuneInString(word[at:end])
		char := word[at : at+size]
		if at+size == end {
			char = word[at:]
		}
		if at > 0 && m.prefix != "" {
			char = m.prefix + char
		}
		at += size
		if id, known := m.vocab[char]; known {
			m.push(id)
		} else if !m.pushBytes(char) {
			m.pushUnknown()
		}
	}
	if n := len(m.symbols); n > 0 {
		m.symbols[n-1].next = none
	}
}

func (m *merger) push(id int32) {
	n := int32(len(m.symbols))
	m.symbols = append(m.symbols, symbol{id: id, prev: n - 1, next: n + 1})
}

// pushBytes appends a byte token for each byte of char, if there are such tokens for all of them.
func (m *merger) pushBytes(char string) bool {
	if !m.bytes.cover(char) {
		return false
	}
	for i := range len(char) {
		m.push(m.bytes[char[i]])
	}
	return true
}

func (m *merger) pushUnknown() {
	n := len(m.symbols)
	if m.unknown == none || m.fuseUnknown && n > 0 && m.symbols[n-1].id == m.unknown {
		return
	}
	m.push(m.unknown)
}

// consider queues the merge of symbol i with the next one, if there is such a merge.
func (m *merger) consider(i int32) {
	if i == none || m.symbols[i].next == none {
		return
	}
	p := pair{m.symbols[i].id, m.symbols[m.symbols[i].next].id}
	if found, ok := m.merges[p]; ok {
		m.queue.push(candidate{rank: found.rank, at: i, pair: p, into: found.id})
	}
}

// apply performs a merge, unless its symbols have changed since it was queued.
func (m *merger) apply(c candidate) {
	left := &m.symbols[c.at]
	if left.id != c.pair.left || left.next == none || m.symbols[left.next].id != c.pair.right {
		return
	}
	right := &m.symbols[left.next]
	left.id, left.next = c.into, right.next
	right.id = gone
	if left.next != none {
		m.symbols[left.next].prev = c.at
	}
	m.consider(left.prev)
	m.consider(c.at)
}

// gone is the id of a symbol that was merged into its left neighbour.
const gone int32 = math.MinInt32
