package clip

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/engine"
)

// embed requests embeddings as a caller with bytes. more is further fields of the request.
func (l loaded) embed(t *testing.T, input any, more string) (*dialect.EmbeddingResponse, error) {
	t.Helper()
	in, err := json.Marshal(input)
	if err != nil {
		t.Fatal(err)
	}
	out, err := l.call(t, "embed", engine.Input{Body: []byte(`{"model":"clip","input":` + string(in) + more + `}`)})
	if err != nil {
		return nil, err
	}
	response := new(dialect.EmbeddingResponse)
	if err := json.Unmarshal(out.Body, response); err != nil || out.MediaType != "application/json" {
		t.Fatalf("%s %s: %v", out.MediaType, out.Body, err)
	}
	return response, nil
}

func length(v []float32) float64 { return math.Sqrt(dot(v, v)) }

// Embeddings are the vectors that predict compares: their products, times the model's scale, are
// its logits.
func TestEmbeddingsAreWhatPredictCompares(t *testing.T) {
	o := tiny(t)
	s := pictures(t, &o)
	l := load(t, o)
	cat := photo(t, "cat_chelsea.jpg")
	want, err := do(t.Context(), l.predict, Request{Pictures: []Picture{{Data: cat}, {Data: photo(t, "rocket.jpg")}}})
	if err != nil {
		t.Fatal(err)
	}
	type object = map[string]string
	input := []any{
		o.Labels[0],
		object{"image": "data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(cat)},
		o.Labels[1],
		object{"url": s.URL + "/rocket.jpg"},
	}
	response, err := l.embed(t, input, "")
	if err != nil {
		t.Fatal(err)
	}
	if response.Object != "list" || response.Model != "clip" || len(response.Data) != 4 || response.Usage != (dialect.EmbeddingUsage{PromptTokens: 14, TotalTokens: 14}) {
		t.Errorf("got %+v", response)
	}
	vector := func(i int) []float32 { return response.Data[i].Embedding.Values }
	for i, d := range response.Data {
		if d.Object != "embedding" || d.Index != i || len(vector(i)) != 128 || math.Abs(length(vector(i))-1) > 1e-5 {
			t.Errorf("embedding %d: %s %d, length %g", i, d.Object, d.Index, length(vector(i)))
		}
	}
	for i, picture := range []int{1, 3} {
		for j, text := range []int{0, 2} {
			if got := l.model.scoring.scale * dot(vector(picture), vector(text)); math.Abs(got-float64(want.Logits[i][j])) > 1e-3 {
				t.Errorf("picture %d and text %d: %g, not %g", i, j, got, want.Logits[i][j])
			}
		}
	}

	packed, err := l.embed(t, input, `,"encoding_format":"base64"`)
	if err != nil {
		t.Fatal(err)
	}
	short, err := l.embed(t, input, `,"dimensions":40,"encoding_format":"float"`)
	if err != nil {
		t.Fatal(err)
	}
	for i := range input {
		if v := packed.Data[i].Embedding; !v.Base64 || !near(v.Values, vector(i)) {
			t.Errorf("embedding %d in base64 is different", i)
		}
		cut := short.Data[i].Embedding.Values
		if len(cut) != 40 || math.Abs(length(cut)-1) > 1e-5 {
			t.Fatalf("a short embedding has %d numbers, length %g", len(cut), length(cut))
		}
		if ratio := float64(cut[0] / cut[39]); math.Abs(ratio/float64(vector(i)[0]/vector(i)[39])-1) > 1e-4 {
			t.Errorf("embedding %d, shortened, has another direction", i)
		}
	}
	one, err := l.embed(t, o.Labels[0], "")
	if err != nil || len(one.Data) != 1 || !near(one.Data[0].Embedding.Values, vector(0)) || one.Usage.PromptTokens != 7 {
		t.Errorf("one text alone: %+v, %v", one, err)
	}
}

// Requests that wait are one run of each tower, whatever they have.
func TestWaitingEmbeddingsAreOneRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hold(t, 4)
		picture := map[string]string{"image": base64.StdEncoding.EncodeToString(photo(t, "cat_chelsea.jpg"))}
		inputs := [][]any{
			{"a cat", "a photo of a dog with a hat"},
			{picture},
			{"a dog", picture, "a cat", picture},
			{"a ship"},
		}
		responses := make([]*dialect.EmbeddingResponse, len(inputs))
		var wait sync.WaitGroup
		for i, input := range inputs {
			wait.Go(func() {
				var err error
				if responses[i], err = h.embed(t, input, ""); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		h.openGate()
		wait.Wait()
		if n := h.n.Load(); n != 1 {
			t.Errorf("there were %d runs", n)
		}
		for i, input := range inputs {
			alone, err := h.embed(t, input, "")
			if err != nil {
				t.Fatal(err)
			}
			if responses[i].Usage != alone.Usage || len(responses[i].Data) != len(input) {
				t.Errorf("request %d: %+v", i, responses[i].Usage)
			}
			for j := range alone.Data {
				if !near(responses[i].Data[j].Embedding.Values, alone.Data[j].Embedding.Values) {
					t.Errorf("request %d, input %d differs from the request alone", i, j)
				}
			}
		}
		h.close(t)
	})
}

func TestBadEmbeddingRequests(t *testing.T) {
	o := tiny(t)
	s := pictures(t, &o)
	l := load(t, o)
	type object = map[string]string
	code := base64.StdEncoding.EncodeToString(photo(t, "cat_chelsea.jpg"))
	for _, c := range []struct {
		name          string
		input         any
		more          string
		reason, param string
		contains      string
	}{
		{"no input", nil, "", "", "", ""},
		{"token ids", []int{1, 2}, "", "invalid_value", "input", "send text"},
		{"an empty text", []string{"a", ""}, "", ReasonBadText, "input[1]", "empty"},
		{"a long text", strings.Repeat("cat ", 76), "", ReasonBadText, "input[0]", "78 tokens; this model reads 77"},
		{"a very long text", strings.Repeat("c", 1001), "", ReasonBadText, "input[0]", "1001 bytes"},
		{"too many", slices.Repeat([]string{"a"}, 1001), "", ReasonTooManyInputs, "input", "1001"},
		{"too many pictures", slices.Repeat([]object{{"image": "AAAA"}}, 33), "", ReasonTooMany, "input", "33"},
		{"more dimensions than there are", "a", `,"dimensions":129`, ReasonBadDimensions, "dimensions", "128"},
		{"not base64", []any{"a", object{"image": "cat.jpg"}}, "", ReasonNotAnImage, "input[1]", "base64"},
		{"not a picture", []any{"a", object{"image": "AAAA"}}, "", ReasonNotAnImage, "input[1]", ""},
		{"half a picture", object{"image": code[:len(code)/2]}, "", ReasonTruncatedImage, "input[0]", ""},
		{"a missing picture", []any{object{"image": code}, object{"url": s.URL + "/none.jpg"}}, "", ReasonFetchFailed, "input[1]", "404"},
		{"a private address", object{"url": "http://10.0.0.1/cat.jpg"}, "", ReasonAddressNotAllowed, "input[0]", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := l.embed(t, c.input, c.more)
			var e *apierr.Error
			if !errors.As(err, &e) {
				t.Fatalf("error %v", err)
			}
			if e.Code != apierr.CodeInvalidInput || (c.reason != "" && e.Reason != c.reason) || (c.param != "" && e.Param != c.param) || !strings.Contains(e.Message, c.contains) {
				t.Errorf("got %s/%s, param %q: %s", e.Code, e.Reason, e.Param, e.Message)
			}
			if strings.Contains(e.Message, "127.0.0.1") {
				t.Errorf("the message is %q", e.Message)
			}
		})
	}
	if _, err := l.embed(t, strings.Repeat("cat ", 75), ""); err != nil {
		t.Errorf("77 tokens: %v", err)
	}
	if _, err := l.embed(t, slices.Repeat([]string{"a cat"}, 1000), ""); err != nil {
		t.Errorf("1000 texts: %v", err)
	}
	if _, err := l.embed(t, "after all that", ""); err != nil {
		t.Error(err)
	}
}
