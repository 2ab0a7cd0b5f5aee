package gguf

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// A file is a GGUF file whose header has been read. The format:
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
type file struct {
	data io.ReaderAt
	// metadata values are string, bool, int64, float64, or a slice of one of these, regardless of
	// their width in the file.
	metadata map[string]any
	tensors  map[string]tensor
}

// A tensor is rows of cols weights each, in row-major order. Vectors have one row.
type tensor struct {
	name       string
	kind       tensorType
	dimensions int
	rows, cols int64
	offset     int64 // of the first byte, from the start of the file
	size       int64 // in bytes; 0 if kind is not supported
}

const (
	magic = "GGUF"
	// Version 1 (with 32-bit lengths) and big-endian files are not supported.
	oldestVersion, newestVersion = 2, 3
	defaultAlignment             = 32

	// Bounds that no model exceeds. A file that does is damaged.
	maxEntries  = 1 << 16
	maxElements = 1 << 24
	maxString   = 1 << 24
)

// Types of metadata values.
const (
	typeUint8 = iota
	typeInt8
	typeUint16
	typeInt16
	typeUint32
	typeInt32
	typeFloat32
	typeBool
	typeString
	typeArray
	typeUint64
	typeInt64
	typeFloat64
)

// read reads the header of a file of size bytes. It trusts no length in the file: what it allocates
// grows with what it has actually read.
func read(data io.ReaderAt, size int64) (*file, error) {
	r := &reader{in: bufio.NewReaderSize(io.NewSectionReader(data, 0, size), 1<<16), left: size}
	f := &file{data: data, metadata: map[string]any{}, tensors: map[string]tensor{}}
	if string(r.bytes(4)) != magic && r.err == nil {
		return nil, fmt.Errorf("not a GGUF file")
	}
	if version := r.uint32(); r.err == nil && (version < oldestVersion || version > newestVersion) {
		return nil, fmt.Errorf("GGUF version %d: only %d and %d are supported", version, oldestVersion, newestVersion)
	}
	tensors, entries := r.count(maxEntries), r.count(maxEntries)
	for range entries {
		key := r.string()
		value := r.value(r.uint32())
		if r.err != nil {
			return nil, fmt.Errorf("GGUF metadata %q: %w", key, r.err)
		}
		if _, twice := f.metadata[key]; twice {
			return nil, fmt.Errorf("GGUF metadata %q: given twice", key)
		}
		f.metadata[key] = value
	}
	for range tensors {
		t := r.tensor()
		if r.err != nil {
			return nil, fmt.Errorf("GGUF tensor %q: %w", t.name, r.err)
		}
		if _, twice := f.tensors[t.name]; twice {
			return nil, fmt.Errorf("GGUF tensor %q: given twice", t.name)
		}
		f.tensors[t.name] = t
	}
	if r.err != nil {
		return nil, fmt.Errorf("GGUF header: %w", r.err)
	}
	return f, f.locate(size-r.left, size)
}

// locate converts the tensors' offsets, which are relative to the data after the header, to offsets
// from the start of the file, and checks that every tensor is within the file. header is the length
// of the header, size that of the file.
func (f *file) locate(header, size int64) error {
	alignment := int64(defaultAlignment)
	if value, given := f.metadata["general.alignment"]; given {
		n, ok := value.(int64)
		if !ok || n < 1 || n > 1<<16 {
			return fmt.Errorf("GGUF metadata general.alignment: %v is not an alignment", value)
		}
		alignment = n
	}
	start := (header + alignment - 1) / alignment * alignment
	for name, t := range f.tensors {
		if t.offset%alignment != 0 || t.offset > size-start || t.size > size-start-t.offset {
			return fmt.Errorf("GGUF tensor %q: %d bytes at %d are not in the file, which may be cut short", name, t.size, t.offset)
		}
		t.offset += start
		f.tensors[name] = t
	}
	return nil
}

