package local

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"penstock/dialect"
)

// logprob is a token and its log probability according to the model, before temperature, penalties
// and biases.
type logprob struct {
	id    int64
	value float64
}

// distribution is the probability distribution of the next token.
type distribution struct {
	logits []float32 // a copy: choose changes the original
	total  float64   // the logarithm of the sum of their exponentials
}

func (d *distribution) read(logits []float32) {
	d.logits = append(d.logits[:0], logits...)
	best := float64(logits[argmax(logits)])
	sum := 0.0
	for _, v := range logits {
		sum += math.Exp(float64(v) - best)
	}
	d.total = best + math.Log(sum)
}

// of returns a token's log probability; that of an impossible one is -9999, as with OpenAI, since
// JSON has no infinities.
func (d *distribution) of(id int64) logprob {
	return logprob{id, max(float64(d.logits[id])-d.total, -9999)}
}

// top returns the n most likely tokens, the most likely first.
func (d *distribution) top(n int) []logprob {
	top := make([]logprob, 0, n+1)
	for i, v := range d.logits {
		if n == 0 || len(top) == n && float64(v)-d.total <= top[n-1].value {
			continue
		}
		k := d.of(int64(i))
		at, _ := slices.BinarySearchFunc(top, k, func(a, b logprob) int {
			return cmp.Or(-cmp.Compare(a.value, b.value), cmp.Compare(a.id, b.id))
		})
		top = slices.Insert(top, at, k)
		top = top[:min(len(top), n)]
	}
	return top
}

// logprobs returns the log probabilities of a segment's tokens; nil if there are none.
func (m *Model) logprobs(tokens []chosenToken) []dialect.TokenLogprob {
	if len(tokens) == 0 {
		return nil
	}
	all := make([]dialect.TokenLogprob, len(tokens))
	for i, t := range tokens {
		text, bytes := m.tokenText(t.id)
		l := dialect.TokenLogprob{
			Token: text, Logprob: t.value, Bytes: bytes, Offset: t.offset,
			TopLogprobs: make([]dialect.TopLogprob, len(t.top)),
		}
		for k, likely := range t.top {
			text, bytes := m.tokenText(likely.id)
			l.TopLogprobs[k] = dialect.TopLogprob{Token: text, Logprob: likely.value, Bytes: bytes}
		}
		all[i] = l
	}
	return all
}

// tokenText returns what a token stands for: as text, in which a part of a character is U+FFFD, and
// as bytes.
func (m *Model) tokenText(id int64) (string, []int) {
	raw := m.tokenizer.TokenBytes(id)
	bytes := make([]int, len(raw))
	for i, b := range raw {
		bytes[i] = int(b)
	}
	return strings.ToValidUTF8(string(raw), "\uFFFD"), bytes
}
