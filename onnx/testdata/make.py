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
for name, text in graphs.items():
    model = onnx.parser.parse_model('<ir_version: 9, opset_import: ["" : 18]>\n' + text)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, name + ".onnx")
