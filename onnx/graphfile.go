package onnx

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"google.golang.org/protobuf/encoding/protowire"

	"penstock/regular"
)

// graphFile is what SharesScales needs of a graph, or of a function in the model's file.
type graphFile struct {
	nodes     []nodeFile
	constants map[string]bool // the names of initializers
}

// nodeFile is one operator's use.
type nodeFile struct {
	domain, operator string
	inputs, outputs  []string
	bodies           []graphFile // of If, Loop and Scan
}

// The numbers of the fields that are read, in the format's messages (onnx.proto).
const (
	modelGraph, modelFunctions                                     = 7, 25
	graphNode, graphInitializer, graphSparse                       = 1, 5, 15
	functionNode                                                   = 7
	nodeInput, nodeOutput, nodeOperator, nodeAttribute, nodeDomain = 1, 2, 4, 5, 7
	attributeGraph, attributeGraphs                                = 6, 11
	tensorName, sparseValues                                       = 8, 1
	maxName                                                        = 1 << 16 // bytes of a name
	maxDepth                                                       = 200     // messages within each other
)

var errGraphFile = errors.New("the graph's file is malformed")

// readGraphs reads the graph of the model in a file, and the functions beside it. Weights are
// skipped.
func readGraphs(path string) (graphs []graphFile, err error) {
	file, err := regular.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if graphs, err = readModel(file, info.Size()); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return graphs, nil
}

func readModel(file io.ReadSeeker, size int64) (graphs []graphFile, err error) {
	r := &fields{from: file, buffered: bufio.NewReaderSize(file, 64<<10)}
	return graphs, r.message(size, func(field protowire.Number, size int64) error {
		node := protowire.Number(graphNode)
		switch field {
		case modelGraph:
		case modelFunctions:
			node = functionNode
		default:
			return nil
		}
		g, err := r.graph(size, node)
		graphs = append(graphs, g)
		return err
	})
}

// fields reads a protobuf message from a file field by field, without holding it in memory.
type fields struct {
	from     io.ReadSeeker
	buffered *bufio.Reader
	offset   int64 // of what is read next
	depth    int
}

// message reads a message of that size. each is called for every field that is a message, a string
// or bytes, and reads as much of it as it wants.
func (r *fields) message(size int64, each func(field protowire.Number, size int64) error) error {
	if r.depth++; r.depth > maxDepth {
		return errGraphFile
	}
	defer func() { r.depth-- }()
	for end := r.offset + size; r.offset < end; {
		tag, err := r.varint()
		if err != nil {
			return err
		}
		next := r.offset
		field, kind := protowire.DecodeTag(tag)
		switch kind {
		case protowire.VarintType:
			_, err = r.varint()
			next = r.offset
		case protowire.Fixed32Type:
			next += 4
		case protowire.Fixed64Type:
			next += 8
		case protowire.BytesType:
			var length uint64
			if length, err = r.varint(); err == nil && length > uint64(max(0, end-r.offset)) {
				err = errGraphFile
			}
			if err == nil {
				next = r.offset + int64(length)
				err = each(field, int64(length))
			}
		default:
			err = errGraphFile
		}
		if err == nil && (next > end || next < r.offset) {
			err = errGraphFile
		}
		if err == nil {
			err = r.skipTo(next)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *fields) varint() (uint64, error) {
	before := r.offset
	n, err := binary.ReadUvarint(r)
	if err != nil || r.offset-before > binary.MaxVarintLen64 {
		return 0, errGraphFile
	}
	return n, nil
}

// ReadByte implements io.ByteReader.
func (r *fields) ReadByte() (byte, error) {
	b, err := r.buffered.ReadByte()
	if err == nil {
		r.offset++
	}
	return b, err
}

func (r *fields) skipTo(offset int64) error {
	n := offset - r.offset
	r.offset = offset
	if n <= int64(r.buffered.Buffered()) {
		_, err := r.buffered.Discard(int(n))
		return err
	}
	if _, err := r.from.Seek(offset, io.SeekStart); err != nil {
		return err
	}
	r.buffered.Reset(r.from)
	return nil
}

func (r *fields) text(size int64, to *string) error {
	if size > maxName {
		return errGraphFile
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(r.buffered, text); err != nil {
		return errGraphFile
	}
	r.offset += size
	*to = string(text)
	return nil
}

// graph reads a graph or a function, in which nodes are another field.
func (r *fields) graph(size int64, node protowire.Number) (g graphFile, err error) {
	g.constants = map[string]bool{}
	return g, r.message(size, func(field protowire.Number, size int64) error {
		switch {
		case field == node:
			n, err := r.node(size)
			g.nodes = append(g.nodes, n)
			return err
		case node != graphNode:
			return nil
		case field == graphInitializer:
			return r.initializer(size, g.constants)
		case field == graphSparse:
			return r.message(size, func(field protowire.Number, size int64) error {
				if field != sparseValues {
					return nil
				}
				return r.initializer(size, g.constants)
			})
		}
		return nil
	})
}

// initializer reads the name of a tensor.
func (r *fields) initializer(size int64, names map[string]bool) error {
	return r.message(size, func(field protowire.Number, size int64) error {
		var name string
		if field != tensorName {
			return nil
		}
		err := r.text(size, &name)
		names[name] = true
		return err
	})
}

func (r *fields) node(size int64) (n nodeFile, err error) {
	return n, r.message(size, func(field protowire.Number, size int64) error {
		var name string
		switch field { //nolint:exhaustive // the others are skipped
		case nodeInput:
			err := r.text(size, &name)
			n.inputs = append(n.inputs, name)
			return err
		case nodeOutput:
			err := r.text(size, &name)
			n.outputs = append(n.outputs, name)
			return err
		case nodeOperator:
			return r.text(size, &n.operator)
		case nodeDomain:
			return r.text(size, &n.domain)
		case nodeAttribute:
			return r.message(size, func(field protowire.Number, size int64) error {
				if field != attributeGraph && field != attributeGraphs {
					return nil
				}
				body, err := r.graph(size, graphNode)
				n.bodies = append(n.bodies, body)
				return err
			})
		}
		return nil
	})
}
