"""Makes the archives beside it: a small model with random weights of each family, built by transformers (MobileCLIP by
open_clip), exported to ONNX as optimum does, and what the family's own processor and model make of photos and texts.

    python -m venv V && V/bin/pip install torch==2.15.0 transformers==5.24.0 onnx==1.23.2 onnxruntime==1.32.0 onnxscript==0.7.2 \
        timm==1.0.31 open_clip_torch==3.3.0 pillow==13.0.0
    V/bin/python make.py

The tokenizers are those of tokenizer/testdata/families.json.gz; the test puts them into the folders. Pictures are prepared by
the processors that use Pillow. NAME.tar.gz is a folder as it lies on the hub, NAME.json what is expected of it.
"""

import functools
import gzip
import hashlib
import io
import json
import math
import pathlib
import sys
import tarfile
import tempfile
import warnings

import numpy as np
import torch
import transformers
from PIL import Image

warnings.filterwarnings("ignore")
HERE = pathlib.Path(__file__).parent
PHOTOS = ["cat_chelsea.png", "coffee.jpg", "photographer_grey.jpg", "rocket.jpg"]
TEXTS = [
    "a photo of a cat", "A photo of 2 DOGS, running!", "Ein Foto einer Tür, ganz groß", "une tasse de café", "一只猫的照片", "猫の写真です",
    "고양이 사진", "фотография кошки", "صورة قطة", "कुत्ते की तस्वीर", "🚀 ﬁne ①②③ full-width ＡＢＣ", "a very long text " * 40,
]
TOKENIZERS = json.loads(gzip.decompress((HERE / "../../../tokenizer/testdata/families.json.gz").read_bytes()))
CHARSMAP = TOKENIZERS["charsmap"]


def tokenizer(name, folder, **more):
    """The fast tokenizer of transformers, as tokenizer.json has it."""
    text = json.dumps(TOKENIZERS["files"][name], ensure_ascii=False).replace('"CHARSMAP"', json.dumps(CHARSMAP))
    (folder / "tokenizer.json").write_text(text)
    return transformers.PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), **more)


