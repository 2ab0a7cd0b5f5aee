package clip

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"penstock/engine"
)

// A Result has a row for each picture, in the request's order, and in it a column for each label.
type Result struct {
	Labels        []string    `json:"labels"`
	Probabilities [][]float32 `json:"probabilities"`
	Logits        [][]float32 `json:"logits"`
	Activation    string      `json:"activation,omitempty"` // "sigmoid"; absent: softmax

	bare bool
}

// best keeps the columns of the k likeliest labels of each picture, likeliest first: k columns for
// one picture, and the union for several. 0 keeps all in their order.
func (r Result) best(k int) Result {
	if k == 0 {
		return r
	}
	likeliest := make([]float32, len(r.Labels)) // of any picture that has the label among its best
	keep := make([]bool, len(r.Labels))
	order := make([]int, len(r.Labels))
	for _, row := range r.Probabilities {
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(row[b], row[a]) })
		for _, column := range order[:min(k, len(order))] {
			keep[column] = true
			likeliest[column] = max(likeliest[column], row[column])
		}
	}
	var columns []int
	for i, kept := range keep {
		if kept {
			columns = append(columns, i)
		}
	}
	slices.SortStableFunc(columns, func(a, b int) int { return cmp.Compare(likeliest[b], likeliest[a]) })

	r.Labels = pick(r.Labels, columns)
	for i := range r.Probabilities {
		r.Probabilities[i], r.Logits[i] = pick(r.Probabilities[i], columns), pick(r.Logits[i], columns)
	}
	return r
}

func pick[T any](all []T, columns []int) []T {
	some := make([]T, len(columns))
	for i, c := range columns {
		some[i] = all[c]
	}
	return some
}

// encode encodes a Result as JSON: the whole, or the bare rows of probabilities.
func encode(r Result) (engine.Output, error) {
	body, err := json.Marshal(r)
	if r.bare {
		body, err = json.Marshal(r.Probabilities)
	}
	if err != nil {
		return engine.Output{}, fmt.Errorf("encode: %w", err)
	}
	return engine.Output{MediaType: "application/json", Body: body}, nil
}
