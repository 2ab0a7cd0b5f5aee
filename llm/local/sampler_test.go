package local

import (
	"cmp"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func plain(change func(*sampling)) sampling {
	s := sampling{temperature: 1, topP: 1, repetitionPenalty: 1}
	change(&s)
	return s
}

func someLogits(random *rand.Rand, n int) []float32 {
	logits := make([]float32, n)
	for i := range logits {
		logits[i] = float32(random.NormFloat64() * 3)
	}
	return logits
}

// expected returns the probabilities that s gives tokens, computed by sorting them all.
func expected(s sampling, logits []float32) []float64 {
	order := make([]int, len(logits))
	p := make([]float64, len(logits))
	best := float64(slices.Max(logits))
	for i, v := range logits {
		order[i] = i
		p[i] = math.Exp((float64(v) - best) / s.temperature)
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(p[b], p[a]), cmp.Compare(a, b)) })
	normalize := func() {
		sum := 0.0
		for _, v := range p {
			sum += v
		}
		for i := range p {
			p[i] /= sum
		}
	}
	for rank, i := range order {
		if s.topK > 0 && rank >= s.topK || p[i] < s.minP {
			p[i] = 0
		}
	}
	normalize()
	sum := 0.0
	for _, i := range order {
		if sum >= s.topP && sum > 0 {
			p[i] = 0
		}
		sum += p[i]
	}
	normalize()
	return p
}

func TestTokensAreDrawnByProbability(t *testing.T) {
	logits := someLogits(rand.New(rand.NewPCG(1, 2)), 50)
	for name, s := range map[string]sampling{
		"plain":           plain(func(s *sampling) {}),
		"cold":            plain(func(s *sampling) { s.temperature = 0.3 }),
		"hot":             plain(func(s *sampling) { s.temperature = 2 }),
		"top_k":           plain(func(s *sampling) { s.topK = 5 }),
		"top_k of all":    plain(func(s *sampling) { s.topK = 1000 }),
		"top_k 1":         plain(func(s *sampling) { s.topK = 1 }),
		"top_p":           plain(func(s *sampling) { s.topP = 0.8 }),
		"top_p 0":         plain(func(s *sampling) { s.topP = 0 }),
		"top_k and top_p": plain(func(s *sampling) { s.topK, s.topP = 10, 0.7 }),
		"min_p":           plain(func(s *sampling) { s.minP = 0.1 }),
		"min_p 1":         plain(func(s *sampling) { s.minP = 1 }),
	} {
		t.Run(name, func(t *testing.T) {
			want := expected(s, logits)
			m := newSampler(s, nil, len(logits))
			const draws = 20000
			counts := make([]int, len(logits))
			for range draws {
				id, err := m.choose(slices.Clone(logits))
				if err != nil {
					t.Fatal(err)
				}
				counts[id]++
			}
			for i, n := range counts {
				got := float64(n) / draws
				if want[i] == 0 && n > 0 {
					t.Errorf("token %d was drawn %d times, and cannot be", i, n)
				}
				if tolerance := 5 * math.Sqrt(want[i]/draws); math.Abs(got-want[i]) > tolerance+1e-9 {
					t.Errorf("token %d: drawn %.4f of the time, want %.4f", i, got, want[i])
				}
			}
		})
	}
}

func TestNucleusKeepsWhatSortingKeeps(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		logits := someLogits(random, 1+random.IntN(200))
		for range random.IntN(20) { // ties
			logits[random.IntN(len(logits))] = logits[random.IntN(len(logits))]
		}
		s := plain(func(s *sampling) {
			s.topP = random.Float64()
			if random.IntN(2) == 0 {
				s.topK = 1 + random.IntN(len(logits))
			}
		})
		c := make([]candidate, len(logits))
		best := slices.Max(logits)
		for i, v := range logits {
			c[i] = candidate{int64(i), math.Exp(float64(v - best))}
		}
		kept := (&sampler{sampling: s}).nucleus(c)
		want := expected(s, logits)
		for _, k := range kept {
			if want[k.id] == 0 {
				t.Fatalf("%+v keeps token %d", s, k.id)
			}
			want[k.id] = 0
		}
		for id, p := range want {
			if p > 1e-12 {
				t.Fatalf("%+v lost token %d of probability %g", s, id, p)
			}
		}
	}
}