def randomise(model, seed):
    """Weights that tell pictures and texts apart, of so few bits that they compress well."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.dim() > 1:
                p.copy_(torch.randn(p.shape, generator=generator) / math.sqrt(max(4, p.shape[-1] if p.dim() == 2 else p[0].numel())) * 2)
                p.copy_((p * 16).round() / 16)
            elif p.numel() > 1 and name.endswith("bias"):
                p.copy_((torch.randn(p.shape, generator=generator) * 3).round() / 16)
    return model.eval()


class Exported(torch.nn.Module):
    """A model that gives the outputs of a graph."""

    def __init__(self, run, model):
        super().__init__()
        self.run, self.model = run, model

    def forward(self, *inputs):
        return self.run(self.model, *inputs)


def export(folder, name, model, run, inputs, outputs, dynamic):
    (folder / "onnx").mkdir(exist_ok=True)
    torch.onnx.export(
        Exported(run, model).eval(), tuple(inputs.values()), str(folder / "onnx" / name), input_names=list(inputs), output_names=outputs,
        dynamic_axes=dynamic, opset_version=17, do_constant_folding=True, dynamo=False,
    )


AXES = {
    "input_ids": {0: "text_batch_size", 1: "sequence_length"}, "attention_mask": {0: "text_batch_size", 1: "sequence_length"},
    "token_type_ids": {0: "text_batch_size", 1: "sequence_length"},
    "pixel_values": {0: "image_batch_size"}, "logits_per_image": {0: "image_batch_size", 1: "text_batch_size"},
    "logits_per_text": {0: "text_batch_size", 1: "image_batch_size"}, "text_embeds": {0: "text_batch_size"},
    "image_embeds": {0: "image_batch_size"}, "last_hidden_state": {0: "batch_size", 1: "sequence_length"}, "pooler_output": {0: "batch_size"},
}
BOTH = ["logits_per_image", "logits_per_text", "text_embeds", "image_embeds"]


def both(folder, model, tokens, pixels):
    """model.onnx, with both towers and the logits."""
    def run(m, *values):
        out = m(**dict(zip(names, values)))
        return tuple(out[name] for name in BOTH)

    inputs = {"input_ids": tokens["input_ids"], "pixel_values": pixels, **{k: tokens[k] for k in ("attention_mask", "token_type_ids") if k in tokens}}
    names = list(inputs)
    export(folder, "model.onnx", model, run, inputs, BOTH, AXES)


def rounded(tensor):
    return [[float(f"{v:.7g}") for v in row] for row in tensor.tolist()]


def expect(name, folder, model, tokens, processor, activation, texts=TEXTS, forward=None, pixels_of=None):
    pictures = [Image.open(HERE / "../photos" / p) for p in PHOTOS]
    pixels = pixels_of(pictures) if pixels_of else processor(pictures, return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        out = forward(model, tokens, pixels) if forward else model(pixel_values=pixels, **tokens)
    logits = out["logits_per_image"]
    probabilities = torch.sigmoid(logits) if activation == "sigmoid" else logits.softmax(-1)
    ids = tokens["input_ids"]
    normal = lambda t: t / t.norm(dim=-1, keepdim=True)
    expected = {
        "texts": texts, "ids": [row.tolist() for row in ids], "activation": activation,
        "photos": {
            p: {"pixels": hashlib.sha256(np.ascontiguousarray(pixels[i].numpy()).astype("<f4").tobytes()).hexdigest(),
                "embedding": rounded(normal(out["image_embeds"]))[i], "logits": rounded(logits)[i], "probabilities": rounded(probabilities)[i]}
            for i, p in enumerate(PHOTOS)
        },
        "embeddings": rounded(normal(out["text_embeds"])),
    }
    if "attention_mask" in tokens:
        expected["lengths"] = tokens["attention_mask"].sum(-1).tolist()
    lines = json.dumps(expected, ensure_ascii=False).replace('], "', '],\n"').replace('}, "', '},\n"')
    (HERE / f"{name}.json").write_text(lines + "\n")
    (folder / "tokenizer.json").unlink()
    data = io.BytesIO()
    with gzip.GzipFile(fileobj=data, mode="wb", compresslevel=9, mtime=0) as z, tarfile.open(fileobj=z, mode="w") as tar:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                info = tarfile.TarInfo(str(path.relative_to(folder)))
                info.size = path.stat().st_size
                tar.addfile(info, path.open("rb"))
    (HERE / f"{name}.tar.gz").write_bytes(data.getvalue())
    spread = logits.std().item()
    print(name, len(data.getvalue()), "bytes; logits", logits.min().item(), "to", logits.max().item(), "spread", spread, flush=True)
    assert spread > 0.5, "these logits tell nothing apart"


SMALL = dict(hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2)
EYES = dict(**SMALL, image_size=32, patch_size=16)


def siglip(name, words, vocabulary, token_config, seed):
    """As google/siglip-base-patch16-224 and google/siglip2-base-patch16-224 lie on the hub: config.json gives what differs."""
    folder = pathlib.Path(tempfile.mkdtemp())
    config = transformers.SiglipConfig(text_config=dict(**SMALL, vocab_size=vocabulary, projection_size=16), vision_config=EYES)
    model = randomise(transformers.SiglipModel(config), seed)
    with torch.no_grad():
        model.logit_scale.fill_(math.log(9.5))
        model.logit_bias.fill_(-3.25)
    (folder / "config.json").write_text(json.dumps({
        "architectures": ["SiglipModel"], "initializer_factor": 1.0, "model_type": "siglip", "torch_dtype": "float32",
        "text_config": {**SMALL, "model_type": "siglip_text_model", "vocab_size": vocabulary, "projection_size": 16},
        "vision_config": {**EYES, "model_type": "siglip_vision_model"},
    }, indent=1))
    processor = transformers.SiglipImageProcessorPil(size={"height": 32, "width": 32})
    (folder / "preprocessor_config.json").write_text(json.dumps({
        "do_convert_rgb": None, "do_normalize": True, "do_rescale": True, "do_resize": True, "image_mean": [0.5, 0.5, 0.5],
        "image_processor_type": "SiglipImageProcessor", "image_std": [0.5, 0.5, 0.5], "processor_class": "SiglipProcessor",
        "resample": 3 if name == "siglip" else 2, "rescale_factor": 1 / 255, "size": {"height": 32, "width": 32},
    }, indent=1))
    if name != "siglip":
        processor.resample = 2
    (folder / "tokenizer_config.json").write_text(json.dumps(token_config, indent=1))
    t = tokenizer(words, folder, padding_side="right", **{k: token_config[k] for k in ("pad_token", "eos_token", "unk_token")})
    tokens = {"input_ids": t(TEXTS, padding="max_length", truncation=True, max_length=64, return_tensors="pt")["input_ids"]}
    pixels = torch.zeros(2, 3, 32, 32)
    both(folder, model, {"input_ids": tokens["input_ids"][:3]}, pixels)
    if name == "siglip":  # the two towers beside it, as transformers.js wants them
        hidden = ["last_hidden_state", "pooler_output"]
        export(folder, "vision_model.onnx", model.vision_model, lambda m, p: tuple(m(pixel_values=p)[k] for k in hidden), {"pixel_values": pixels},
               hidden, {**AXES, "pixel_values": {0: "batch_size"}})
        export(folder, "text_model.onnx", model.text_model, lambda m, i: tuple(m(input_ids=i)[k] for k in hidden), {"input_ids": tokens["input_ids"][:3]},
               hidden, {**AXES, "input_ids": {0: "batch_size", 1: "sequence_length"}})
    expect(name, folder, model, tokens, processor, "sigmoid")


def siglip1():
    siglip("siglip", "siglip", 2200, {
        "clean_up_tokenization_spaces": True, "do_lower_case": True, "eos_token": "</s>", "model_input_names": ["input_ids"], "model_max_length": 64,
        "pad_token": "</s>", "processor_class": "SiglipProcessor", "tokenizer_class": "SiglipTokenizer", "unk_token": "<unk>",
    }, 1)


def siglip2():
    siglip("siglip2", "gemma", 2600, {
        "add_bos_token": False, "add_eos_token": True, "bos_token": "<bos>", "clean_up_tokenization_spaces": False, "eos_token": "<eos>",
        "model_max_length": 1000000000000000019884624838656, "pad_token": "<pad>", "padding_side": "right", "processor_class": "SiglipProcessor",
        "tokenizer_class": "GemmaTokenizer", "unk_token": "<unk>",
    }, 2)


def softmax_family(name, words, model, config, token_config, longest, scale, names):
    """A CLIP with a BERT as its text tower: model.onnx alone, with an attention mask."""
    folder = pathlib.Path(tempfile.mkdtemp())
    with torch.no_grad():
        model.logit_scale.fill_(math.log(scale))
    (folder / "config.json").write_text(json.dumps(config, indent=1))
    kind = transformers.ChineseCLIPImageProcessorPil if name == "chinese-clip" else transformers.CLIPImageProcessorPil
    processor = kind(size={"shortest_edge": 36}, crop_size={"height": 32, "width": 32})
    normal = {"image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711]}
    settings = {
        "crop_size": {"height": 32, "width": 32}, "do_center_crop": True, "do_convert_rgb": True, "do_normalize": True, "do_rescale": True, "do_resize": True,
        "feature_extractor_type": "ChineseCLIPFeatureExtractor", "image_processor_type": "ChineseCLIPImageProcessor", **normal, "resample": 3,
        "rescale_factor": 1 / 255, "size": {"shortest_edge": 36},
    } if name == "chinese-clip" else {
        "crop_size": 32, "do_center_crop": True, "do_normalize": True, "do_resize": True, "feature_extractor_type": "CLIPFeatureExtractor", **normal,
        "resample": 3, "size": 36,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(settings, indent=1))
    (folder / "tokenizer_config.json").write_text(json.dumps(token_config, indent=1))
    pad = token_config["pad_token"]
    t = tokenizer(words, folder, model_input_names=list(names), pad_token=pad if isinstance(pad, str) else pad["content"])
    tokens = {k: v for k, v in t(TEXTS, padding=True, truncation=True, max_length=longest, return_tensors="pt").items()}
    both(folder, model, {k: v[:3] for k, v in tokens.items()}, torch.zeros(2, 3, 32, 32))
    expect(name, folder, model, tokens, processor, "softmax")


def chinese_clip():
    text = dict(**SMALL, vocab_size=2600, max_position_embeddings=512)
    model = transformers.ChineseCLIPModel(transformers.ChineseCLIPConfig(text_config=text, vision_config=EYES, projection_dim=16))
    softmax_family("chinese-clip", "bert", randomise(model, 3), {
        "architectures": ["ChineseCLIPModel"], "logit_scale_init_value": 2.6592, "model_type": "chinese_clip", "projection_dim": 16,
        "text_config": {**text, "model_type": "chinese_clip_text_model"}, "vision_config": {**EYES, "model_type": "chinese_clip_vision_model"},
    }, {
        "cls_token": "[CLS]", "do_lower_case": True, "mask_token": "[MASK]", "model_max_length": 512, "pad_token": "[PAD]", "sep_token": "[SEP]",
        "strip_accents": None, "tokenize_chinese_chars": True, "tokenizer_class": "BertTokenizer", "unk_token": "[UNK]",
    }, 52, 12.5, ("input_ids", "attention_mask", "token_type_ids"))


def altclip():
    text = dict(**SMALL, vocab_size=2202, max_position_embeddings=130, project_dim=16, pad_token_id=1, type_vocab_size=1)
    model = transformers.AltCLIPModel(transformers.AltCLIPConfig(text_config=text, vision_config=EYES, projection_dim=16))
    pad = {"__type": "AddedToken", "content": "<pad>", "lstrip": False, "normalized": True, "rstrip": False, "single_word": False}
    softmax_family("altclip", "xlmr", randomise(model, 4), {
        "architectures": ["AltCLIPModel"], "logit_scale_init_value": 2.6592, "model_type": "altclip", "projection_dim": 16,
        "text_config": {**text, "model_type": "altclip_text_model"}, "vision_config": {**EYES, "model_type": "altclip_vision_model"},
    }, {
        "bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "mask_token": "<mask>", "model_max_length": 512, "pad_token": pad, "sep_token": "</s>",
        "tokenizer_class": "XLMRobertaTokenizer", "unk_token": "<unk>",
    }, 128, 8, ("input_ids", "attention_mask"))


def mobileclip():
    """As open_clip builds MobileCLIP: a FastViT of timm, and a text tower that sees the padding."""
    import open_clip
    import timm.models.fastvit as fastvit
    from timm.models import register_model

    def fastvit_small(pretrained=False, **kwargs):
        position = functools.partial(fastvit.RepConditionalPosEnc, spatial_shape=(7, 7))
        args = dict(
            layers=(1, 1, 1, 1), embed_dims=(8, 8, 16, 32), mlp_ratios=(2, 2, 2, 2), se_downsamples=(False, False, True, True),
            pos_embs=(None, None, None, position), token_mixers=("repmixer", "repmixer", "repmixer", "attention"), lkc_use_act=True,
        )
        return fastvit.build_model_with_cfg(fastvit.FastVit, "fastvit_mci0", pretrained, feature_cfg=dict(out_indices=(0, 1, 2, 3)), **args, **kwargs)

    fastvit_small.__module__ = fastvit.__name__
    fastvit.__all__ = [*getattr(fastvit, "__all__", [])]
    register_model(fastvit_small)
    text = dict(context_length=77, vocab_size=49408, width=16, heads=2, layers=2, no_causal_mask=True)
    vision = dict(timm_model_name="fastvit_small", timm_model_pretrained=False, timm_pool="avg", timm_proj=None, timm_drop=0.0, timm_drop_path=0.0, image_size=64)
    model = randomise(open_clip.model.CustomTextCLIP(16, dict(vision), dict(text)), 5)
    with torch.no_grad():
        words = model.text.token_embedding.weight
        words.copy_(words[torch.arange(len(words)) % 251])
        model.logit_scale.fill_(math.log(100))
        generator = torch.Generator().manual_seed(6)
        for m in model.modules():
            if isinstance(m, torch.nn.BatchNorm2d):  # as if it were trained
                m.running_mean.copy_((torch.randn(m.running_mean.shape, generator=generator) * 2).round() / 16)
                m.running_var.fill_(1)
            for name, p in m.named_parameters(recurse=False):
                if name == "gamma":  # of its layers, which start near 0
                    p.fill_(0.5)
    folder = pathlib.Path(tempfile.mkdtemp())
    (folder / "open_clip_config.json").write_text(json.dumps({
        "model_cfg": {"embed_dim": 16, "vision_cfg": vision, "text_cfg": text, "custom_text": True},
        "preprocess_cfg": {"mean": [0.0, 0.0, 0.0], "std": [1.0, 1.0, 1.0], "interpolation": "bilinear", "resize_mode": "shortest"},
    }, indent=1))
    (folder / "config.json").write_text(json.dumps({"model_type": "clip", "logit_scale": 100, "text_config": {"max_position_embeddings": 77}}, indent=1))
    (folder / "preprocessor_config.json").write_text(json.dumps({
        "crop_size": {"height": 64, "width": 64}, "do_center_crop": True, "do_convert_rgb": True, "do_normalize": False, "do_rescale": True, "do_resize": True,
        "feature_extractor_type": "CLIPFeatureExtractor", "image_mean": [0.0, 0.0, 0.0], "image_processor_type": "CLIPFeatureExtractor", "image_std": [1.0, 1.0, 1.0],
        "resample": 2, "rescale_factor": 0.00392156862745098, "size": {"shortest_edge": 64},
    }, indent=1))
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 77, "pad_token": "<|endoftext|>", "tokenizer_class": "CLIPTokenizer"}, indent=1))
    (folder / "tokenizer.json").write_text("{}")
    transform = open_clip.transform.image_transform_v2(
        open_clip.transform.PreprocessCfg(size=64, mean=(0, 0, 0), std=(1, 1, 1), interpolation="bilinear", resize_mode="shortest"), is_train=False
    )
    texts = [text for text in TEXTS if "①" not in text]  # open_clip repairs such characters first
    tokens = {"input_ids": open_clip.tokenizer.SimpleTokenizer()(texts)}
    pixels = torch.zeros(2, 3, 64, 64)
    axes = {**AXES, "pixel_values": {0: "batch_size"}, "input_ids": {0: "batch_size", 1: "sequence_length"}}
    export(folder, "vision_model.onnx", model, lambda m, p: m.encode_image(p), {"pixel_values": pixels}, ["image_embeds"], axes)
    export(folder, "text_model.onnx", model, lambda m, i: m.encode_text(i), {"input_ids": tokens["input_ids"][:2]}, ["text_embeds"], axes)

    def forward(m, tokens, pixels):
        image, words = m.encode_image(pixels, normalize=True), m.encode_text(tokens["input_ids"], normalize=True)
        return {"image_embeds": image, "text_embeds": words, "logits_per_image": 100 * image @ words.T}

    expect("mobileclip", folder, model, tokens, None, "softmax", texts, forward, lambda pictures: torch.stack([transform(p) for p in pictures]))


FAMILIES = {"mobileclip": mobileclip, "siglip": siglip1, "siglip2": siglip2, "chinese-clip": chinese_clip, "altclip": altclip}


def main():
    for name in sys.argv[1:] or FAMILIES:
        FAMILIES[name]()


main()
