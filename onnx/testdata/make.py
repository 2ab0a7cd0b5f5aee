#!/usr/bin/env python3
"""Makes the graphs beside it, which the tests run. Needs: pip install onnx==1.23.2"""
import onnx, onnx.parser

TYPES = ["float", "float16", "int64", "int32", "int8", "uint8", "bool"]

graphs = {
    # Every type of element, in and out; one output has a fixed shape.
    "types": "types (%s, float[2] fixed_in) => (%s, float[2] fixed_out) { %s fixed_out = Identity(fixed_in) }" % (
        ", ".join(f"{t}[n] {t}_in" for t in TYPES),
        ", ".join(f"{t}[n] {t}_out" for t in TYPES),
        " ".join(f"{t}_out = Identity({t}_in)" for t in TYPES)),
    # A scalar in and out.
    "scalar": "scalar (float factor, float[n] x) => (float doubled, float[n] y) { doubled = Add(factor, factor) y = Mul(x, factor) }",
    # What a decoder does with its keys and values.
    "append": "append (float[1, 2, past, 3] past, float[1, 2, n, 3] next) => (float[1, 2, present, 3] present) { present = Concat<axis = 2>(past, next) }",
    # Counts to `times`: a run that lasts as long as one likes.
    "count": """count (int64[1] times) => (int64[1] total)
        <int64 limit = {9223372036854775807}, int64[1] zero = {0}, int64[1] one = {1}> {
        more = Less(zero, times) shape = Constant<value_ints = [0]>() go = Squeeze(more, shape)
        total = Loop(limit, go, zero) <body = body (int64 i, bool before, int64[1] sum) => (bool after, int64[1] next) {
            next = Add(sum, one) left = Less(next, times) axis = Constant<value_ints = [0]>() after = Squeeze(left, axis) }> }""",
    "text": "text (string[n] words) => (string[n] same) { same = Identity(words) }",
}
# Graphs that quantise activations, and how: by a scale of all rows, or not.
Q = "(float[n, 4] x) => (%s) <float one = {0.5}, uint8 zero = {128}, float small = {0.007}, float[4, 4] weights = {1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16}> "
QUANTISED = {
    "dynamic": "g " + Q % "uint8[n, 4] y, float s, uint8 z" + "{ y, s, z = DynamicQuantizeLinear(x) }",
    "dynamic-matmul": "g " + Q % "float[n, 4] y" + "{ w, s, z = DynamicQuantizeLinear(weights) y = com.microsoft.DynamicQuantizeMatMul(x, w, s, z) }",
    "computed": "g " + Q % "uint8[n, 4] y" + "{ a = Abs(x) m = ReduceMax<keepdims = 0>(a) s = Mul(m, small) y = QuantizeLinear(x, s, zero) }",
    "if": "g " + Q % "uint8[n, 4] y" + """{ c = Constant<value = bool {1}>()
        y = If(c) <then_branch = t () => (uint8[n, 4] a) { a, s, z = DynamicQuantizeLinear(x) },
                   else_branch = e () => (uint8[n, 4] b) { b = QuantizeLinear(x, one, zero) }> }""",
    "static": "g " + Q % "uint8[n, 4] y" + "{ y = QuantizeLinear(x, one, zero) }",
    "static-computed": "g " + Q % "uint8[n, 4] y" + "{ c = Constant<value = float {2.0}>() s = Mul(c, one) y = QuantizeLinear(x, s, zero) }",
    "static-if": "g " + Q % "uint8[n, 4] y" + """{ c = Constant<value = bool {1}>()
        y = If(c) <then_branch = t () => (uint8[n, 4] a) { a = QuantizeLinear(x, one, zero) },
                   else_branch = e () => (uint8[n, 4] b) { b = QuantizeLinear(x, small, zero) }> }""",
    "weights": "g " + Q % "float[n, 4] y" + "{ w, s, z = DynamicQuantizeLinear(weights) d = DequantizeLinear(w, s, z) y = MatMul(x, d) }",
    "float": "g " + Q % "float[n, 4] y" + "{ y = MatMul(x, weights) }",
}
for name, text in QUANTISED.items():
    graphs["scales-" + name] = text
graphs["scales-function"] = """g (float[n, 4] x) => (uint8[n, 4] y) { y = own.Quantise(x) }
    <domain: "own", opset_import: ["" : 18]> Quantise (a) => (b) { b, s, z = DynamicQuantizeLinear(a) }"""
for name, text in graphs.items():
    more = ', "com.microsoft" : 1, "own" : 1' if name.startswith("scales-") else ""
    model = onnx.parser.parse_model(f'<ir_version: 9, opset_import: ["" : 18{more}]>\n' + text)
    onnx.checker.check_model(model, full_check="com.microsoft" not in text)
    onnx.save(model, name + ".onnx")
