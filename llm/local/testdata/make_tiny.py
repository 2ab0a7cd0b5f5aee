"""Makes the model folders tiny32/ and tiny16/: a language model of one attention layer and random weights, in the layout
of transformers.js, with what SmolLM2's folder lacks: position_ids, caches that each run makes longer, sizes that only
config.json gives; and in tiny16 half-precision caches and logits.

usage: make_tiny.py      needs: pip install numpy onnx
"""
import json, os
import numpy as np, onnx
from onnx import TensorProto as T, helper as H, numpy_helper as N

SPECIALS = ["<|user|>", "<|assistant|>", "<|end|>"]
V, D, HEADS, DIM, CONTEXT = 256 + len(SPECIALS), 16, 2, 8, 64

def byte_chars():  # GPT-2's characters for bytes
    plain = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    chars, n = {}, 0
    for b in range(256):
        chars[b] = chr(b) if b in plain else chr(256 + n)
        n += b not in plain
    return chars

def graph(half):
    rng = np.random.default_rng(7)
    kind = T.FLOAT16 if half else T.FLOAT
    init, nodes = [], []
    def C(name, a):
        init.append(N.from_array(np.asarray(a), name)); return name
    def W(name, *shape):
        return C(name, rng.normal(0, 1 / np.sqrt(shape[0]), shape).astype('f4'))
    def op(t, ins, out=None, **kw):
        out = out or f'{t}_{len(nodes)}'; nodes.append(H.make_node(t, ins, [out], name=f'n{len(nodes)}', **kw)); return out
    def heads(x):  # [1, seq, D] -> [1, HEADS, seq, DIM]
        return op('Transpose', [op('Reshape', [x, 'to_heads'])], perm=[0, 2, 1, 3])
    C('to_heads', np.array([1, -1, HEADS, DIM], 'i8')); C('to_rows', np.array([1, -1, D], 'i8'))
    C('scale', np.float32(DIM ** -0.5)); C('never', np.float32(-1e9)); C('zero', np.int64(0)); C('one', np.int64(1)); C('ax2', np.array([2], 'i8')); C('gain', np.float32(2))
    emb = C('emb', rng.normal(0, 1, (V, D)).astype('f4'))
    x = op('Add', [op('Gather', [emb, 'input_ids']), op('Gather', [C('pos', rng.normal(0, 1, (CONTEXT, D)).astype('f4')), 'position_ids'])])
    q = heads(op('MatMul', [x, W('wq', D, D)]))
    cast = (lambda y, to: op('Cast', [y], to=to)) if half else (lambda y, to: y)
    kv = []
    for name in ('key', 'value'):
        new = cast(heads(op('MatMul', [x, W('w' + name, D, D)])), kind)
        kv.append(cast(op('Concat', [f'past_key_values.0.{name}', new], f'present.0.{name}', axis=2), T.FLOAT))
    scores = op('Mul', [op('MatMul', [q, op('Transpose', [kv[0]], perm=[0, 1, 3, 2])]), 'scale'])
    total = op('Gather', [op('Shape', ['attention_mask']), 'one'])
    late = op('Greater', [op('Range', ['zero', total, 'one']), op('Unsqueeze', ['position_ids', 'ax2'])])  # [1, seq, total]
    scores = op('Where', [op('Unsqueeze', [late, C('ax1', np.array([1], 'i8'))]), 'never', scores])
    y = op('MatMul', [op('Softmax', [scores], axis=-1), kv[1]])
    y = op('Reshape', [op('Transpose', [y], perm=[0, 2, 1, 3]), 'to_rows'])
    x = op('Add', [x, op('MatMul', [y, W('wo', D, D)])])
    x = op('Add', [x, op('MatMul', [op('Tanh', [op('MatMul', [x, W('up', D, 4 * D)])]), W('down', 4 * D, D)])])
    logits = op('Mul', [op('MatMul', [x, op('Transpose', [emb], perm=[1, 0])]), 'gain'])
    op('Cast', [logits], 'logits', to=kind)
    info = lambda name, kind, *shape: H.make_tensor_value_info(name, kind, list(shape))
    cache = ('batch', 'heads', 'past', 'dim')
    ins = [info('input_ids', T.INT64, 'batch', 'seq'), info('attention_mask', T.INT64, 'batch', 'total'), info('position_ids', T.INT64, 'batch', 'seq')]
    ins += [info(f'past_key_values.0.{n}', kind, *cache) for n in ('key', 'value')]
    outs = [info('logits', kind, 'batch', 'seq', V)] + [info(f'present.0.{n}', kind, *cache) for n in ('key', 'value')]
    m = H.make_model(H.make_graph(nodes, 'tiny', ins, outs, init), opset_imports=[H.make_opsetid('', 18)]); m.ir_version = 9
    onnx.checker.check_model(m, full_check=True)
    return m

def write(folder, half):
    os.makedirs(folder + '/onnx', exist_ok=True)
    onnx.save(graph(half), folder + ('/onnx/model_fp16.onnx' if half else '/onnx/model.onnx'))
    def dump(name, value): json.dump(value, open(f'{folder}/{name}', 'w'), ensure_ascii=False, indent=1)
    vocab = {c: b for b, c in byte_chars().items()}
    added = [dict(id=256 + i, content=s, single_word=False, lstrip=False, rstrip=False, normalized=False, special=True) for i, s in enumerate(SPECIALS)]
    level = dict(type='ByteLevel', add_prefix_space=False, trim_offsets=True, use_regex=True)
    dump('tokenizer.json', dict(version='1.0', truncation=None, padding=None, added_tokens=added, normalizer=None, pre_tokenizer=level, post_processor=None, decoder=level,
         model=dict(type='BPE', dropout=None, unk_token=None, continuing_subword_prefix=None, end_of_word_suffix=None, fuse_unk=False, byte_fallback=False, vocab=vocab, merges=[])))
    template = "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system messages') }}{% endif %}{{ '<|' + m.role + '|>' + m.content + eos_token }}{% endfor %}<|assistant|>"
    dump('tokenizer_config.json', dict(bos_token=None, eos_token=dict(content='<|end|>'), chat_template=[dict(name='tool_use', template=''), dict(name='default', template=template)]))
    dump('config.json', dict(model_type='llama', hidden_size=D, num_hidden_layers=1, num_attention_heads=HEADS, vocab_size=V, max_position_embeddings=CONTEXT, eos_token_id=258))
    if half: dump('generation_config.json', dict(do_sample=True, temperature=0.5, top_k=3, eos_token_id=[257, 258]))

write('tiny32', False)
write('tiny16', True)
