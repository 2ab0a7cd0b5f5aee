package local

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestDistribution(t *testing.T) {
	logits := someLogits(rand.New(rand.NewPCG(9, 10)), 300)
	logits[7] = logits[9]
	var d distribution
	d.read(logits)
	p := expected(plain(func(*sampling) {}), logits)
	order := make([]int64, len(logits))
	for i := range order {
		order[i] = int64(i)
		if got := math.Exp(d.of(int64(i)).value); math.Abs(got-p[i]) > 1e-9 {
			t.Errorf("token %d: probability %g, want %g", i, got, p[i])
		}
	}
	slices.SortFunc(order, func(a, b int64) int { return cmp.Or(cmp.Compare(p[b], p[a]), cmp.Compare(a, b)) })
	for _, n := range []int{0, 1, 5, 20} {
		top := d.top(n)
		if len(top) != n {
			t.Fatalf("top(%d) has %d", n, len(top))
		}
		for i, k := range top {
			if k.id != order[i] {
				t.Errorf("top(%d)[%d] is %d, want %d", n, i, k.id, order[i])
			}
		}
	}
}
