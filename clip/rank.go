package clip

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"penstock/dialect"
)

// maxPartTexts is how many texts of a request to rank one run embeds, as maxPictures is how many
// pictures.
const maxPartTexts = 4 * maxTextBatch

// rank ranks items by the cosine of their vector and the query's. It embeds a request's items in
// parts, each of which is a request for embeddings: it waits for the permit as any other, and is
// joined with others, and only one part's pictures are decoded at a time.
func (m *Model) rank(ctx context.Context, c *dialect.RankCall, embed func(context.Context, *dialect.EmbeddingCall) (*dialect.EmbeddingResponse, error)) (*dialect.Ranking, error) {
	r, err := c.Parse()
	if err != nil {
		return nil, invalid(err)
	}
	if n := len(r.Items); n > maxLabels {
		return nil, invalidParam(ReasonTooManyInputs, r.List, "%d %s are too many for one request: send at most %d", n, r.List, maxLabels)
	}
	items, positions := distinct(r)
	if err := m.checkTexts(ctx, items[partOf(items):]); err != nil {
		return nil, err
	}
	ranking := &dialect.Ranking{}
	var embedded [][]float32
	for len(items) > 0 {
		n := partOf(items)
		part := &dialect.EmbeddingRequest{Model: m.options.Name, Input: dialect.EmbeddingInput{Items: items[:n]}}
		response, err := embed(ctx, dialect.NewEmbeddingCall(part))
		if err != nil {
			return nil, err
		}
		for _, d := range response.Data {
			embedded = append(embedded, d.Embedding.Values)
		}
		ranking.Usage.PromptTokens += response.Usage.PromptTokens
		ranking.Usage.TotalTokens += response.Usage.TotalTokens
		items = items[n:]
	}
	ranking.Results = ranked(embedded[0], embedded, positions)
	if r.TopN > 0 {
		ranking.Results = ranking.Results[:min(r.TopN, len(ranking.Results))]
	}
	return ranking, nil
}

// checkTexts checks the texts of the parts after the first before anything is embedded: what has
// been embedded for a request that fails is not charged.
func (m *Model) checkTexts(ctx context.Context, items []dialect.EmbeddingItem) error {
	for _, item := range items {
		if item.Text == nil {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := m.tokenise(item.Name, *item.Text); err != nil {
			return err
		}
	}
	return nil
}

// distinct returns the query and those items of a request that differ from all before them, with
// their names, and for each item which of these it is. Equal items are embedded once, so that they
// have equal scores.
func distinct(r *dialect.RankRequest) (items []dialect.EmbeddingItem, positions []int) {
	type content struct{ kind, value string }
	seen := make(map[content]int, len(r.Items)+1)
	add := func(name string, item dialect.EmbeddingItem) int {
		if item.Text != nil && isPictureURL(*item.Text) { // it is embedded as a picture
			item = dialect.EmbeddingItem{URL: item.Text}
		}
		var c content
		switch {
		case item.Text != nil:
			c = content{"text", *item.Text}
		case item.URL != nil:
			c = content{"url", *item.URL}
		default:
			c = content{"image", *item.Image}
		}
		position, ok := seen[c]
		if !ok {
			position = len(items)
			seen[c] = position
			item.Name = name
			items = append(items, item)
		}
		return position
	}
	add("query", r.Query)
	for i, item := range r.Items {
		positions = append(positions, add(fmt.Sprintf("%s[%d]", r.List, i), item))
	}
	return items, positions
}

// partOf returns how many of some items are the next part.
func partOf(items []dialect.EmbeddingItem) int {
	texts, pictures := 0, 0
	for i, item := range items {
		if item.Text != nil {
			texts++
		} else {
			pictures++
		}
		if texts > maxPartTexts || pictures > maxPictures {
			return i
		}
	}
	return len(items)
}

// ranked compares the query with the vectors at some positions, and returns them in order: the most
// similar first and, of equal ones, the first of the request.
func ranked(query []float32, embedded [][]float32, positions []int) []dialect.Ranked {
	results := make([]dialect.Ranked, len(positions))
	for i, position := range positions {
		cosine := dot(query, embedded[position]) // may be a little above 1, as the numbers are rounded
		results[i] = dialect.Ranked{Index: i, Score: float32(max(-1, min(cosine, 1)))}
	}
	slices.SortStableFunc(results, func(a, b dialect.Ranked) int { return cmp.Compare(b.Score, a.Score) })
	return results
}
