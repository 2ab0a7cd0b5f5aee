"""Makes families.json.gz: small tokenizers of the kinds that SigLIP, SigLIP 2, Chinese-CLIP and
AltCLIP have, trained on texts made by texts.py, and what Hugging Face's library makes of 1,000 texts.

    python -m venv V && V/bin/pip install tokenizers==0.23.3 transformers==5.24.0 sentencepiece protobuf
    V/bin/python families.py

The Unigram and BPE models are trained by sentencepiece (with its nmt_nfkc characters map) and
converted by transformers; WordPiece is trained by tokenizers.
"""

import copy
import gzip
import importlib
import io
import json
import pathlib
import tempfile
import types
import zlib

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import texts as maker

convert = importlib.import_module("transformers.convert_slow_tokenizer")
WORDS, CORPUS = maker.corpus()
TEXTS = maker.texts(WORDS)
FOLDER = pathlib.Path(tempfile.mkdtemp())


def sentencepiece_model(name, **options):
    prefix = FOLDER / name
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS), model_prefix=str(prefix), vocab_size=2200, num_threads=1, minloglevel=2, **options,
    )
    return str(prefix) + ".model"


def original(path, ids=None, **more):
    return types.SimpleNamespace(vocab_file=path, legacy=True, convert_tokens_to_ids=(ids or {}).get, **more)


def siglip(path):
    """As google/siglip's own: T5's converter, before it the text in lower case without punctuation."""
    t = convert.T5Converter(original(path, {"</s>": 1}, _extra_ids=0)).converted()
    t.normalizer = normalizers.Sequence([
        normalizers.Lowercase(),
        normalizers.Replace(Regex(r"""[!"\#\$%\&'\(\)\*\+,\-\.:;=\?@\[\\\]\^_`\{\|\}\~]"""), ""),
        normalizers.Replace(Regex(r"\s+"), " "),
        normalizers.Strip(),
        t.normalizer,
    ])
    return t


def xlmr(path):
    t = convert.XLMRobertaConverter(original(path, {"<s>": 0, "</s>": 2})).converted()
    t.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", AddedToken("<mask>", lstrip=True, normalized=False, special=True)])
    return t


def gemma(path):
    class Extractor(convert.GemmaSentencePieceExtractor):  # its own lacks this
        sp = sentencepiece.SentencePieceProcessor(model_file=path)

    class Converter(convert.GemmaConverter):
        SpmExtractor = Extractor

    t = Converter(original(path, pad_token="<pad>", eos_token="<eos>", bos_token="<bos>")).converted()
    t.add_special_tokens(["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"])
    t.add_tokens([AddedToken("▁▁", normalized=False), AddedToken("<image>", normalized=False)])
    t.normalizer = normalizers.Sequence([normalizers.Lowercase(), t.normalizer])
    bos, eos = ("<bos>", t.token_to_id("<bos>")), ("<eos>", t.token_to_id("<eos>"))
    t.post_processor = processors.TemplateProcessing(single=["<bos>", "$A", "<eos>"], special_tokens=[bos, eos])
    return t


def bert():
    t = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
    t.normalizer = normalizers.BertNormalizer()
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    t.train_from_iterator(CORPUS, trainers.WordPieceTrainer(vocab_size=2600, special_tokens=special, show_progress=False))
    t.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", t.token_to_id("[CLS]")), ("[SEP]", t.token_to_id("[SEP]"))]
    )
    t.decoder = decoders.WordPiece(prefix="##")
    return t


def dump(t):
    return json.loads(t.to_str())


def sequence(kind, *steps):
    return {"type": "Sequence", kind: list(steps)}


def metaspace(**more):
    return {"type": "Metaspace", "replacement": "▁", **more}


def split(behavior, invert=False, **pattern):
    return {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}


