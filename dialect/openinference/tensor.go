package openinference

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/go-json-experiment/json/jsontext"
)

// The datatypes of tensors, as the protocol names them.
const (
	FP32  = "FP32"
	INT64 = "INT64"
	INT32 = "INT32" // read into Ints, never written
)

// A Tensor is numbers, row by row, in a shape. One of Floats and Ints is set, unless the shape has
// a dimension of 0.
type Tensor struct {
	Name   string
	Shape  []int64
	Floats []float32
	Ints   []int64
}

// Datatype is FP32 or INT64.
func (t *Tensor) Datatype() string {
	if t.Floats != nil {
		return FP32
	}
	return INT64
}

// sizes are the bytes of one number.
var sizes = map[string]int{FP32: 4, INT64: 8, INT32: 4}

// count is how many numbers a shape holds.
func count(shape []int64) (int, error) {
	n := int64(1)
	for _, d := range shape {
		if d < 0 || d > math.MaxInt32 || n*d > math.MaxInt32 {
			return 0, fmt.Errorf("shape %v is none", shape)
		}
		n *= d
	}
	return int(n), nil
}

// setBytes reads the numbers from their bytes, the low ones first.
func (t *Tensor) setBytes(datatype string, raw []byte) {
	switch datatype {
	case FP32:
		t.Floats = make([]float32, len(raw)/4)
		for i := range t.Floats {
			t.Floats[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		}
	case INT32:
		t.Ints = make([]int64, len(raw)/4)
		for i := range t.Ints {
			t.Ints[i] = int64(int32(binary.LittleEndian.Uint32(raw[4*i:])))
		}
	default:
		t.Ints = make([]int64, len(raw)/8)
		for i := range t.Ints {
			t.Ints[i] = int64(binary.LittleEndian.Uint64(raw[8*i:]))
		}
	}
}

// appendBytes writes what setBytes reads.
func (t *Tensor) appendBytes(to []byte) []byte {
	for _, f := range t.Floats {
		to = binary.LittleEndian.AppendUint32(to, math.Float32bits(f))
	}
	for _, n := range t.Ints {
		to = binary.LittleEndian.AppendUint64(to, uint64(n))
	}
	return to
}

// freeInts is how many integers of 8 bytes a tensor may have as JSON, however short they are.
const freeInts = 64 << 10

// setJSON reads n numbers from a JSON array, which may be flat or nested like the tensor.
func (t *Tensor) setJSON(datatype string, n int, raw jsontext.Value) error {
	// No more memory than the text can fill, whatever the shape is.
	room := min(n, len(raw)/2+1)
	if most := freeInts + len(raw)/4; datatype != FP32 && room > most && n > most {
		return fmt.Errorf("data has more than %d numbers: send them as bytes", most)
	}
	if datatype == FP32 {
		t.Floats = make([]float32, 0, room)
	} else {
		t.Ints = make([]int64, 0, room)
	}
	d := jsontext.NewDecoder(bytes.NewBuffer(raw))
	read := 0
	for depth := 0; ; {
		token, err := d.ReadToken()
		if err != nil {
			return fmt.Errorf("data is missing")
		}
		switch token.Kind() {
		case '[':
			depth++
		case ']':
			depth--
		case '0':
			if read++; read > n {
				return fmt.Errorf("data has more numbers than the %d of its shape", n)
			}
			if err := t.add(datatype, token); err != nil {
				return err
			}
		default:
			return fmt.Errorf("data holds something other than numbers")
		}
		if depth == 0 {
			break
		}
	}
	if read != n {
		return fmt.Errorf("data has %d numbers, but its shape %d", read, n)
	}
	return nil
}

// add appends one number.
func (t *Tensor) add(datatype string, token jsontext.Token) error {
	f, _ := token.Float() // infinite where it is out of range, which is refused below
	if datatype == FP32 {
		if math.Abs(f) > math.MaxFloat32 {
			return fmt.Errorf("data holds a number that is too large for %s", FP32)
		}
		t.Floats = append(t.Floats, float32(f))
		return nil
	}
	if f != math.Trunc(f) || math.Abs(f) >= 1<<63 || datatype == INT32 && (f < math.MinInt32 || f > math.MaxInt32) {
		return fmt.Errorf("data holds a number that is no %s", datatype)
	}
	i, _ := token.Int() // its errors are of 1.0 and 1e3, which are integers here, and of what is refused above
	t.Ints = append(t.Ints, i)
	return nil
}
