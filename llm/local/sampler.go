package local

import (
	"errors"
	"math"
	"math/rand/v2"
)

// sampling configures how the next token is chosen from the logits.
type sampling struct {
	temperature       float64 // 0: always the most likely token
	topP              float64 // 1: no bound
	topK              int     // 0: no bound
	minP              float64 // 0: no bound
	repetitionPenalty float64 // 1: none; counts prompt and completion
	frequencyPenalty  float64 // 0: none; counts the completion, as presencePenalty
	presencePenalty   float64
	bias              []bias
	seed              uint64
}

// bias is added to a token's logit.
type bias struct {
	id    int64
	value float32
}

// sampler chooses tokens. Its memory is allocated once, and its cost for a token is one or two
// passes over the logits: only tokens that can be chosen are sorted. It is for one goroutine.
type sampler struct {
	sampling
	random     *rand.Rand
	seen       []int64  // distinct tokens so far, if there is any penalty
	prompted   []bool   // by id: occurred in prompt or completion
	counts     []uint32 // by id: how often in the completion
	candidates []candidate
}

// candidate is a token that may be chosen, with its weight: proportional to its probability, 1 for
// the most likely token.
type candidate struct {
	id     int64
	weight float64
}

func newSampler(s sampling, prompt []int64, vocab int) *sampler {
	m := &sampler{sampling: s, random: rand.New(rand.NewPCG(s.seed, 0))}
	if s.repetitionPenalty != 1 || s.frequencyPenalty != 0 || s.presencePenalty != 0 {
		m.prompted, m.counts = make([]bool, vocab), make([]uint32, vocab)
		if s.repetitionPenalty != 1 {
			for _, id := range prompt {
				m.note(id)
			}
		}
	}
	return m
}

// note adds a token to those seen.
func (m *sampler) note(id int64) {
	if !m.prompted[id] {
		m.prompted[id] = true
		m.seen = append(m.seen, id)
	}
}

var errNoNumbers = errors.New("the model's logits are not numbers")

// choose returns the next token. It changes the logits.
func (m *sampler) choose(logits []float32) (int64, error) {
	m.adjust(logits)
	best := argmax(logits)
	if v := float64(logits[best]); math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, errNoNumbers
	}
	id := int64(best)
	if m.temperature > 0 {
		id = m.draw(logits, logits[best])
	}
	if m.counts != nil {
		m.note(id)
		m.counts[id]++
	}
	return id, nil
}

// argmax returns where the largest logit is; NaN is smaller than any.
func argmax(logits []float32) int {
	best, at := float32(math.Inf(-1)), 0
	for i, v := range logits {
		if v > best {
			best, at = v, i
		}
	}
	return at
}

// adjust applies penalties (Keskar et al. 2019, arXiv:1909.05858, for repetition; OpenAI's for the
// other two) and biases.
func (m *sampler) adjust(logits []float32) {
	for _, id := range m.seen {
		v := float64(logits[id])
		if v > 0 {
			v /= m.repetitionPenalty
		} else {
			v *= m.repetitionPenalty
		}
		if n := m.counts[id]; n > 0 {
			v -= m.frequencyPenalty*float64(n) + m.presencePenalty
		}
		logits[id] = float32(v)
	}
	for _, b := range m.bias {
		logits[b.id] += b.value
	}
}

// negligible is how many nats below the most likely token another is left out: a whole vocabulary
// of such tokens has less weight than float32 logits can express.
const negligible = 25

// draw chooses at random among the tokens that temperature, min_p, top_k and top_p (Holtzman et al.
// 2019, arXiv:1904.09751) leave.
func (m *sampler) draw(logits []float32, best float32) int64 {
	depth := negligible * m.temperature
	if m.minP > 0 {
		depth = min(depth, -math.Log(m.minP)*m.temperature)
	}
	least := best - float32(depth)
	c := m.candidates[:0]
	for i, v := range logits {
		if v >= least {
			c = append(c, candidate{int64(i), math.Exp(float64(v-best) / m.temperature)})
		}
	}
	m.candidates = c[:0]
	if m.topK > 0 && m.topK < len(c) || m.topP < 1 {
		c = m.nucleus(c)
	}
	total := 0.0
	for _, k := range c {
		total += k.weight
	}
	at := m.random.Float64() * total
	for _, k := range c {
		if at -= k.weight; at < 0 {
			return k.id
		}
	}
	return c[len(c)-1].id // rounding
}

// nucleus keeps the topK most likely of c, and of these the most likely that make up topP of their
// weight. It takes them off a heap one by one, so that it sorts no more than it keeps. What it
// returns lies at the end of c.
func (m *sampler) nucleus(c []candidate) []candidate {
	for i := len(c)/2 - 1; i >= 0; i-- {
		sink(c, i)
	}
	most := len(c)
	total := 0.0
	if m.topK > 0 && m.topK < most {
		most = m.topK
	} else {
		for _, k := range c {
			total += k.weight
		}
	}
	heap, sum := c, 0.0
	take := func() {
		last := len(heap) - 1
		heap[0], heap[last] = heap[last], heap[0]
		sum += heap[last].weight
		heap = heap[:last]
		sink(heap, 0)
	}
	if most < len(c) { // the topK first, since topP is of their weight
		for range most {
			take()
		}
		kept := c[len(heap):]
		sum, total = 0, sum
		for i := len(kept) - 1; i >= 0; i-- {
			if sum += kept[i].weight; sum >= m.topP*total {
				return kept[i:]
			}
		}
		return kept
	}
	for len(heap) > 0 && (sum < m.topP*total || sum == 0) {
		take()
	}
	return c[len(heap):]
}

// before orders candidates: the heavier first, and of equals the smaller id, so that the order is
// always the same.
func before(a, b candidate) bool {
	return a.weight > b.weight || a.weight == b.weight && a.id < b.id
}

// sink restores the heap below i.
func sink(heap []candidate, i int) {
	for {
		child := 2*i + 1
		if child >= len(heap) {
			return
		}
		if child+1 < len(heap) && before(heap[child+1], heap[child]) {
			child++
		}
		if !before(heap[child], heap[i]) {
			return
		}
		heap[i], heap[child] = heap[child], heap[i]
		i = child
	}
}
