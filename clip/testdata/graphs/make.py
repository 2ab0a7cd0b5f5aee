"""Makes the folders beside it: one and the same CLIP of a few hundred bytes, which sees four numbers in a picture of 8 by 8
and four in a text up to its end token, in the forms that exporters give graphs. Needs: pip install onnx==1.23.2
onnxruntime==1.32.0. Run it in this folder."""
import os

import numpy as np
import onnx
import onnx.parser
from onnxruntime.quantization import QuantType, quantize_dynamic

rng = np.random.default_rng(6)
EYES = rng.normal(size=(192, 4)).astype(np.float32) / 8
WORDS = rng.normal(size=(64, 4)).astype(np.float32)
SCALE = 17.0


def tensor(name, array, kind):
    return onnx.numpy_helper.from_array(array.astype(np.float16 if kind == "float16" else np.float32), name)


VISION = "flat = Reshape(pixel_values, flat_shape) image = MatMul(flat, eyes)"
# The words of a text are added up to its end, the largest id, or as far as its mask goes: that should be the same.
TEXT_UNMASKED = """ids = Cast<to = 7>(input_ids) row = Mod(ids, rows) words = Gather(table, row) sums = CumSum(words, one)
    end = ArgMax<axis = 1, keepdims = 1>(ids) text = GatherND<batch_dims = 1>(sums, end)"""
TEXT_MASKED = """ids = Cast<to = 7>(input_ids) row = Mod(ids, rows) words = Gather(table, row)
    mask = CastLike(attention_mask, table) masks = Unsqueeze(mask, two) seen = Mul(words, masks) text = ReduceSum<keepdims = 0>(seen, one_list)"""
BOTH = """image_length = ReduceL2<keepdims = 1>(image, one_list) image_embeds = Div(image, image_length)
    text_length = ReduceL2<keepdims = 1>(text, one_list) text_embeds = Div(text, text_length)
    turned = Transpose<perm = [1, 0]>(text_embeds) cosine = MatMul(image_embeds, turned) logits_per_image = Mul(cosine, scale)
    logits_per_text = Transpose<perm = [1, 0]>(logits_per_image)"""


def save(folder, name, inputs, outputs, body, kind):
    text = f'<ir_version: 9, opset_import: ["" : 18]> clip ({inputs}) => ({outputs}) <int64[2] flat_shape = {{-1, 192}}, ' \
        "int64 rows = {64}, int64 one = {1}, int64[1] one_list = {1}, int64[1] two = {2}> { " + body + " }"
    model = onnx.parser.parse_model(text)
    used = {name for node in model.graph.node for name in node.input}
    weights = [tensor("eyes", EYES, kind), tensor("table", WORDS, kind), tensor("scale", np.array(SCALE), kind)]
    kept = [w for w in [*model.graph.initializer, *weights] if w.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    onnx.checker.check_model(model, full_check=True)
    os.makedirs(folder, exist_ok=True)
    onnx.save(model, f"{folder}/{name}.onnx")


def two(folder, kind="float", ids="int64", pictures="n", texts="t", tokens="length", masked=False, suffix=""):
    mask = f", {ids}[{texts}, {tokens}] attention_mask" if masked else ""
    # A second output is there to be left alone: its size is known to nobody.
    save(folder, "vision_model" + suffix, f"{kind}[{pictures}, 3, 8, 8] pixel_values", f"{kind}[{pictures}, 4] image_embeds, {kind}[a, b, c] last_hidden_state",
         VISION + " image_embeds = Identity(image) last_hidden_state = Unsqueeze(flat, one_list)", kind)
    save(folder, "text_model" + suffix, f"{ids}[{texts}, {tokens}] input_ids{mask}", f"{kind}[{texts}, 4] text_embeds",
         (TEXT_MASKED if masked else TEXT_UNMASKED) + " text_embeds = Identity(text)", kind)


def joint(folder, kind="float", ids="int64", masked=True, suffix=""):
    mask = f", {ids}[t, length] attention_mask" if masked else ""
    save(folder, "model" + suffix, f"{ids}[t, length] input_ids, {kind}[n, 3, 8, 8] pixel_values{mask}",
         f"{kind}[n, t] logits_per_image, {kind}[t, n] logits_per_text, {kind}[t, 4] text_embeds, {kind}[n, 4] image_embeds",
         VISION + " " + (TEXT_MASKED if masked else TEXT_UNMASKED) + " " + BOTH, kind)


two("two")
two("two-masked", masked=True)
two("two-halves", kind="float16", suffix="_fp16")
two("two-fixed", ids="int32", pictures="2", texts="1", tokens="77")
joint("one")
joint("one-unmasked", masked=False)
joint("one-halves", kind="float16", suffix="_fp16")
os.makedirs("two-quantized", exist_ok=True)
for half in ("vision_model", "text_model"):
    quantize_dynamic(f"two/{half}.onnx", f"two-quantized/{half}_quantized.onnx", weight_type=QuantType.QUInt8, op_types_to_quantize=["MatMul", "Gather"])


def under(folder, name, inputs, outputs, body):
    save(folder, name, inputs, outputs, body, "float")


# What Immich exports of open_clip: one picture or text a call, texts of 77 tokens in int32, and one output.
under("immich", "visual", "float[1, 3, 8, 8] image", "float[1, 4] embedding", VISION.replace("pixel_values", "image") .replace("image = MatMul", "embedding = MatMul"))
under("immich", "textual", "int32[1, 77] text", "float[1, 4] embedding", TEXT_UNMASKED.replace("(input_ids)", "(text)").replace("text = GatherND", "embedding = GatherND"))
# Other names. What has no part in the result is used so that it is not optimised away.
POOLED = " pooler_output = Identity({0}) last_hidden_state = Unsqueeze({0}, one_list)"
under("names", "vision_features", "float[n, 3, 8, 8] images", "float[n, 4] image_features", VISION.replace("pixel_values", "images") + " image_features = Identity(image)")
# The positions are taken off again: 0 to length - 1 make what Range makes.
POSITIONS = """ shape = Shape(position_ids) last = Gather(shape, one) zero = Sub(one, one) numbers = Range(zero, last, one)
    wrong = Sub(position_ids, numbers) off = ReduceMax<keepdims = 0>(wrong) shift = CastLike(off, table) text_features = Add(text, shift)"""
under("names", "text_features", "int64[t, length] input_ids, int64[t, length] position_ids", "float[t, 4] text_features", TEXT_UNMASKED + POSITIONS)
under("names", "vision_pooler", "float[n, 3, 8, 8] input", "float[a, n, 4] last_hidden_state, float[n, 4] pooler_output", VISION.replace("pixel_values", "input") + POOLED.format("image"))
under("names", "text_pooler", "int64[t, length] tokens", "float[a, t, 4] last_hidden_state, float[t, 4] pooler_output", TEXT_UNMASKED.replace("input_ids", "tokens") + POOLED.format("text"))
under("names", "vision_any", "float[n, 3, 8, 8] x", "float[n, 4] y812", VISION.replace("pixel_values", "x").replace("image = MatMul", "y812 = MatMul"))
under("names", "text_any", "int64[t, length] y", "float[t, 4] z", TEXT_UNMASKED.replace("input_ids", "y").replace("text = GatherND", "z = GatherND"))
under("names", "vision_last", "float[n, 8, 8, 3] pixel_values", "float[n, 4] image_embeds", VISION + " image_embeds = Identity(image)")
under("names", "text_unknown", "int64[t, length] input_ids, float[t, 4] language", "float[t, 4] text_embeds", TEXT_UNMASKED + " text_embeds = Add(text, language)")
