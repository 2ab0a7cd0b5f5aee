"""Makes a CLIP of ViT-B/32's size with random weights, in every form that transformers.js names, for bench/clip -with.
The folder takes 1.8 GB and belongs outside the repository. Needs: pip install torch==2.15.0 transformers==5.24.0
onnx==1.23.2 onnxruntime==1.32.0 onnxscript==0.7.2. Run it in the repository's root:

python bench/clip/make.py /tmp/vit-b-32
"""
import json
import os
import shutil
import sys

import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.matmul_bnb4_quantizer import MatMulBnb4Quantizer
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
from onnxruntime.transformers.float16 import convert_float_to_float16
from transformers import CLIPConfig, CLIPModel

TINY = "models/clip-tiny"  # lends its tokenizer, whose ids are few: a text's cost does not depend on them
folder = sys.argv[1]
os.makedirs(f"{folder}/onnx", exist_ok=True)

torch.manual_seed(13)
config = CLIPConfig()  # of ViT-B/32
config._attn_implementation = "eager"
model = CLIPModel(config).eval()
with torch.no_grad():  # at first all biases are 0 and all norms 1, which no trained model's are
    for name, p in model.named_parameters():
        if p.ndim == 1:
            p.add_(0.1 * torch.randn_like(p))


class Vision(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.tower, self.projection = model.vision_model, model.visual_projection

    def forward(self, pixel_values):
        return self.projection(self.tower(pixel_values=pixel_values).pooler_output)


class Text(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.tower, self.projection = model.text_model, model.text_projection

    def forward(self, input_ids):
        return self.projection(self.tower(input_ids=input_ids).pooler_output)


def export(module, example, name, given, taken, dynamic):
    path = f"{folder}/onnx/{name}.onnx"
    torch.onnx.export(module.eval(), (example,), path, input_names=[given], output_names=[taken], dynamic_axes={given: dynamic, taken: {0: "n"}},
                      opset_version=17, dynamo=False)
    return path


def forms(path):
    def to(suffix):
        return path.replace(".onnx", f"_{suffix}.onnx")

    types = ["MatMul", "Gather"]  # the runtime's integer Conv takes uint8 weights only
    quantize_dynamic(path, to("int8"), weight_type=QuantType.QInt8, op_types_to_quantize=types, extra_options={"MatMulConstBOnly": True})
    quantize_dynamic(path, to("uint8"), weight_type=QuantType.QUInt8, op_types_to_quantize=types, extra_options={"MatMulConstBOnly": True})
    # transformers.js's q8 is one of the two: uint8 where the graph has a Conv, else int8.
    shutil.copy(to("uint8") if "vision" in path else to("int8"), to("quantized"))
    halves = convert_float_to_float16(onnx.load(path), keep_io_types=True)
    onnx.save(halves, to("fp16"))
    four = MatMulNBitsQuantizer(onnx.load(path), block_size=32, is_symmetric=True, accuracy_level=None)
    four.process()
    four.model.save_model_to_file(to("q4"), False)
    onnx.save(convert_float_to_float16(onnx.load(to("q4")), keep_io_types=True), to("q4f16"))
    bnb = MatMulBnb4Quantizer(onnx.load(path), quant_type=1, block_size=64)
    bnb.process()
    bnb.model.save_model_to_file(to("bnb4"), False)


with torch.no_grad():
    ids = torch.randint(1, 500, (2, 7))
    vision = export(Vision(), torch.randn(2, 3, 224, 224), "vision_model", "pixel_values", "image_embeds", {0: "n"})
    text = export(Text(), ids, "text_model", "input_ids", "text_embeds", {0: "n", 1: "length"})
for path in (vision, text):
    forms(path)
for name in ("tokenizer.json", "preprocessor_config.json"):
    shutil.copy(f"{TINY}/{name}", folder)
recipe = json.load(open(f"{folder}/preprocessor_config.json"))
recipe.update(size={"shortest_edge": 224}, crop_size={"height": 224, "width": 224})
json.dump(recipe, open(f"{folder}/preprocessor_config.json", "w"))
json.dump({"model_type": "clip", "logit_scale": 100.0, "text_config": {"max_position_embeddings": 77}}, open(f"{folder}/config.json", "w"))
