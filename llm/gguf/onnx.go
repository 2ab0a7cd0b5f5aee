package gguf

import (
	"encoding/binary"
	"math"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

// A message is a protobuf message that is written field by field. The part of ONNX's format that a
// decoder needs is small enough to do without generated types. The field numbers are those of
// onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
type message []byte

func (m *message) integer(field protowire.Number, n int64) {
	*m = protowire.AppendVarint(protowire.AppendTag(*m, field, protowire.VarintType), uint64(n))
}

func (m *message) float(field protowire.Number, f float32) {
	*m = protowire.AppendFixed32(protowire.AppendTag(*m, field, protowire.Fixed32Type), math.Float32bits(f))
}

func (m *message) bytes(field protowire.Number, b []byte) {
	*m = protowire.AppendBytes(protowire.AppendTag(*m, field, protowire.BytesType), b)
}

func (m *message) text(field protowire.Number, s string) { m.bytes(field, []byte(s)) }

// dataType is TensorProto.DataType.
type dataType int64

const (
	float32s dataType = 1
	uint8s   dataType = 2
	int32s   dataType = 6
	int64s   dataType = 7
)

// nodeProto returns a NodeProto. The domain is "" for ONNX's own operators.
func nodeProto(domain, op string, in, out []string, attributes []message) message {
	var m message
	for _, name := range in {
		m.text(1, name)
	}
	for _, name := range out {
		m.text(2, name)
	}
	m.text(3, out[0]) // a node is named after its first output
	m.text(4, op)
	for _, attribute := range attributes {
		m.bytes(5, attribute)
	}
	if domain != "" {
		m.text(7, domain)
	}
	return m
}

func integerAttribute(name string, n int64) message {
	var m message
	m.text(1, name)
	m.integer(3, n)
	m.integer(20, 2) // AttributeProto.INT
	return m
}

func floatAttribute(name string, f float64) message {
	var m message
	m.text(1, name)
	m.float(2, float32(f))
	m.integer(20, 1) // AttributeProto.FLOAT
	return m
}

// externalTensor returns a constant whose bytes are in the file location.
func externalTensor(name string, kind dataType, shape []int64, location string, offset, length int64) message {
	m := tensorProto(name, kind, shape)
	m.bytes(13, entryProto("location", location))
	m.bytes(13, entryProto("offset", strconv.FormatInt(offset, 10)))
	m.bytes(13, entryProto("length", strconv.FormatInt(length, 10)))
	m.integer(14, 1) // TensorProto.EXTERNAL
	return m
}

// integersTensor returns a constant vector.
func integersTensor(name string, values []int64) message {
	m := tensorProto(name, int64s, []int64{int64(len(values))})
	var raw []byte
	for _, n := range values {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(n))
	}
	m.bytes(9, raw)
	return m
}

// floatTensor returns a constant scalar.
func floatTensor(name string, f float32) message {
	m := tensorProto(name, float32s, nil)
	m.bytes(9, appendFloat(nil, f))
	return m
}

func tensorProto(name string, kind dataType, shape []int64) message {
	var m message
	for _, n := range shape {
		m.integer(1, n)
	}
	m.integer(2, int64(kind))
	m.text(8, name)
	return m
}

// A dimension is a fixed size, or the name of one that differs between runs.
type dimension struct {
	size int64
	name string
}

func fixed(size int64) dimension { return dimension{size: size} }

func free(name string) dimension { return dimension{name: name} }

// valueProto declares an input or output.
func valueProto(name string, kind dataType, shape ...dimension) message {
	var dimensions, tensor, typed, m message
	for _, d := range shape {
		var dim message
		if d.name != "" {
			dim.text(2, d.name)
		} else {
			dim.integer(1, d.size)
		}
		dimensions.bytes(1, dim)
	}
	tensor.integer(1, int64(kind))
	tensor.bytes(2, dimensions)
	typed.bytes(1, tensor)
	m.text(1, name)
	m.bytes(2, typed)
	return m
}

// entryProto returns a StringStringEntryProto.
func entryProto(key, value string) message {
	var m message
	m.text(1, key)
	m.text(2, value)
	return m
}

// modelProto returns the content of an ONNX file.
func modelProto(graph message, producer string) message {
	var standard, microsoft, m message
	standard.text(1, "")
	standard.integer(2, 18) // the version of ONNX's operator set
	microsoft.text(1, microsoftDomain)
	microsoft.integer(2, 1)
	m.integer(1, 9) // IR_VERSION_2023_5_5
	m.text(2, producer)
	m.bytes(7, graph)
	m.bytes(8, standard)
	m.bytes(8, microsoft)
	return m
}
