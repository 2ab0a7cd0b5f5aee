package gguf

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// contents returns the files of a folder by their paths in it.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		files[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestImportIsDeterministic(t *testing.T) {
	path := tiny(false, all(typeQ41)).write(t)
	parent := t.TempDir()
	first, second := filepath.Join(parent, "new", "first"), filepath.Join(parent, "empty")
	if err := os.Mkdir(second, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{first, second} {
		if err := Import(t.Context(), path, dir); err != nil {
			t.Fatal(err)
		}
	}
	got := contents(t, first)
	want := []string{"config.json", "generation_config.json", "onnx/model.onnx", "onnx/model.onnx_data", "tokenizer.json", "tokenizer_config.json"}
	if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, want) {
		t.Errorf("files %v, want %v", names, want)
	}
	if !maps.Equal(got, contents(t, second)) {
		t.Error("the second import wrote different files")
	}
	if left := contents(t, parent); len(left) != 2*len(want) {
		t.Errorf("after the imports there are %v", slices.Sorted(maps.Keys(left)))
	}
}

func TestImportLeavesNoPartialFolder(t *testing.T) {
	path := tiny(false, all(typeQ41)).write(t)
	parent := t.TempDir()
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped")
	cancel(stopped)
	if err := Import(ctx, path, filepath.Join(parent, "cancelled")); !errors.Is(err, stopped) {
		t.Errorf("cancelled: %v", err)
	}
	if entries, err := os.ReadDir(parent); len(entries) > 0 || err != nil {
		t.Errorf("left behind: %v, %v", entries, err)
	}

	taken := filepath.Join(parent, "taken")
	if err := os.Mkdir(taken, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(taken, "notes.txt"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Import(t.Context(), path, taken); err == nil || !strings.Contains(err.Error(), "exists and is not empty") {
		t.Errorf("into a folder with files: %v", err)
	}
	if got := contents(t, parent); !maps.Equal(got, map[string]string{"taken/notes.txt": "mine"}) {
		t.Errorf("now there are %v", slices.Sorted(maps.Keys(got)))
	}
	if err := Import(t.Context(), path, filepath.Join(taken, "notes.txt")); err == nil {
		t.Error("a file was accepted as a folder")
	}
	if err := Import(t.Context(), filepath.Join(parent, "none.gguf"), filepath.Join(parent, "model")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

func TestImportErrors(t *testing.T) {
	set := func(key string, value any) func(*sketch) {
		return func(s *sketch) { s.set(key, value) }
	}
	drop := func(name string) func(*sketch) {
		return func(s *sketch) {
			s.tensors = slices.DeleteFunc(s.tensors, func(t sketchTensor) bool { return t.name == name })
		}
	}
	add := func(t sketchTensor) func(*sketch) {
		return func(s *sketch) { s.tensors = append(s.tensors, t) }
	}
	retype := func(name string, kind tensorType) func(*sketch) {
		return func(s *sketch) { s.find(name).kind = kind }
	}
	tokens, types := tinyTokens()
	for _, c := range []struct {
		name   string
		change func(*sketch)
		want   string
	}{
		{"version", func(s *sketch) { s.version = 1 }, "GGUF version 1: only 2 and 3 are supported"},
		{"architecture", set("general.architecture", "qwen2"), `architecture "qwen2" is not supported: only llama is`},
		{"no architecture", set("general.architecture", nil), "metadata general.architecture is missing"},
		{"split", set("split.count", uint32(3)), "one of 3 parts of a split model"},
		{"rope scaling", set("llama.rope.scaling.type", "yarn"), `rope scaling "yarn" is not supported`},
		{"rope scaling by tensor", add(sketchTensor{"rope_freqs.weight", typeF32, []int64{8}, make([]byte, 32)}), "rope scaling by tensor rope_freqs.weight is not supported"},
		{"experts", set("llama.expert_count", uint32(8)), "a mixture of 8 experts is not supported"},
		{"unknown metadata", set("llama.attention.sliding_window", uint32(8)), "metadata llama.attention.sliding_window is not supported"},
		{"missing metadata", set("llama.context_length", nil), "metadata llama.context_length is missing"},
		{"metadata of another type", set("llama.context_length", "long"), "metadata llama.context_length is string, not int64"},
		{"too many layers", set("llama.block_count", uint32(1<<20)), "metadata llama.block_count is 1048576: only 1 to 1024 is supported"},
		{"no heads", set("llama.attention.head_count", uint32(0)), "metadata llama.attention.head_count is 0: only 1 to"},
		{"odd groups of heads", set("llama.attention.head_count_kv", uint32(3)), "4 attention heads cannot share 3 key-value heads"},
		{"partly rotated heads", set("llama.rope.dimension_count", uint32(8)), "attention heads of 16 keys, 16 values and 8 rotated dimensions are not supported"},
		{"narrow heads", func(s *sketch) {
			s.set("llama.attention.key_length", uint32(8))
			s.set("llama.attention.value_length", uint32(8))
		}, "attention heads of width 8 are not supported: it must be a multiple of 16"},
		{"epsilon", set("llama.attention.layer_norm_rms_epsilon", float32(0)), "metadata llama.attention.layer_norm_rms_epsilon is 0"},
		{"rope base", set("llama.rope.freq_base", float32(-1)), "metadata llama.rope.freq_base is -1"},
		{"tensor type", retype("blk.1.ffn_up.weight", 12), "tensor blk.1.ffn_up.weight has type Q4_K: only F32, F16, Q8_0, Q4_0 and Q4_1 are supported"},
		{"tensor type without a name", retype("output_norm.weight", 99), "tensor output_norm.weight has type number 99"},
		{"missing tensor", drop("blk.1.attn_v.weight"), "tensor blk.1.attn_v.weight is missing"},
		{"surplus tensor", add(sketchTensor{"blk.0.attn_q.bias", typeF32, []int64{64}, make([]byte, 256)}), "tensor blk.0.attn_q.bias is not part of a supported network"},
		{"misshapen tensor", func(s *sketch) { s.find("blk.0.attn_k.weight").dimensions = []int64{32, 64} }, "tensor blk.0.attn_k.weight has 64 rows of 32 in 2 dimensions, not 32 rows of 64"},
		{"quantised norm", func(s *sketch) {
			*s.find("output_norm.weight") = sketchTensor{"output_norm.weight", typeQ80, []int64{64}, make([]byte, 68)}
		}, "tensor output_norm.weight has type Q8_0: a norm must be F32 or F16"},
		{"tokenizer", set("tokenizer.ggml.model", "llama"), `tokenizer "llama" is not supported: only gpt2`},
		{"pre-tokenizer", set("tokenizer.ggml.pre", "llama-bpe"), `pre-tokenizer "llama-bpe" is not supported: only gpt-2 and smollm are`},
		{"no pre-tokenizer", set("tokenizer.ggml.pre", nil), "metadata tokenizer.ggml.pre is missing"},
		{"token types", set("tokenizer.ggml.token_type", types[1:]), "97 token types for 98 tokens"},
		{"a byte token", set("tokenizer.ggml.token_type", append(slices.Clone(types[1:]), 6)), `token 97, "th", has type 6`},
		{"a token twice", set("tokenizer.ggml.tokens", append(slices.Clone(tokens[1:]), "a")), `token 97, "a", is in the vocabulary twice`},
		{"a token that is not text", set("tokenizer.ggml.tokens", append(slices.Clone(tokens[1:]), "\xff")), "token 97 is not UTF-8"},
		{"a merge of nothing", set("tokenizer.ggml.merges", []string{"t h", "th e"}), `merge 1, "th e", does not merge two tokens into a token`},
		{"end token", set("tokenizer.ggml.eos_token_id", uint32(98)), "metadata tokenizer.ggml.eos_token_id is 98: there are 98 tokens"},
		{"chat template", set("tokenizer.chat_template", []string{"a"}), "metadata tokenizer.chat_template is []string, not string"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := tiny(false, all(typeQ41))
			c.change(s)
			parent := t.TempDir()
			err := Import(t.Context(), s.write(t), filepath.Join(parent, "model"))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
			if left := contents(t, parent); len(left) > 0 {
				t.Errorf("left behind: %v", slices.Sorted(maps.Keys(left)))
			}
		})
	}
}

func TestImportWritesSettings(t *testing.T) {
	s := tiny(true, all(typeF16))
	s.set("tokenizer.ggml.add_bos_token", true)
	s.set("tokenizer.ggml.eot_token_id", uint32(2))
	s.set("tokenizer.ggml.eom_token_id", uint32(1))
	s.set("tokenizer.ggml.padding_token_id", uint32(1))
	s.set("general.sampling.temp", float32(0.5))
	s.set("general.sampling.top_k", uint32(40))
	s.set("general.sampling.penalty_repeat", float32(1.25))
	dir := filepath.Join(t.TempDir(), "model")
	if err := Import(t.Context(), s.write(t), dir); err != nil {
		t.Fatal(err)
	}
	files := contents(t, dir)
	for name, want := range map[string]string{
		"config.json": `{"model_type":"llama","hidden_size":64,"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,"head_dim":16,` +
			`"intermediate_size":96,"vocab_size":98,"max_position_embeddings":64,"rms_norm_eps":0.000009999999747378752,"rope_theta":10000,` +
			`"tie_word_embeddings":false,"bos_token_id":0,"eos_token_id":1}`,
		"generation_config.json": `{"bos_token_id":0,"eos_token_id":[1,2],"pad_token_id":1,"temperature":0.5,"top_k":40,"repetition_penalty":1.25}`,
		"tokenizer_config.json": `{"tokenizer_class":"GPT2Tokenizer","bos_token":"<|start|>","eos_token":"<|end|>","pad_token":"<|end|>",` +
			`"add_bos_token":true,"add_eos_token":false,"model_max_length":64,"chat_template":"{{ messages[0].content }}"}`,
	} {
		if got := strings.TrimSpace(files[name]); got != want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, want)
		}
	}
	var tokenizer struct {
		Added []addedToken `json:"added_tokens"`
		Model struct {
			Vocabulary map[string]int `json:"vocab"`
			Merges     []string       `json:"merges"`
		} `json:"model"`
	}
	if err := json.Unmarshal([]byte(files["tokenizer.json"]), &tokenizer); err != nil {
		t.Fatal(err)
	}
	if got := tokenizer.Added; len(got) != 3 || got[2] != (addedToken{ID: 2, Content: "<|turn|>", Special: true}) {
		t.Errorf("added tokens %+v", got)
	}
	if got := tokenizer.Model; got.Vocabulary["<"] != 3+'<'-'!' || got.Vocabulary["th"] != 97 || !slices.Equal(got.Merges, []string{"t h"}) {
		t.Errorf("vocabulary %v, merges %v", got.Vocabulary, got.Merges)
	}
}

func TestOnlyARegularFileIsImported(t *testing.T) {
	parent := t.TempDir()
	pipe := filepath.Join(parent, "pipe.gguf")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{pipe: "is a named pipe", "/dev/zero": "is a device", parent: "is a directory"} {
		if err := Import(t.Context(), path, filepath.Join(parent, "model")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", path, err)
		}
	}
}
