package tokenizer_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"penstock/tokenizer"
)

func parseFolder(files fstest.MapFS) (*tokenizer.Tokenizer, error) {
	return tokenizer.ParseFolder(func(name string) ([]byte, error) { return fs.ReadFile(files, name) })
}

func folderOf(files map[string]string) fstest.MapFS {
	folder := fstest.MapFS{}
	for name, text := range files {
		folder[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return folder
}

// clipFolder has the tokens and merges of models/clip-tiny in CLIP's own two files.
func clipFolder(t *testing.T) fstest.MapFS {
	t.Helper()
	data, err := os.ReadFile(clipPath)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Model struct {
			Vocab  map[string]int
			Merges []json.RawMessage
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	vocab, err := json.Marshal(file.Model.Vocab)
	if err != nil {
		t.Fatal(err)
	}
	merges := []string{"#version: 0.2"}
	for _, m := range file.Model.Merges {
		var line string
		if err := json.Unmarshal(m, &line); err != nil {
			var pair [2]string
			if err := json.Unmarshal(m, &pair); err != nil {
				t.Fatal(err)
			}
			line = pair[0] + " " + pair[1]
		}
		merges = append(merges, line)
	}
	return folderOf(map[string]string{"vocab.json": string(vocab), "merges.txt": strings.Join(merges, "\n") + "\n"})
}

func TestCLIPWithoutTokenizerJSON(t *testing.T) {
	tok, err := parseFolder(clipFolder(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range readVectors(t, "testdata/tokens-clip.json.gz") {
		if ids := encode(t, tok, v.Text, tokenizer.EncodeOptions{WithSpecial: true, ParseSpecial: true}); !slices.Equal(ids, v.IDs) {
			t.Errorf("Encode(%q) = %v, want %v", v.Text, ids, v.IDs)
		}
	}
}

func TestBERTWithoutTokenizerJSON(t *testing.T) {
	f := readFamilies(t)
	model := f.Files["bert"]["model"].(map[string]any)["vocab"].(map[string]any)
	tokens := make([]string, len(model))
	for token, id := range model {
		tokens[int(id.(float64))] = token
	}
	for name, config := range map[string]string{
		"bert": "", "bert, cased": `{"do_lower_case": false, "cls_token": {"content": "[CLS]"}, "strip_accents": null}`,
	} {
		folder := folderOf(map[string]string{"vocab.txt": strings.Join(tokens, "\r\n") + "\r\n"})
		if config != "" {
			folder["tokenizer_config.json"] = &fstest.MapFile{Data: []byte(config)}
		}
		tok, err := parseFolder(folder)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(f.Cases, func(c familyCase) bool { return c.Name == name })
		f.checkTokenizer(t, tok, f.Cases[i])
	}
}

func TestTokenizerJSONComesFirst(t *testing.T) {
	folder := folderOf(map[string]string{"tokenizer.json": string(render(byteLevel())), "vocab.txt": "[UNK]\n[CLS]\n[SEP]", "vocab.json": "{"})
	tok, err := parseFolder(folder)
	if err != nil {
		t.Fatal(err)
	}
	if id, known := tok.ID("Ġab"); !known || id != 4 {
		t.Errorf("the token has id %d, %v", id, known)
	}
}

func TestIncompleteFolders(t *testing.T) {
	for want, files := range map[string]map[string]string{
		"looked for tokenizer.json":      {},
		"merges.txt":                     {"vocab.json": `{"a</w>": 0}`},
		"it is not CLIP's":               {"vocab.json": `{"a": 0}`, "merges.txt": ""},
		"vocab.json: ":                   {"vocab.json": `{`, "merges.txt": ""},
		"merges.txt: line 2":             {"vocab.json": `{"a</w>": 0}`, "merges.txt": "#version: 0.2\na\n"},
		`special token "<|startoftext|>`: {"vocab.json": `{"a</w>": 0}`, "merges.txt": ""},
		`special token "[CLS]"`:          {"vocab.txt": "[UNK]"},
		`unk_token "[UNK]"`:              {"vocab.txt": "[CLS]\n[SEP]"},
		`special token "<s>"`:            {"vocab.txt": "[CLS]\n[SEP]\n[UNK]", "tokenizer_config.json": `{"cls_token": "<s>"}`},
		"tokenizer_config.json: ":        {"vocab.txt": "[CLS]", "tokenizer_config.json": `{"cls_token": 7}`},
		"read tokenizer.json":            {"tokenizer.json": `{`, "vocab.txt": "[CLS]"},
	} {
		if _, err := parseFolder(folderOf(files)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}
