package onnx_test

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"penstock/onnx"
	"penstock/onnx/onnxtest"
)

// The graph of types.onnx returns each input.
func TestRunEveryType(t *testing.T) {
	s := load(t, "types")
	one := []int64{3}
	inputs := []*onnx.Tensor{
		tensor[float32](t, one, -1.5, 0, math.MaxFloat32),
		tensor(t, one, onnx.ToFloat16(-1.5), 0, onnx.ToFloat16(65504)),
		tensor[int64](t, one, math.MinInt64, 0, math.MaxInt64),
		tensor[int32](t, one, math.MinInt32, 0, math.MaxInt32),
		tensor[int8](t, one, math.MinInt8, 0, math.MaxInt8),
		tensor[uint8](t, one, 0, 1, math.MaxUint8),
		tensor(t, one, true, false, true),
		tensor[float32](t, []int64{2}, 4, 5),
	}
	float16s := make([]onnx.Float16, 3)
	outputs := make([]*onnx.Tensor, len(inputs))
	if err := s.Run(t.Context(), inputs, outputs); err == nil || !strings.Contains(err.Error(), "output float16_out: float16 of shape [any] needs a tensor from the caller") {
		t.Errorf("float16 of unknown size: %v", err)
	}
	if !reflect.DeepEqual(outputs, make([]*onnx.Tensor, len(inputs))) {
		t.Errorf("a failed run left %v", outputs)
	}
	outputs[1] = tensor(t, one, float16s...)
	if err := s.Run(t.Context(), inputs, outputs); err != nil {
		t.Fatal(err)
	}
	same[float32](t, inputs[0], outputs[0])
	same[onnx.Float16](t, inputs[1], outputs[1])
	same[int64](t, inputs[2], outputs[2])
	same[int32](t, inputs[3], outputs[3])
	same[int8](t, inputs[4], outputs[4])
	same[uint8](t, inputs[5], outputs[5])
	same[bool](t, inputs[6], outputs[6])
	same[float32](t, inputs[7], outputs[7])
	for _, output := range outputs {
		output.Close()
	}
	if _, err := onnx.Data[int64](inputs[0]); err == nil || err.Error() != "tensor: holds float32, not int64" {
		t.Errorf("float32 read as int64: %v", err)
	}
}

func same[T onnx.Element](t *testing.T, want, got *onnx.Tensor) {
	t.Helper()
	if !reflect.DeepEqual(data[T](t, want), data[T](t, got)) || !reflect.DeepEqual(want.Shape(), got.Shape()) || want.Type() != got.Type() {
		t.Errorf("%s: %v of shape %v became %v of shape %v", want.Type(), data[T](t, want), want.Shape(), data[T](t, got), got.Shape())
	}
}

func TestRunScalars(t *testing.T) {
	s := load(t, "scalar")
	doubled := tensor[float32](t, nil, 0)
	outputs := []*onnx.Tensor{doubled, tensor[float32](t, []int64{2}, 0, 0)}
	if err := s.Run(t.Context(), []*onnx.Tensor{tensor[float32](t, nil, 3), tensor[float32](t, []int64{2}, 1, 2)}, outputs); err != nil {
		t.Fatal(err)
	}
	if got := data[float32](t, doubled); got[0] != 6 {
		t.Errorf("3 doubled is %v", got)
	}
	if got := data[float32](t, outputs[1]); !reflect.DeepEqual(got, []float32{3, 6}) {
		t.Errorf("got %v", got)
	}
}

