"""The same CLIP model served by Python: transformers' image processor, onnxruntime, FastAPI under uvicorn.
The labels' vectors are computed once; a photo is the body of POST /predict. bench/clip starts it, for
comparison.

MODEL=models/clip-tiny uvicorn --app-dir bench/clip --workers 2 --no-access-log server:app
"""
import io
import os

import numpy as np
import onnxruntime
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from PIL import Image
from transformers import CLIPImageProcessor, PreTrainedTokenizerFast

MODEL = os.environ["MODEL"]
LABELS = ["a photo of a cat", "a photo of a dog"]
SCALE = 11.3535  # clip-tiny's logit_scale


def tower(name):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # as many requests run concurrently as there are workers
    return onnxruntime.InferenceSession(f"{MODEL}/onnx/{name}_model.onnx", options)


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


processor = CLIPImageProcessor.from_pretrained(MODEL)
tokenizer = PreTrainedTokenizerFast(tokenizer_file=f"{MODEL}/tokenizer.json", pad_token="<|endoftext|>")
vision, text = tower("vision"), tower("text")
tokens = tokenizer(LABELS, padding=True, return_tensors="np")
wanted = {i.name for i in text.get_inputs()}
labels = unit(text.run(["text_embeds"], {k: v.astype(np.int64) for k, v in tokens.items() if k in wanted})[0])
app = FastAPI()


def predict_photo(body):
    picture = Image.open(io.BytesIO(body)).convert("RGB")
    pixels = processor(picture, return_tensors="np")["pixel_values"].astype(np.float32)
    image = unit(vision.run(["image_embeds"], {"pixel_values": pixels})[0])
    logits = SCALE * image @ labels.T
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return {"labels": LABELS, "probabilities": (weights / weights.sum(axis=-1, keepdims=True)).tolist(), "logits": logits.tolist()}


@app.post("/predict")
async def predict(request: Request):
    return await run_in_threadpool(predict_photo, await request.body())


@app.get("/readyz")
async def ready():
    return {"ready": True}
