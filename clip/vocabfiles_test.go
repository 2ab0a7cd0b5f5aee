package clip

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A folder with vocab.json and merges.txt instead of tokenizer.json is the same model.
func TestAFolderWithoutTokenizerJSON(t *testing.T) {
	o := graphsOf(t, "two", `{"logit_scale": 17}`)
	request := Request{Pictures: []Picture{{Data: photo(t, "cat_chelsea.jpg")}}}
	want, err := do(t.Context(), load(t, o).predict, request)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(o.Path, "tokenizer.json")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Model struct {
			Vocab  json.RawMessage
			Merges [][2]string
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(o.Path, "vocab.json"), file.Model.Vocab)
	wantFailure(t, o, "tokenizer.json is missing") // half of the two files is none
	merges := []string{"#version: 0.2"}
	for _, m := range file.Model.Merges {
		merges = append(merges, m[0]+" "+m[1])
	}
	writeFile(t, filepath.Join(o.Path, "merges.txt"), []byte(strings.Join(merges, "\n")+"\n"))
	got, err := do(t.Context(), load(t, o).predict, request)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Logits[0], want.Logits[0]) {
		t.Errorf("logits %v, want %v", got.Logits[0], want.Logits[0])
	}
}
