package clip

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"penstock/clip/internal/limit"
	"penstock/dialect"
	"penstock/engine"
)

// expectation is what a family's own processor and model make of photos and texts, in Python.
type expectation struct {
	Texts      []string    `json:"texts"`
	IDs        [][]int64   `json:"ids"`     // with their padding
	Lengths    []int       `json:"lengths"` // without, of families that have an attention mask
	Activation string      `json:"activation"`
	Embeddings [][]float64 `json:"embeddings"` // of the texts
	Photos     map[string]struct {
		Pixels        string    `json:"pixels"` // the SHA-256 of the tensor
		Embedding     []float64 `json:"embedding"`
		Logits        []float64 `json:"logits"`
		Probabilities []float64 `json:"probabilities"`
	} `json:"photos"`
}

// families are the models in testdata/families, with the tokenizer of each in package tokenizer;
// "": that of clip-tiny.
var families = map[string]string{"siglip": "siglip", "siglip2": "gemma", "chinese-clip": "bert", "altclip": "xlmr", "mobileclip": ""}

// familyTokenizers are the tokenizer.json of the families, by name.
var familyTokenizers = sync.OnceValues(func() (map[string][]byte, error) {
	data, err := readGzip("../tokenizer/testdata/families.json.gz")
	if err != nil {
		return nil, err
	}
	var file struct {
		CharsMap string                     `json:"charsmap"`
		Files    map[string]json.RawMessage `json:"files"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, err
	}
	all := map[string][]byte{}
	for name, tokenizer := range file.Files {
		all[name] = bytes.ReplaceAll(tokenizer, []byte(`"CHARSMAP"`), fmt.Appendf(nil, "%q", file.CharsMap))
	}
	return all, nil
})

func readGzip(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// familyFolder unpacks a model of testdata/families, without some files.
func familyFolder(t *testing.T, name string, without ...string) (Options, expectation) {
	t.Helper()
	o := tiny(t)
	o.Name, o.Path = name, filepath.Join(t.TempDir(), name)
	data, err := readGzip(filepath.Join("testdata", "families", name+".tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	for files := tar.NewReader(bytes.NewReader(data)); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(files)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(without, header.Name) {
			writeFile(t, filepath.Join(o.Path, filepath.FromSlash(header.Name)), content)
		}
	}
	tokenizers, err := familyTokenizers()
	if err != nil {
		t.Fatal(err)
	}
	if tokenizer, ok := tokenizers[families[name]]; ok {
		writeFile(t, filepath.Join(o.Path, "tokenizer.json"), tokenizer)
	} else {
		link(t, filepath.Join(tiny(t).Path, "tokenizer.json"), filepath.Join(o.Path, "tokenizer.json"))
	}
	want := readJSON[expectation](t, filepath.Join("testdata", "families", name+".json"))
	o.Labels = want.Texts
	return o, want
}

// twoTowers are the graphs that may lie beside model.onnx.
var twoTowers = []string{"onnx/vision_model.onnx", "onnx/text_model.onnx"}

// Each family has its own software's tokens, pixels, vectors, logits and probabilities.
func TestFamiliesAgreeWithPython(t *testing.T) {
	for name := range families {
		t.Run(name, func(t *testing.T) {
			o, want := familyFolder(t, name)
			l := load(t, o)
			checkTokens(t, l.model, want)
			checkPixels(t, l.model, want)
			checkPredict(t, l, want)
			checkEmbed(t, l, want)
			checkRank(t, l, want)
		})
	}
}

// The same MobileCLIP is served from the files that open_clip has, without those of transformers.
func TestMobileCLIPInItsOwnLayout(t *testing.T) {
	o, want := familyFolder(t, "mobileclip", "config.json", preprocessorConfig)
	l := load(t, o)
	checkTokens(t, l.model, want)
	checkPixels(t, l.model, want)
	checkEmbed(t, l, want)
	checkPredict(t, l, want)
}

func checkTokens(t *testing.T, m *Model, want expectation) {
	t.Helper()
	var texts [][]int64
	for _, text := range want.Texts {
		ids, err := m.labels.tokens.encodeTruncated(text)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, ids)
	}
	ids, length := m.towers.pad(texts, false)
	masks, _ := m.towers.pad(texts, true)
	for i, text := range want.Texts {
		if got := ids[i*length : (i+1)*length]; !slices.Equal(got, want.IDs[i]) {
			t.Errorf("%q is\n%v, want\n%v", text, got, want.IDs[i])
		}
		ones := 0
		for _, one := range masks[i*length : (i+1)*length] {
			ones += int(one)
		}
		if want.Lengths != nil && ones != want.Lengths[i] {
			t.Errorf("the mask of %q has %d ones, not %d", text, ones, want.Lengths[i])
		}
	}
}

func checkPixels(t *testing.T, m *Model, want expectation) {
	t.Helper()
	height, width := m.processor.Size()
	for name, w := range want.Photos {
		rgb, tensor := make([]byte, 3*height*width), make([]float32, 3*height*width)
		if err := m.processor.Process(t.Context(), new(limit.Holder), photo(t, name), rgb); err != nil {
			t.Fatal(err)
		}
		m.processor.Normalise(rgb, tensor)
		var data []byte
		for _, v := range tensor {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
		}
		if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != w.Pixels {
			t.Errorf("%s: the pixels are not those of Python: %v", name, tensor[:6])
		}
	}
}

// wantNear compares numbers with those of Python. Two versions of the same graph differ that much.
func wantNear(t *testing.T, what string, got []float32, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, not %d", what, len(got), len(want))
	}
	for i := range want {
		if d := math.Abs(float64(got[i]) - want[i]); !(d <= tolerance) {
			t.Errorf("%s: number %d is %v, not %v", what, i, got[i], want[i])
		}
	}
}

func checkPredict(t *testing.T, l loaded, want expectation) {
	t.Helper()
	for name, w := range want.Photos {
		body, err := json.Marshal(map[string]string{"image": base64.StdEncoding.EncodeToString(photo(t, name))})
		if err != nil {
			t.Fatal(err)
		}
		out, err := l.bytes(t, engine.Input{MediaType: "application/json", Body: body})
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Probabilities, Logits [][]float32
			Activation            string
		}
		if err := json.Unmarshal(out.Body, &got); err != nil {
			t.Fatal(err)
		}
		wantNear(t, name+": logits", got.Logits[0], w.Logits, 2e-3)
		wantNear(t, name+": probabilities", got.Probabilities[0], w.Probabilities, 2e-4)
		if sigmoid := want.Activation == "sigmoid"; (got.Activation == "sigmoid") != sigmoid || strings.Contains(string(out.Body), "activation") != sigmoid {
			t.Errorf("the result has the activation %q, want %s", got.Activation, want.Activation)
		}
	}
}

func checkEmbed(t *testing.T, l loaded, want expectation) {
	t.Helper()
	embed := func(input any) []float32 {
		t.Helper()
		body, err := json.Marshal(map[string]any{"model": l.model.options.Name, "input": input})
		if err != nil {
			t.Fatal(err)
		}
		out, err := l.call(t, "embed", engine.Input{Body: body})
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Data []struct{ Embedding []float32 }
		}
		if err := json.Unmarshal(out.Body, &got); err != nil {
			t.Fatal(err)
		}
		return got.Data[0].Embedding
	}
	for i, text := range want.Texts[:len(want.Texts)-1] { // the last one is too long: it would be refused
		wantNear(t, text, embed(text), want.Embeddings[i], 1e-4)
	}
	for name, w := range want.Photos {
		picture := map[string]string{"image": base64.StdEncoding.EncodeToString(photo(t, name))}
		wantNear(t, name, embed([]any{picture}), w.Embedding, 1e-4)
	}
}

// checkRank ranks texts by a picture: in the order of the logits.
func checkRank(t *testing.T, l loaded, want expectation) {
	t.Helper()
	for name, w := range want.Photos {
		items := want.Texts[:len(want.Texts)-1]
		body, err := json.Marshal(map[string]any{
			"query": map[string]string{"image": base64.StdEncoding.EncodeToString(photo(t, name))}, "items": items,
		})
		if err != nil {
			t.Fatal(err)
		}
		model, err := l.engine.Model(l.model.options.Name)
		if err != nil {
			t.Fatal(err)
		}
		rank, _ := engine.PredictionOf[*dialect.RankCall, *dialect.Ranking](model, "rank")
		request, err := dialect.RankCodec{}.Decode(dialect.Input{Body: body})
		if err != nil {
			t.Fatal(err)
		}
		got, err := do(t.Context(), rank, request)
		if err != nil {
			t.Fatal(err)
		}
		best := 0
		for i := range items {
			if w.Logits[i] > w.Logits[best] {
				best = i
			}
		}
		if len(got.Results) != len(items) || got.Results[0].Index != best {
			t.Errorf("%s: %v, want %d first", name, got.Results, best)
		}
	}
}
