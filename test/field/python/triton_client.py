"""NVIDIA's tritonclient against a Penstock: python triton_client.py HOST:PORT MODEL

The model is a CLIP. Everything is as the client does it by default: tensors as bytes in both
directions. It prints OK, or ends with an exception.
"""

import sys

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

address, model = sys.argv[1:3]
client = triton.InferenceServerClient(address)

# What the server and its models are.
assert client.is_server_live() and client.is_server_ready()
assert client.is_model_ready(model) and client.is_model_ready(model, "1")
assert not client.is_model_ready(model, "2") and not client.is_model_ready("none")
server = client.get_server_metadata()
assert server["name"] == "penstock" and "binary_tensor_data" in server["extensions"], server
metadata = client.get_model_metadata(model)
assert metadata == client.get_model_metadata(model, "1") and metadata["versions"] == ["1"], metadata
config = client.get_model_config(model)
assert config["name"] == model and config["max_batch_size"] == 0, config
assert {i["name"]: i["data_type"] for i in config["input"]}["pixel_values"] == "TYPE_FP32", config
assert {"name": model, "version": "1", "state": "READY", "reason": ""} in client.get_model_repository_index()

size = next(i["shape"] for i in metadata["inputs"] if i["name"] == "pixel_values")[1:]
pixels = np.random.default_rng(1).standard_normal([2, *size], dtype=np.float32)
ids = np.array([[1, 2, 3], [1, 4, 3]], dtype=np.int64)


def infer(binary_in=True, binary_out=True, outputs=("logits_per_image", "image_embeds"), **options):
    inputs = [triton.InferInput("pixel_values", pixels.shape, "FP32"), triton.InferInput("input_ids", ids.shape, "INT64")]
    inputs[0].set_data_from_numpy(pixels, binary_data=binary_in)
    inputs[1].set_data_from_numpy(ids, binary_data=binary_in)
    wanted = outputs and [triton.InferRequestedOutput(name, binary_data=binary_out) for name in outputs]
    return client.infer(model, inputs, outputs=wanted, request_id="r1", **options)


# Inference, in every form that the client has for tensors and bodies.
first = infer()
logits, embeds = first.as_numpy("logits_per_image"), first.as_numpy("image_embeds")
assert logits.shape == (2, 2) and embeds.shape[0] == 2 and np.isfinite(logits).all()
assert first.get_response()["id"] == "r1" and first.get_response()["model_name"] == model
for options in (
    {"binary_in": False, "binary_out": False},
    {"binary_in": True, "binary_out": False},
    {"binary_in": False, "binary_out": True},
    {"model_version": "1"},
    {"outputs": None},
    {"request_compression_algorithm": "gzip"},
    {"request_compression_algorithm": "deflate"},
    {"request_compression_algorithm": "gzip", "binary_in": False},
    {"response_compression_algorithm": "gzip"},
):
    np.testing.assert_allclose(infer(**options).as_numpy("logits_per_image"), logits, rtol=1e-4, err_msg=str(options))
request = client.async_infer(model, [triton.InferInput("input_ids", ids.shape, "INT64").set_data_from_numpy(ids)])
assert request.get_result().as_numpy("text_embeds").shape[0] == 2


# What there is not is refused with a reason.
def refused(call, *parts):
    try:
        call()
    except InferenceServerException as e:
        assert all(part in e.message() for part in parts), e
        return
    raise AssertionError(f"not refused: {parts}")


refused(lambda: infer(model_version="2"), "has no version", "1")
refused(lambda: client.load_model(model), model, "cannot be loaded")
refused(lambda: client.unload_model(model), model, "cannot be unloaded")
refused(lambda: client.get_inference_statistics(model), "statistics", "/metrics")
refused(lambda: client.get_model_metadata("none"), "there is no model")
refused(lambda: infer(outputs=("none",)), "there is no output")
print("OK")
