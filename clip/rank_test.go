package clip

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/engine"
)

// rank ranks as a client of the native route does.
func (l loaded) rank(ctx context.Context, t *testing.T, body string) (*dialect.Ranking, error) {
	t.Helper()
	model, err := l.engine.Model(l.model.options.Name)
	if err != nil {
		t.Fatal(err)
	}
	rank, ok := engine.PredictionOf[*dialect.RankCall, *dialect.Ranking](model, "rank")
	if !ok {
		t.Fatal("there is no verb rank")
	}
	call, err := dialect.RankCodec{}.Decode(dialect.Input{Body: []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	return do(ctx, rank, call)
}

// marshal returns a value as JSON.
func marshal(t *testing.T, value any) string {
	t.Helper()
	b, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// reference ranks by the vectors that the verb embed returns, each requested alone.
func (l loaded) reference(t *testing.T, query any, items []any) []dialect.Ranked {
	t.Helper()
	vector := func(item any) []float32 {
		if o, ok := item.(map[string]string); ok && o["text"] != "" {
			item = o["text"]
		}
		response, err := l.embed(t, item, "")
		if err != nil {
			t.Fatal(err)
		}
		return response.Data[0].Embedding.Values
	}
	q := vector(query)
	results := make([]dialect.Ranked, len(items))
	for i, item := range items {
		v, product, ofQuery, ofItem := vector(item), 0.0, 0.0, 0.0
		for j := range v {
			product += float64(q[j]) * float64(v[j])
			ofQuery += float64(q[j]) * float64(q[j])
			ofItem += float64(v[j]) * float64(v[j])
		}
		results[i] = dialect.Ranked{Index: i, Score: float32(product / math.Sqrt(ofQuery*ofItem))}
	}
	slices.SortStableFunc(results, func(a, b dialect.Ranked) int { return cmp.Compare(b.Score, a.Score) })
	return results
}

// The scores are the cosines of the vectors that the verb embed returns, whatever query and items
// are, in descending order.
func TestARankingIsByTheCosinesOfTheEmbeddings(t *testing.T) {
	o := tiny(t)
	s := pictures(t, &o)
	l := load(t, o)
	type object = map[string]string
	encoded := func(name string) string { return base64.StdEncoding.EncodeToString(photo(t, name)) }
	items := []any{
		"a photo of a dog",
		object{"image": encoded("cat_chelsea.jpg")},
		object{"text": "a photo of a cat"},
		object{"url": s.URL + "/rocket.jpg"},
		object{"image": "data:image/jpeg;base64," + encoded("coffee.jpg")},
		"a rocket that takes off",
		object{"url": s.URL + "/cat_chelsea.jpg"},
	}
	for _, query := range []any{"a photo of a cat", object{"text": "a cup of coffee"}, object{"url": s.URL + "/cat_chelsea.jpg"}, object{"image": encoded("rocket.jpg")}} {
		want := l.reference(t, query, items)
		for _, top := range []int{0, 1, 3, len(items), 5000} {
			request := fmt.Sprintf(`{"query":%s,"items":%s`, marshal(t, query), marshal(t, items))
			if top > 0 {
				request += fmt.Sprintf(`,"top_n":%d`, top)
			}
			got, err := l.rank(t.Context(), t, request+"}")
			if err != nil {
				t.Fatal(err)
			}
			n := len(items)
			if top > 0 {
				n = min(n, top)
			}
			if len(got.Results) != n {
				t.Fatalf("top_n %d: %d results", top, len(got.Results))
			}
			for i, r := range got.Results {
				if math.Abs(float64(r.Score-want[i].Score)) > 1e-5 || r.Index != want[i].Index && math.Abs(float64(want[i].Score-scoreOf(want, r.Index))) > 1e-5 {
					t.Errorf("query %.60v, result %d: %+v, not %+v", query, i, r, want[i])
				}
			}
		}
	}
}

func scoreOf(results []dialect.Ranked, index int) float32 {
	for _, r := range results {
		if r.Index == index {
			return r.Score
		}
	}
	return float32(math.NaN())
}

// Equal items have equal scores, whatever stands between them, and are in the order of the request.
func TestEqualItemsAreRankedInTheirOrder(t *testing.T) {
	l := load(t, tiny(t))
	cat := map[string]string{"image": base64.StdEncoding.EncodeToString(photo(t, "cat_chelsea.jpg"))}
	dog := "a photo of a dog"
	var items []any
	for i := range 300 {
		switch i % 3 {
		case 0:
			items = append(items, dog)
		case 1:
			items = append(items, cat)
		default:
			items = append(items, fmt.Sprintf("a photo of %d dogs", i))
		}
	}
	got, err := l.rank(t.Context(), t, fmt.Sprintf(`{"query":%q,"items":%s}`, dog, marshal(t, items)))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if r := got.Results[i]; r.Index != 3*i || r.Score < 0.99999 || r.Score > 1 {
			t.Fatalf("result %d is %+v", i, r)
		}
	}
	var cats []int
	for i, r := range got.Results {
		if i > 0 && r.Score > got.Results[i-1].Score {
			t.Errorf("result %d has %g, and the one before it %g", i, r.Score, got.Results[i-1].Score)
		}
		if r.Index%3 == 1 {
			cats = append(cats, r.Index)
		}
	}
	if len(cats) != 100 || !slices.IsSorted(cats) {
		t.Errorf("the equal pictures are ranked %v", cats)
	}
}

// A request may have more pictures than one for embeddings. No more are decoded at a time than that
// may have, each is ranked, and the memory is released.
func TestAThousandPicturesAreRankedInParts(t *testing.T) {
	o := tiny(t)
	o.DecodeMemory = 64 << 20
	l := load(t, o)
	names := []string{"cat_chelsea.jpg", "coffee.jpg", "rocket.jpg"}
	items := make([]any, maxLabels)
	for i := range items {
		// A comment makes each file another one.
		file := photo(t, names[i%3])
		file = slices.Concat(file[:2], []byte{0xff, 0xfe, 0, 4, byte(i >> 8), byte(i)}, file[2:])
		items[i] = map[string]string{"image": base64.StdEncoding.EncodeToString(file)}
	}
	want := l.reference(t, "a photo of a cat", items[:3])
	got, err := l.rank(t.Context(), t, `{"query":"a photo of a cat","items":`+marshal(t, items)+`}`)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Results) != maxLabels || got.Usage.PromptTokens != 7 {
		t.Fatalf("%d results, usage %+v", len(got.Results), got.Usage)
	}
	seen := make([]bool, maxLabels)
	for i, r := range got.Results {
		if seen[r.Index] || math.Abs(float64(r.Score-scoreOf(want, r.Index%3))) > 1e-5 {
			t.Errorf("result %d: %+v", i, r)
		}
		seen[r.Index] = true
	}
	wantAllReleased(t, l.model)
}

func TestTheNextPartOfARequest(t *testing.T) {
	text, image := dialect.EmbeddingItem{Text: new(string)}, dialect.EmbeddingItem{Image: new(string)}
	for name, c := range map[string]struct {
		items []dialect.EmbeddingItem
		want  int
	}{
		"all":                {[]dialect.EmbeddingItem{text, image}, 2},
		"pictures":           {slices.Repeat([]dialect.EmbeddingItem{image}, 100), 32},
		"texts":              {slices.Repeat([]dialect.EmbeddingItem{text}, 1001), 256},
		"pictures and texts": {slices.Repeat([]dialect.EmbeddingItem{image, text}, 100), 64},
	} {
		if got := partOf(c.items); got != c.want {
			t.Errorf("%s: %d, not %d", name, got, c.want)
		}
	}
}

func TestBadRequestsToRank(t *testing.T) {
	o := tiny(t)
	s := pictures(t, &o)
	l := load(t, o)
	a := strings.TrimSuffix(strings.Repeat(`"a",`, 1001), ",")
	for _, c := range []struct{ name, body, reason, param, contains string }{
		{"no query", `{"items":["a"]}`, "missing_required_parameter", "query", "query"},
		{"query null", `{"query":null,"items":["a"]}`, "missing_required_parameter", "query", "query"},
		{"query a list", `{"query":["a"],"items":["a"]}`, "invalid_type", "query", "a string, or an object with"},
		{"query empty", `{"query":" ","items":["a"]}`, ReasonBadText, "query", "query is empty"},
		{"no items", `{"query":"a"}`, "missing_required_parameter", "items", "items"},
		{"items empty", `{"query":"a","items":[]}`, "missing_required_parameter", "items", "items"},
		{"items a text", `{"query":"a","items":"b"}`, "invalid_type", "items", ""},
		{"1,001 items", `{"query":"a","items":[` + a + `]}`, ReasonTooManyInputs, "items", "1001 items"},
		{"an item null", `{"query":"a","items":["a",null]}`, "invalid_type", "items[1]", "null"},
		{"an item a number", `{"query":"a","items":["a",7]}`, "invalid_type", "items[1]", "integer"},
		{"an item of both", `{"query":"a","items":[{"text":"a","url":"b"}]}`, "invalid_type", "items[0]", "several"},
		{"an item of neither", `{"query":"a","items":[{}]}`, "invalid_type", "items[0]", "none"},
		{"an unknown member of an item", `{"query":"a","items":[{"txt":"a"}]}`, "unknown_parameter", "items[0].txt", "txt"},
		{"an unknown member", `{"query":"a","items":["a"],"topn":1}`, "unknown_parameter", "topn", "topn"},
		{"top_n 0", `{"query":"a","items":["a"],"top_n":0}`, "integer_below_min_value", "top_n", ">= 1"},
		{"top_n a fraction", `{"query":"a","items":["a"],"top_n":1.5}`, "invalid_type", "top_n", ""},
		{"a member twice", `{"query":"a","query":"b","items":["a"]}`, "invalid_json", "query", "twice"},
		{"a long item", `{"query":"a","items":["a","` + strings.Repeat("cat ", 76) + `"]}`, ReasonBadText, "items[1]", "78 tokens"},
		{"an empty item in a later part", `{"query":"a","items":["` + fmt.Sprint(many(600)) + `",""]}`, ReasonBadText, "items[600]", "items[600] is empty"},
		{"not a picture", `{"query":"a","items":["a",{"image":"AAAA"}]}`, ReasonNotAnImage, "items[1]", "items[1]: "},
		{"the query is not a picture", `{"query":{"image":"AAAA"},"items":["a"]}`, ReasonNotAnImage, "query", "query: "},
		{"a missing picture", `{"query":"a","items":[{"url":"` + s.URL + `/none.jpg"}]}`, ReasonFetchFailed, "items[0]", "404"},
		{"a private address", `{"query":"a","items":[{"url":"http://10.0.0.1/cat.jpg"}]}`, ReasonAddressNotAllowed, "items[0]", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := l.rank(t.Context(), t, c.body)
			var e *apierr.Error
			if !errors.As(err, &e) {
				t.Fatalf("error %v", err)
			}
			if e.Code != apierr.CodeInvalidInput || e.Reason != c.reason || e.Param != c.param || !strings.Contains(e.Message, c.contains) {
				t.Errorf("got %s/%s, param %q: %s", e.Code, e.Reason, e.Param, e.Message)
			}
		})
	}
	wantAllReleased(t, l.model)
}

// many returns different texts, to be written between quotation marks.
func many(n int) string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = fmt.Sprint("text ", i)
	}
	return strings.Join(texts, `","`)
}

// A data URL of a picture that stands where a text could is a picture, of which a part has at most
// maxPictures.
func TestTextsThatArePicturesAreRankedAsPictures(t *testing.T) {
	l := load(t, tiny(t))
	items := make([]any, maxPictures+8)
	for i := range items {
		file := photo(t, "rocket.jpg")
		file = slices.Concat(file[:2], []byte{0xff, 0xfe, 0, 3, byte(i)}, file[2:]) // a comment
		items[i] = " data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(file)
	}
	items = append(items, "a rocket")
	got, err := l.rank(t.Context(), t, fmt.Sprintf(`{"query":%s,"items":%s}`, marshal(t, items[0]), marshal(t, items)))
	if err != nil {
		t.Fatalf("%.300v", err)
	}
	if n := len(items); len(got.Results) != n || got.Results[n-1].Index != n-1 || got.Results[n-2].Score < 0.999 {
		t.Errorf("got %+v", got.Results)
	}
	wantAllReleased(t, l.model)
}