func TestGreedy(t *testing.T) {
	m := newSampler(plain(func(s *sampling) { s.temperature = 0 }), nil, 4)
	if id, _ := m.choose([]float32{1, 3, float32(math.NaN()), 2}); id != 1 {
		t.Errorf("chose %d, want 1", id)
	}
}

func TestPenalties(t *testing.T) {
	m := newSampler(plain(func(s *sampling) {
		s.temperature, s.repetitionPenalty, s.frequencyPenalty, s.presencePenalty = 0, 2, 0.5, 0.25
		s.bias = []bias{{4, 10}}
	}), []int64{0, 1, 0}, 6)
	m.counts[2], m.counts[0] = 3, 1
	m.note(2)
	logits := []float32{4, -4, 8, 8, 0, 0}
	m.adjust(logits)
	want := []float32{4.0/2 - 0.5 - 0.25, -8, 8.0/2 - 1.5 - 0.25, 8, 10, 0}
	if !slices.Equal(logits, want) {
		t.Errorf("got %v, want %v", logits, want)
	}
}

func TestFrequencyPenaltyCountsTheCompletionOnly(t *testing.T) {
	m := newSampler(plain(func(s *sampling) { s.temperature, s.frequencyPenalty = 0, 2 }), []int64{1, 1, 1}, 3)
	var got []int64
	for range 4 {
		id, err := m.choose([]float32{0, 5, 4})
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, id)
	}
	if want := []int64{1, 2, 1, 2}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestLogitsThatAreNoNumbers(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, logits := range [][]float32{{nan, nan}, {-inf, -inf}, {0, inf}} {
		if _, err := newSampler(plain(func(*sampling) {}), nil, 2).choose(logits); !errors.Is(err, errNoNumbers) {
			t.Errorf("%v: error %v, want errNoNumbers", logits, err)
		}
	}
}

func TestSameSeedSameDraws(t *testing.T) {
	draw := func(seed uint64) (ids []int64) {
		random := rand.New(rand.NewPCG(5, 6))
		m := newSampler(plain(func(s *sampling) { s.seed = seed }), nil, 100)
		for range 50 {
			id, _ := m.choose(someLogits(random, 100))
			ids = append(ids, id)
		}
		return ids
	}
	if !slices.Equal(draw(1), draw(1)) {
		t.Error("the same seed drew differently")
	}
	if slices.Equal(draw(1), draw(2)) {
		t.Error("two seeds drew the same")
	}
}

func TestChooseAllocatesNothing(t *testing.T) {
	logits := someLogits(rand.New(rand.NewPCG(7, 8)), 5000)
	scratch := slices.Clone(logits)
	m := newSampler(plain(func(s *sampling) { s.topP, s.repetitionPenalty = 0.9, 1.1 }), []int64{1, 2, 3}, len(logits))
	m.seen = slices.Grow(m.seen, len(logits))
	m.choose(scratch)
	if n := testing.AllocsPerRun(100, func() {
		copy(scratch, logits)
		m.choose(scratch)
	}); n > 0 {
		t.Errorf("%v allocations a token", n)
	}
}

func BenchmarkChoose(b *testing.B) {
	logits := someLogits(rand.New(rand.NewPCG(1, 2)), 49152)
	scratch := slices.Clone(logits)
	for name, s := range map[string]sampling{
		"greedy": plain(func(s *sampling) { s.temperature = 0 }),
		"plain":  plain(func(*sampling) {}),
		"top_p":  plain(func(s *sampling) { s.temperature, s.topP = 0.7, 0.9 }),
		"top_k":  plain(func(s *sampling) { s.topK = 50 }),
	} {
		b.Run(name, func(b *testing.B) {
			m := newSampler(s, nil, len(logits))
			for b.Loop() {
				copy(scratch, logits)
				if _, err := m.choose(scratch); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
