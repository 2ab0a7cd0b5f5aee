package onnx

import (
	"maps"
	"slices"
)

// SharesScales reports whether the graph in a file quantises activations by a scale that it
// computes from all of a call's inputs, as dynamic quantisation does: then the result for one row
// of a batch depends on the other rows. A scale of each row or block, as in MatMulNBits, and one
// that the file holds are not such.
func SharesScales(path string) (bool, error) {
	graphs, err := readGraphs(path)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(graphs, func(g graphFile) bool { return g.sharesScales(nil) }), nil
}

// sharesScales takes the values of the graphs around g that are constant.
func (g graphFile) sharesScales(outer map[string]bool) bool {
	constants := maps.Clone(g.constants)
	maps.Copy(constants, outer)
	isConstant := func(name string) bool { return name == "" || constants[name] } // "": left out
	for _, n := range g.nodes {
		switch {
		case n.operator == "DynamicQuantizeLinear", n.operator == "DynamicQuantizeMatMul", n.operator == "DynamicQuantizeLSTM":
			if len(n.inputs) == 0 || !isConstant(n.inputs[0]) {
				return true
			}
		case n.operator == "QuantizeLinear" && len(n.inputs) > 1 && !isConstant(n.inputs[1]):
			return true
		}
		if slices.ContainsFunc(n.bodies, func(body graphFile) bool { return body.sharesScales(constants) }) {
			return true
		}
		// What is computed from constants only is one, unless it is random, which no scale is.
		if len(n.bodies) == 0 && !slices.ContainsFunc(n.inputs, func(name string) bool { return !isConstant(name) }) {
			for _, name := range n.outputs {
				constants[name] = true
			}
		}
	}
	return false
}
