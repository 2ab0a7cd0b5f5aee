package onnx

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSharesScales(t *testing.T) {
	for name, want := range map[string]bool{
		"dynamic": true, "dynamic-matmul": true, "computed": true, "if": true, "function": true,
		"static": false, "static-computed": false, "static-if": false, "weights": false, "float": false,
	} {
		got, err := SharesScales(filepath.Join("testdata", "scales-"+name+".onnx"))
		if err != nil || got != want {
			t.Errorf("%s: got %t and %v", name, got, err)
		}
	}
}

// A graph's file is read without its weights, which may be larger than the reader's buffer.
func TestSharesScalesSkipsWeights(t *testing.T) {
	graph, err := os.ReadFile(filepath.Join("testdata", "scales-dynamic.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "large.onnx")
	documentation := append([]byte{6<<3 | 2, 0x80, 0x80, 0x40}, make([]byte, 1<<20)...) // doc_string, of 1 MiB
	if err := os.WriteFile(path, append(documentation, graph...), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := SharesScales(path); err != nil || !got {
		t.Errorf("got %t and %v", got, err)
	}
}

func TestAMalformedGraphFileIsAnError(t *testing.T) {
	graph, err := os.ReadFile(filepath.Join("testdata", "scales-if.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "cut.onnx")
	if err := os.WriteFile(path, graph[:len(graph)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := SharesScales(path); !errors.Is(err, errGraphFile) || !strings.Contains(err.Error(), "cut.onnx") {
		t.Errorf("got %v", err)
	}
	// A graph in an attribute of a node of a graph, and so on: deeper than any stack should grow.
	var nested []byte
	for range 300 {
		for _, tag := range []byte{6<<3 | 2, 5<<3 | 2, 1<<3 | 2} {
			nested = append(appendLength([]byte{tag}, len(nested)), nested...)
		}
	}
	nested = append(appendLength([]byte{7<<3 | 2}, len(nested)), nested...)
	if _, err := readModel(bytes.NewReader(nested), int64(len(nested))); !errors.Is(err, errGraphFile) {
		t.Errorf("a graph of 900 messages within each other: %v", err)
	}
}

func appendLength(b []byte, n int) []byte {
	for ; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}

func FuzzGraphFile(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.onnx"))
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		graphs, err := readModel(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		for _, g := range graphs {
			g.sharesScales(nil)
		}
	})
}
