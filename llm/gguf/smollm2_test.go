package gguf

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"penstock/onnx/onnxtest"
	"penstock/tokenizer"
)

// smollm2 is what transformers computes with SmolLM2-135M-Instruct in float32, with the weights of
// the same file.
type smollm2 struct {
	Chats []struct {
		Prompt    string       `json:"prompt"`
		PromptIDs []int64      `json:"prompt_ids"`
		Top       [][2]float64 `json:"top5"` // token and logit
		GreedyIDs []int64      `json:"greedy_ids"`
	} `json:"chats"`
	Perplexity struct {
		Text    string  `json:"text"`
		Tokens  int     `json:"tokens"`
		MeanNLL float64 `json:"mean_nll"`
	} `json:"perplexity"`
}

func TestImportSmolLM2(t *testing.T) {
	path := filepath.Join(onnxtest.Root(t), ".penstock", "cache", "SmolLM2-135M-Instruct.Q4_1.gguf")
	if _, err := os.Stat(path); err != nil {
		t.Fatal("SmolLM2 is missing: run make setup")
	}
	data, err := os.ReadFile("testdata/smollm2.json")
	if err != nil {
		t.Fatal(err)
	}
	var want smollm2
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "smollm2")
	if err := Import(t.Context(), path, dir); err != nil {
		t.Fatal(err)
	}
	data, err = os.ReadFile(filepath.Join(dir, "tokenizer.json"))
	if err != nil {
		t.Fatal(err)
	}
	words, err := tokenizer.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	session := openModel(t, dir)

	t.Run("likelihood of a text", func(t *testing.T) {
		ids, err := words.Encode(want.Perplexity.Text, tokenizer.EncodeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if len(ids) != want.Perplexity.Tokens {
			t.Fatalf("%d tokens, want %d", len(ids), want.Perplexity.Tokens)
		}
		x, sum := newText(t, session, int64(len(ids))), 0.0
		for i, id := range ids[:len(ids)-1] {
			sum -= logProbability(x.read(t, id), ids[i+1])
		}
		got := sum / float64(len(ids)-1)
		t.Logf("mean negative log-likelihood %.4f, in float32 %.4f", got, want.Perplexity.MeanNLL)
		if math.Abs(got/want.Perplexity.MeanNLL-1) > 0.005 {
			t.Errorf("mean negative log-likelihood %.4f, want %.4f within 0.5 %%", got, want.Perplexity.MeanNLL)
		}
	})

	// Where two tokens are nearly equal in float32, eight-bit arithmetic may prefer the other.
	t.Run("completions", func(t *testing.T) {
		const most = 16 // tokens of each completion
		agreed, all := 0, 0
		for _, chat := range want.Chats {
			if ids, err := words.Encode(chat.Prompt, tokenizer.EncodeOptions{ParseSpecial: true}); err != nil || !slices.Equal(ids, chat.PromptIDs) {
				t.Fatalf("%q is %v, %v, want %v", chat.Prompt, ids, err, chat.PromptIDs)
			}
			x := newText(t, session, int64(len(chat.PromptIDs)+most))
			logits := x.read(t, chat.PromptIDs...)
			for _, top := range chat.Top {
				if got := float64(logits[int(top[0])]); math.Abs(got-top[1]) > 1 {
					t.Errorf("after %q token %v has logit %.2f, want %.2f within 1", chat.Prompt, top[0], got, top[1])
				}
			}
			for _, id := range chat.GreedyIDs[:min(most, len(chat.GreedyIDs))] {
				if logits[id] == slices.Max(logits) {
					agreed++
				}
				all++
				logits = x.read(t, id)
			}
		}
		t.Logf("%d of %d tokens agree with float32", agreed, all)
		if float64(agreed) < 0.9*float64(all) {
			t.Errorf("%d of %d tokens agree with float32, want nine tenths", agreed, all)
		}
	})
}

// logProbability returns the log probability of a token, in nats.
func logProbability(logits []float32, token int64) float64 {
	most, sum := slices.Max(logits), 0.0
	for _, l := range logits {
		sum += math.Exp(float64(l - most))
	}
	return float64(logits[token]-most) - math.Log(sum)
}
