// Package local compares the speed of llm/local with that of a bare Python loop over the same graph
// (loop.py), in tokens per second after the prompt. The two run alternately, so that other load on
// the machine affects both:
//
//	PYTHON=python3 go test -run '^$' -bench . -benchtime 5x ./bench/local
//
// PYTHON needs onnxruntime and numpy.
package local

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"penstock/dialect"
	"penstock/engine"
	"penstock/llm/local"
	"penstock/onnx"
	"penstock/onnx/onnxtest"
	"penstock/tokenizer"
)

const text = `The old ferryman lived by the river where it bends toward the sea. Every morning he rowed the first children of the
village across to school, and every evening he brought them back. One autumn the water rose higher than anyone could
remember, and the path along the bank was gone. `

func BenchmarkAgainstPython(b *testing.B) {
	root := onnxtest.Root(b)
	model := filepath.Join(root, ".penstock", "models", "smollm2-135m-instruct")
	data, err := os.ReadFile(filepath.Join(model, "tokenizer.json"))
	if err != nil {
		b.Fatal("SmolLM2 is missing: run make setup")
	}
	t, err := tokenizer.Parse(data)
	if err != nil {
		b.Fatal(err)
	}
	goSpeed := penstock(b, model)
	pythonSpeed := python(b, model)
	for _, size := range []struct{ prompt, completion int }{{40, 128}, {1000, 64}} {
		b.Run(fmt.Sprintf("%d tokens after %d", size.completion, size.prompt), func(b *testing.B) {
			var prompt []int64
			for len(prompt) < size.prompt {
				tokens, err := t.Encode(text, tokenizer.EncodeOptions{})
				if err != nil {
					b.Fatal(err)
				}
				prompt = append(prompt, tokens...)
			}
			prompt = prompt[:size.prompt]
			var inGo, inPython []float64
			for b.Loop() {
				inGo = append(inGo, goSpeed(b, prompt, size.completion))
				inPython = append(inPython, pythonSpeed(b, prompt, size.completion))
			}
			slices.Sort(inGo)
			slices.Sort(inPython)
			ours, bare := inGo[len(inGo)/2], inPython[len(inPython)/2]
			b.ReportMetric(ours, "tokens/s")
			b.ReportMetric(bare, "Python-tokens/s")
			b.ReportMetric(ours/bare, "ratio")
		})
	}
}

// measure generates a completion of a prompt, and returns the tokens per second after the first
// one.
type measure func(b *testing.B, prompt []int64, tokens int) float64

// penstock measures the verb generate, through the engine.
func penstock(b *testing.B, model string) measure {
	onnxtest.Open(b)
	library := "libonnxruntime.so"
	if runtime.GOOS == "darwin" {
		library = "libonnxruntime.dylib"
	}
	e := engine.New(engine.Options{Gate: engine.GateConfig{Permits: 1}})
	m := local.New(local.Options{
		Name: "model", Path: model,
		ONNX: onnx.Options{Library: filepath.Join(onnxtest.Root(b), ".penstock", "onnxruntime", library)},
	}).Register(e)
	<-e.Load(context.Background())
	b.Cleanup(func() {
		if err := e.Close(); err != nil {
			b.Error(err)
		}
	})
	generate, _ := engine.GenerationOf[*dialect.Request, dialect.Delta](m, "generate")
	return func(b *testing.B, prompt []int64, tokens int) float64 {
		p := &dialect.Parameters{Prompt: &dialect.Prompt{Tokens: make([][]int, 1)}, MaxTokens: &tokens, Temperature: new(float64)}
		for _, id := range prompt {
			p.Prompt.Tokens[0] = append(p.Prompt.Tokens[0], int(id))
		}
		call, err := generate.Admit(engine.Caller{})
		if err != nil {
			b.Fatal(err)
		}
		defer call.Close()
		var begun time.Time
		r := dialect.NewRequest(dialect.Call{}, true, 1, func() (*dialect.Parameters, error) { return p, nil })
		end, err := generate.Run(context.Background(), call, r, func(deltas ...dialect.Delta) error {
			if deltas[0].Text != "" && begun.IsZero() {
				begun = time.Now()
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
		elapsed := time.Since(begun)
		if n := end.Usage().CompletionTokens; n != tokens {
			b.Fatalf("the model ended its completion after %d tokens", n)
		}
		return float64(tokens-1) / elapsed.Seconds()
	}
}

// python starts loop.py and measures it.
func python(b *testing.B, model string) measure {
	cmd := exec.Command(cmp.Or(os.Getenv("PYTHON"), "python3"), "loop.py", model, strconv.Itoa(runtime.GOMAXPROCS(0)))
	cmd.Stderr = os.Stderr
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close()
		cmd.Wait()
	})
	results := bufio.NewReader(out)
	return func(b *testing.B, prompt []int64, tokens int) float64 {
		if err := json.NewEncoder(in).Encode(map[string]any{"prompt": prompt, "tokens": tokens}); err != nil {
			b.Fatal(err)
		}
		line, err := results.ReadBytes('\n')
		if err != nil {
			b.Fatal("loop.py has exited: set PYTHON to one that has onnxruntime and numpy")
		}
		var result struct {
			Seconds float64 `json:"seconds"`
		}
		if err := json.Unmarshal(line, &result); err != nil {
			b.Fatal(err)
		}
		return float64(tokens-1) / result.Seconds
	}
}