// A decoder starts with keys and values of no tokens, and passes the present tensors of one run to
// the next as the past.
func TestOutputsAreInputsOfTheNextRun(t *testing.T) {
	s := load(t, "append")
	past := tensor[float32](t, []int64{1, 2, 0, 3})
	for n := range int64(3) {
		next := tensor(t, []int64{1, 2, 1, 3}, float32(n), 0, 0, -float32(n), 0, 0)
		written := make([]float32, 2*(n+1)*3)
		present := tensor(t, []int64{1, 2, n + 1, 3}, written...)
		if err := s.Run(t.Context(), []*onnx.Tensor{past, next}, []*onnx.Tensor{present}); err != nil {
			t.Fatal(err)
		}
		if got := data[float32](t, present); &got[0] == &written[0] && len(got) != len(written) {
			t.Fatal("not the memory of the caller")
		}
		past.Close()
		past = present
	}
	want := []float32{0, 0, 0, 1, 0, 0, 2, 0, 0, 0, 0, 0, -1, 0, 0, -2, 0, 0}
	if got := data[float32](t, past); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A tensor shares the memory it was made of.
func TestTensorsShareMemory(t *testing.T) {
	s := load(t, "append")
	in, out := make([]float32, 6), make([]float32, 6)
	inputs := []*onnx.Tensor{tensor[float32](t, []int64{1, 2, 0, 3}), tensor(t, []int64{1, 2, 1, 3}, in...)}
	outputs := []*onnx.Tensor{tensor(t, []int64{1, 2, 1, 3}, out...)}
	for _, i := range []float32{1, 2, 3} {
		in[0], in[5] = i, i*i
		if err := s.Run(t.Context(), inputs, outputs); err != nil {
			t.Fatal(err)
		}
		if out[0] != i || out[5] != i*i {
			t.Errorf("%v in, %v out", in, out)
		}
	}
}

func TestRunErrorsNameTheTensor(t *testing.T) {
	path := filepath.Join(onnxtest.Root(t), "models", "clip-tiny", "onnx", "vision_model.onnx")
	s, err := onnxtest.Open(t).LoadFile(path, onnx.SessionOptions{Name: "clip"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	picture := tensor(t, []int64{1, 3, 32, 32}, make([]float32, 3*32*32)...)
	closed := tensor(t, []int64{1, 3, 32, 32}, make([]float32, 3*32*32)...)
	closed.Close()
	for _, c := range []struct {
		inputs, outputs []*onnx.Tensor
		want            string
	}{
		{[]*onnx.Tensor{tensor(t, []int64{1, 3, 32}, make([]float32, 3*32)...)}, nil, `model "clip" input pixel_values: shape [1 3 32] does not fit [any 3 32 32]`},
		{[]*onnx.Tensor{tensor(t, []int64{1, 3, 32, 31}, make([]float32, 3*32*31)...)}, nil, `model "clip" input pixel_values: shape [1 3 32 31] does not fit [any 3 32 32]`},
		{[]*onnx.Tensor{tensor(t, []int64{1, 3, 32, 32}, make([]uint8, 3*32*32)...)}, nil, `model "clip" input pixel_values: uint8 does not fit float32`},
		{[]*onnx.Tensor{nil}, nil, `model "clip" input pixel_values: the tensor is missing or closed`},
		{[]*onnx.Tensor{closed}, nil, `model "clip" input pixel_values: the tensor is missing or closed`},
		{nil, nil, `model "clip" run: takes 1 inputs and 1 outputs, not 0 and 1`},
		{[]*onnx.Tensor{picture}, []*onnx.Tensor{tensor(t, []int64{1, 127}, make([]float32, 127)...)}, `model "clip" output image_embeds: shape [1 127] does not fit [any 128]`},
		{[]*onnx.Tensor{picture}, []*onnx.Tensor{tensor(t, []int64{2, 128}, make([]float32, 256)...)}, `model "clip" run: `},
	} {
		if c.outputs == nil {
			c.outputs = make([]*onnx.Tensor, 1)
		}
		if err := s.Run(t.Context(), c.inputs, c.outputs); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

func TestNewTensorErrors(t *testing.T) {
	for _, c := range []struct {
		shape []int64
		data  int
		want  string
	}{
		{[]int64{2, 3}, 5, "tensor: shape [2 3] takes 6 elements, not 5"},
		{[]int64{2, 3}, 7, "tensor: shape [2 3] takes 6 elements, not 7"},
		{[]int64{0, 3}, 1, "tensor: shape [0 3] takes 0 elements, not 1"},
		{nil, 0, "tensor: shape [] takes 1 elements, not 0"},
		{[]int64{-1}, 1, "tensor: shape [-1] has a negative dimension"},
		{[]int64{1 << 32, 1 << 31, 0}, 0, "tensor: shape [4294967296 2147483648 0] is too large"},
	} {
		if _, err := onnx.NewTensor(c.shape, make([]float32, c.data)); err == nil || err.Error() != c.want {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

var errLeft = errors.New("the client has disconnected")

// The graph of count.onnx counts up to its input, which it never reaches in this test.
func TestRunEndsWithItsContext(t *testing.T) {
	s := load(t, "count")
	forever := []*onnx.Tensor{tensor[int64](t, []int64{1}, math.MaxInt64)}
	for range 20 {
		ctx, cancel := context.WithCancelCause(t.Context())
		var canceller sync.WaitGroup
		canceller.Go(func() { cancel(errLeft) })
		if err := s.Run(ctx, forever, make([]*onnx.Tensor, 1)); !errors.Is(err, errLeft) || !strings.HasPrefix(err.Error(), `model "count" run: `) {
			t.Errorf("got %v", err)
		}
		canceller.Wait()
	}

	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errLeft)
	if err := s.Run(ctx, forever, make([]*onnx.Tensor, 1)); !errors.Is(err, errLeft) {
		t.Errorf("a context that has ended: %v", err)
	}

	// Other runs are not affected.
	outputs := make([]*onnx.Tensor, 1)
	if err := s.Run(t.Context(), []*onnx.Tensor{tensor[int64](t, []int64{1}, 100)}, outputs); err != nil {
		t.Fatal(err)
	}
	if got := data[int64](t, outputs[0]); got[0] != 100 {
		t.Errorf("counted to %d", got[0])
	}
}

func TestRunsOverlap(t *testing.T) {
	s := load(t, "count")
	ctx, cancel := context.WithCancelCause(t.Context())
	endless := []*onnx.Tensor{tensor[int64](t, []int64{1}, math.MaxInt64)}
	var forever, short sync.WaitGroup
	for range 2 {
		forever.Go(func() {
			if err := s.Run(ctx, endless, make([]*onnx.Tensor, 1)); !errors.Is(err, errLeft) {
				t.Error(err)
			}
		})
	}
	var counts [8]int64
	for n := range counts { // these end while the others run
		inputs := []*onnx.Tensor{tensor(t, []int64{1}, int64(n))}
		outputs := []*onnx.Tensor{tensor(t, []int64{1}, counts[n:n+1]...)}
		short.Go(func() {
			if err := s.Run(t.Context(), inputs, outputs); err != nil {
				t.Error(err)
			}
		})
	}
	short.Wait()
	cancel(errLeft)
	forever.Wait()
	if counts != [8]int64{0, 1, 2, 3, 4, 5, 6, 7} {
		t.Errorf("counted to %v", counts)
	}
}

// BenchmarkRun measures the overhead of a run, with a graph that computes almost nothing.
func BenchmarkRun(b *testing.B) {
	s := load(b, "append")
	inputs := []*onnx.Tensor{tensor[float32](b, []int64{1, 2, 0, 3}), tensor(b, []int64{1, 2, 1, 3}, make([]float32, 6)...)}
	outputs := []*onnx.Tensor{tensor(b, []int64{1, 2, 1, 3}, make([]float32, 6)...)}
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Run(ctx, inputs, outputs); err != nil {
			b.Fatal(err)
		}
	}
}