// A reader reads the header's fields in order. After a failure err is set and it returns zeros.
type reader struct {
	in   *bufio.Reader
	left int64 // bytes that have not been read
	err  error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

// bytes returns the next n bytes. The caller has bounded n.
func (r *reader) bytes(n int64) []byte {
	if n > r.left {
		r.fail("the file is cut short or damaged: %d bytes should follow, and it has %d left", n, r.left)
	}
	if r.err != nil {
		return make([]byte, min(n, 8))
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r.in, b); err != nil {
		r.err = err
	}
	r.left -= n
	return b
}

func (r *reader) uint32() uint32 { return binary.LittleEndian.Uint32(r.bytes(4)) }

func (r *reader) uint64() uint64 { return binary.LittleEndian.Uint64(r.bytes(8)) }

// count reads a length of at most limit.
func (r *reader) count(limit int64) int64 {
	n := r.uint64()
	if n > uint64(limit) {
		r.fail("a length of %d", n)
		return 0
	}
	return int64(n)
}

func (r *reader) string() string {
	b := r.bytes(r.count(maxString))
	if r.err != nil {
		return ""
	}
	return string(b)
}

// value reads a metadata value, which may be an array. Arrays of arrays occur in no model.
func (r *reader) value(kind uint32) any {
	if kind != typeArray {
		return r.scalar(kind)
	}
	kind = r.uint32()
	element := r.scalarKind(kind)
	n := r.count(maxElements)
	switch element.(type) {
	case string:
		return array[string](r, kind, n)
	case bool:
		return array[bool](r, kind, n)
	case int64:
		return array[int64](r, kind, n)
	case float64:
		return array[float64](r, kind, n)
	}
	return nil
}

func array[T any](r *reader, kind uint32, n int64) []T {
	var values []T
	for range n {
		value, ok := r.scalar(kind).(T)
		if !ok || r.err != nil {
			return nil
		}
		values = append(values, value)
	}
	return values
}

// scalarKind returns a zero value of the Go type that scalar returns for kind.
func (r *reader) scalarKind(kind uint32) any {
	switch kind {
	case typeString:
		return ""
	case typeBool:
		return false
	case typeFloat32, typeFloat64:
		return 0.0
	case typeUint8, typeInt8, typeUint16, typeInt16, typeUint32, typeInt32, typeUint64, typeInt64:
		return int64(0)
	}
	r.fail("elements of type %d", kind)
	return nil
}

func (r *reader) scalar(kind uint32) any {
	switch kind {
	case typeUint8:
		return int64(r.bytes(1)[0])
	case typeInt8:
		return int64(int8(r.bytes(1)[0]))
	case typeUint16:
		return int64(binary.LittleEndian.Uint16(r.bytes(2)))
	case typeInt16:
		return int64(int16(binary.LittleEndian.Uint16(r.bytes(2))))
	case typeUint32:
		return int64(r.uint32())
	case typeInt32:
		return int64(int32(r.uint32()))
	case typeUint64:
		return r.count(math.MaxInt64)
	case typeInt64:
		return int64(r.uint64())
	case typeFloat32:
		return float64(math.Float32frombits(r.uint32()))
	case typeFloat64:
		return math.Float64frombits(r.uint64())
	case typeBool:
		return r.bytes(1)[0] != 0
	case typeString:
		return r.string()
	}
	r.fail("a value of type %d", kind)
	return nil
}

// tensor reads the description of a tensor. Its size is known only for supported types; others are
// refused before their data is read.
func (r *reader) tensor() tensor {
	t := tensor{name: r.string(), rows: 1, cols: 1}
	dimensions := r.uint32()
	if dimensions > 4 {
		r.fail("%d dimensions", dimensions)
		return t
	}
	t.dimensions = int(dimensions)
	elements := int64(1)
	for i := range t.dimensions {
		n := r.count(math.MaxInt32)
		if n == 0 {
			r.fail("an empty dimension")
			return t
		}
		if elements > math.MaxInt64/16/n { // 16: no element has more bytes
			r.fail("too many elements")
			return t
		}
		elements *= n
		if i == 0 {
			t.cols = n
		} else {
			t.rows *= n
		}
	}
	t.kind = tensorType(r.uint32())
	t.offset = r.count(math.MaxInt64)
	if block, ok := t.kind.block(); ok {
		if t.cols%block.weights != 0 {
			r.fail("rows of %d weights in blocks of %d", t.cols, block.weights)
		}
		t.size = elements / block.weights * block.bytes
	}
	return t
}