def variants(files):
    """Names, families and the parts of their files that are replaced."""
    space = {"type": "WhitespaceSplit"}
    yield "xlmr, old Metaspace without a prefix", "xlmr", {"pre_tokenizer": metaspace(add_prefix_space=False, prepend_scheme="never")}
    yield "xlmr, old Metaspace with a prefix", "xlmr", {"pre_tokenizer": metaspace(add_prefix_space=True, str_rep="▁")}
    for scheme in ("first", "never", "always"):
        for whole in (True, False):
            step = metaspace(prepend_scheme=scheme, split=whole)
            yield f"xlmr, {scheme}, split {whole}", "xlmr", {"pre_tokenizer": step, "decoder": step}
        yield f"xlmr, words, {scheme}", "xlmr", {"pre_tokenizer": sequence("pretokenizers", space, metaspace(prepend_scheme=scheme, split=True))}
    first = metaspace(prepend_scheme="first", split=True)
    for name, step in {
        "Nmt": {"type": "Nmt"}, "Strip": {"type": "Strip", "strip_left": True, "strip_right": False},
        "clean": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": False, "strip_accents": None, "lowercase": False},
        "StripAccents": sequence("normalizers", {"type": "NFD"}, {"type": "StripAccents"}),
        "Replace": {"type": "Replace", "pattern": {"Regex": r"[^\p{L}]"}, "content": ""},
        "Replace with a string": {"type": "Replace", "pattern": {"String": "a"}, "content": "b"},
        "Prepend": {"type": "Prepend", "prepend": "ab"}, "NFC": {"type": "NFC"}, "NFKD": {"type": "NFKD"},
        "NFKC": sequence("normalizers", {"type": "NFKC"}, {"type": "Lowercase"}),
    }.items():
        yield f"{name}, then first", "xlmr", {"normalizer": step, "pre_tokenizer": first}
    yield "unigram in bytes", "xlmr", {"model": {**files["xlmr"]["model"], "byte_fallback": True}}
    yield "unigram without a type", "xlmr", {"model": {k: v for k, v in files["xlmr"]["model"].items() if k != "type"}}
    bert = files["bert"]["normalizer"]
    yield "bert, cased", "bert", {"normalizer": {**bert, "lowercase": False}}
    yield "bert, cased, without accents", "bert", {"normalizer": {**bert, "lowercase": False, "strip_accents": True}}
    yield "bert, with accents", "bert", {"normalizer": {**bert, "strip_accents": False, "clean_text": False, "handle_chinese_chars": False}}
    yield "bert, short words", "bert", {"model": {**files["bert"]["model"], "max_input_chars_per_word": 4}}
    yield "bert, not tidied", "bert", {"decoder": {"type": "WordPiece", "prefix": "##", "cleanup": False}}
    yield "bert, no decoder", "bert", {"decoder": None, "normalizer": None}
    for name, step in {
        "Whitespace": {"type": "Whitespace"}, "WhitespaceSplit": space, "UnicodeScripts": {"type": "UnicodeScripts"},
        "digits": {"type": "Digits", "individual_digits": False}, "single digits": {"type": "Digits", "individual_digits": True},
        **{b: {"type": "Punctuation", "behavior": b} for b in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous")},
        **{f"regex {b} {i}": split(b, i, Regex=r"\s+|\d") for i in (False, True) for b in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous")},
        "string": split("Isolated", String="a"), "string, removed": split("Removed", String=" "), "string, inverted": split("Removed", True, String=" "),
        "an empty match": split("Isolated", Regex=r"(?=\d)|x*"),
        "sequence": sequence("pretokenizers", {"type": "UnicodeScripts"}, {"type": "Digits", "individual_digits": True}, {"type": "Punctuation", "behavior": "Isolated"}),
    }.items():
        yield f"pieces by {name}", "bert", {"pre_tokenizer": step}
        if name in ("UnicodeScripts", "an empty match", "MergedWithNext"):
            yield f"pieces by {name}, then first", "xlmr", {"pre_tokenizer": sequence("pretokenizers", step, first)}
    yield "gemma, ignoring merges", "gemma", {"model": {**files["gemma"]["model"], "ignore_merges": True}}
    plain = {**files["gemma"]["model"], "byte_fallback": False}
    yield "gemma, unknown, fused", "gemma", {"model": plain}
    yield "gemma, unknown, each", "gemma", {"model": {**plain, "fuse_unk": False}}
    yield "gemma, unknown, none", "gemma", {"model": {**plain, "unk_token": None}}
    llama = sequence("decoders", {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 2, "stop": 0})
    yield "gemma, Llama's steps", "gemma", {"decoder": llama, "normalizer": sequence("normalizers", {"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}), "pre_tokenizer": None}
    strip = sequence("decoders", {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Strip", "content": "a", "start": 1, "stop": 0})
    yield "gemma, strip in tokens", "gemma", {"decoder": strip}
    spm = sequence("normalizers", {"type": "Precompiled", "precompiled_charsmap": "CHARSMAP"}, {"type": "Replace", "pattern": {"Regex": r"\A +| +\z"}, "content": ""}, {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}, {"type": "Replace", "pattern": {"Regex": r"\A▁"}, "content": "▁▁"})
    yield "sentencepiece's steps", "xlmr", {"normalizer": spm, "pre_tokenizer": sequence("pretokenizers", metaspace(prepend_scheme="always", split=False))}
    yield "roberta", "xlmr", {"post_processor": sequence("processors", {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0], "trim_offsets": True, "add_prefix_space": False})}
    yield "bert processing", "bert", {"post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}}
    right = {"direction": "Right", "max_length": 16, "strategy": "LongestFirst", "stride": 0}
    pad = {"strategy": {"Fixed": 16}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 1, "pad_type_id": 0, "pad_token": "<pad>"}
    yield "limits, right", "xlmr", {"truncation": right, "padding": pad}
    yield "limits, left", "gemma", {"truncation": {**right, "direction": "Left", "stride": 2}, "padding": {**pad, "direction": "Left", "pad_id": 0}}
    yield "limits, multiple", "bert", {"truncation": {**right, "max_length": 21, "strategy": "OnlyFirst"}, "padding": {**pad, "strategy": "BatchLongest", "pad_to_multiple_of": 8, "pad_id": 0}}


def checksum(data):
    """16 bits are enough: a fault of a tokenizer shows in more than one text."""
    return zlib.crc32(data) & 0xFFFF


def vectors(file, charsmap, whole, decode):
    text = json.dumps(file, ensure_ascii=False).replace('"CHARSMAP"', json.dumps(charsmap))
    t = Tokenizer.from_str(text)
    ids = [t.encode(x).ids for x in TEXTS]
    out = {"ids": ids} if whole else {"sums": [checksum(",".join(map(str, i)).encode()) for i in ids]}
    if whole or decode:
        out["decoded"] = [checksum(t.decode(i, skip_special_tokens=False).encode()) for i in ids]
        out["plain"] = [checksum(t.decode(i, skip_special_tokens=True).encode()) for i in ids]
    return out


def characters(charsmap):
    """Sums of what single steps make of every character, 4,096 at a time."""
    bert = {"type": "BertNormalizer", "clean_text": False, "handle_chinese_chars": False, "strip_accents": False, "lowercase": False}
    steps = [
        *({"type": name} for name in ("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt")),
        {"type": "Precompiled", "precompiled_charsmap": "CHARSMAP"},
        *({**bert, name: True} for name in ("clean_text", "handle_chinese_chars", "strip_accents")),
        {"type": "Punctuation", "behavior": "Isolated"}, {"type": "Digits", "individual_digits": False},
        {"type": "Whitespace"}, {"type": "WhitespaceSplit"}, {"type": "UnicodeScripts"},
    ]
    out = []
    for step in steps:
        section = "normalizer" if hasattr(normalizers, step["type"]) else "pre_tokenizer"
        empty = json.loads(Tokenizer(models.BPE()).to_str())
        t = Tokenizer.from_str(json.dumps({**empty, section: step}).replace('"CHARSMAP"', json.dumps(charsmap)))
        sums = []
        for block in range(0, 0x110000, 0x1000):
            parts = []
            for c in range(block, block + 0x1000):
                if 0xD800 <= c < 0xE000:
                    continue
                if section == "normalizer":
                    parts.append(t.normalizer.normalize_str(chr(c)))
                else:
                    parts += [piece for piece, _ in t.pre_tokenizer.pre_tokenize_str(f"a{chr(c)}a")]
            sums.append(checksum("|".join(parts).encode()))
        out.append({"section": section, "step": step, "sums": sums})
    return out


def main():
    unigram = dict(model_type="unigram", character_coverage=0.9995)
    made = {
        "siglip": siglip(sentencepiece_model("t5", **unigram, pad_id=0, eos_id=1, unk_id=2, bos_id=-1)),
        "xlmr": xlmr(sentencepiece_model("xlmr", **unigram)),
        "gemma": gemma(sentencepiece_model(
            "gemma", model_type="bpe", byte_fallback=True, split_digits=True, character_coverage=0.99, normalization_rule_name="identity",
            pad_id=0, eos_id=1, bos_id=2, unk_id=3, add_dummy_prefix=False, remove_extra_whitespaces=False,
        )),
        "bert": bert(),
    }
    files = {name: dump(t) for name, t in made.items()}
    charsmap = files["xlmr"]["normalizer"]["normalizers"][0]["precompiled_charsmap"]
    files = json.loads(json.dumps(files).replace(json.dumps(charsmap), '"CHARSMAP"'))
    cases = [{"name": name, "family": name, "parts": {}, **vectors(file, charsmap, True, True)} for name, file in files.items()]
    for name, family, parts in variants(files):
        file = copy.deepcopy(files[family])
        file.update(parts)
        if parts.get("model", {}):  # too large to be kept: only what differs
            parts = {**parts, "model": {k: v for k, v in parts["model"].items() if k not in ("vocab", "merges")}}
        cases.append({"name": name, "family": family, "parts": parts, **vectors(file, charsmap, False, "decoder" in parts)})
    data = json.dumps({"texts": TEXTS, "charsmap": charsmap, "files": files, "cases": cases, "characters": characters(charsmap)}, ensure_ascii=False, separators=(",", ":"))
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=9, mtime=0) as z:
        z.write(data.encode())
    pathlib.Path(__file__).with_name("families.json.gz").write_bytes(out.getvalue())
    print(len(cases), "cases,", len(out.getvalue()), "bytes")


main()
