"""The bare loop of this benchmark: greedy decoding with ONNX Runtime's Python API and nothing else.

usage: loop.py MODEL_FOLDER THREADS      needs: pip install onnxruntime numpy
Reads lines {"prompt": [ids], "tokens": n} and prints for each {"ids": [...], "seconds": s}, where s
is the time of the n-1 runs after the prompt's.
"""
import json, os, sys, time
import numpy as np, onnxruntime as ort

folder, threads = sys.argv[1], int(sys.argv[2])
graph = next(p for p in (os.path.join(folder, n) for n in ("model.onnx", "onnx/model.onnx")) if os.path.exists(p))
options = ort.SessionOptions()
options.intra_op_num_threads = threads
session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
names = [i.name for i in session.get_inputs()]
caches = [i for i in session.get_inputs() if i.name.startswith("past")]
present = [o.name for o in session.get_outputs() if o.name != "logits"]
outputs = ["logits"] + [p.replace("past_key_values", "present") for p in (c.name for c in caches)]
assert sorted(outputs[1:]) == sorted(present)

for line in sys.stdin:
    request = json.loads(line)
    past = {c.name: np.zeros((1, c.shape[1], 0, c.shape[3]), np.float32) for c in caches}
    ids, total, completion, begun = request["prompt"], 0, [], 0.0
    for _ in range(request["tokens"]):
        feeds = {"input_ids": np.array([ids], np.int64), **past}
        if "attention_mask" in names:
            feeds["attention_mask"] = np.ones((1, total + len(ids)), np.int64)
        if "position_ids" in names:
            feeds["position_ids"] = np.arange(total, total + len(ids), dtype=np.int64)[None]
        result = session.run(outputs, feeds)
        total += len(ids)
        past = dict(zip((c.name for c in caches), result[1:]))
        ids = [int(result[0][0, -1].argmax())]
        completion += ids
        begun = begun or time.perf_counter()
    print(json.dumps({"ids": completion, "seconds": time.perf_counter() - begun}), flush=True)
