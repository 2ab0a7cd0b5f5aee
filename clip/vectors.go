package clip

import (
	"fmt"
	"math"
)

// vectors are some vectors of one size, stored one after the other.
type vectors struct {
	values []float32
	size   int
}

func (v vectors) count() int { return len(v.values) / max(1, v.size) }

func (v vectors) at(i int) []float32 { return v.values[i*v.size : (i+1)*v.size] }

func (v vectors) append(more vectors) vectors {
	return vectors{append(v.values, more.values...), more.size}
}

// split returns the first n vectors, and the rest.
func (v vectors) split(n int) (first, rest vectors) {
	return vectors{v.values[:n*v.size], v.size}, vectors{v.values[n*v.size:], v.size}
}

// normalise scales each vector to the length 1. Some graphs have done so already; doing it twice
// changes nothing.
func (v vectors) normalise() {
	for i := range v.count() {
		vector := v.at(i)
		if length := math.Sqrt(dot(vector, vector)); length > 0 {
			for j := range vector {
				vector[j] = float32(float64(vector[j]) / length)
			}
		}
	}
}

// fits checks that v and w are of one size.
func (v vectors) fits(w vectors) error {
	if v.size != w.size {
		return fmt.Errorf("the towers do not fit together: text has %d numbers, a picture %d", v.size, w.size)
	}
	return nil
}

func dot(a, b []float32) float64 {
	sum := 0.0
	b = b[:len(a)]
	for i, v := range a {
		sum += float64(v) * float64(b[i])
	}
	return sum
}
