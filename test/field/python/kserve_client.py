"""KServe's own client against a Penstock: python kserve_client.py HOST:PORT MODEL

The model is a CLIP. It prints OK, or ends with an exception.
"""

import asyncio
import sys

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput

address, model = sys.argv[1:3]
server = f"http://{address}"


async def main():
    client = InferenceRESTClient(RESTConfig(protocol="v2", timeout=60, retries=1))
    assert await client.is_server_live(server)
    assert await client.is_server_ready(server)
    assert await client.is_model_ready(server, model)

    ids = np.array([[1, 2, 3], [1, 4, 3]], dtype=np.int64)
    vectors = []
    for binary in (True, False):
        tensor = InferInput("input_ids", list(ids.shape), "INT64")
        tensor.set_data_from_numpy(ids, binary_data=binary)
        for outputs in (None, [RequestedOutput("text_embeds", parameters={"binary_data": binary})]):
            request = InferRequest(model, [tensor], request_id="r1", request_outputs=outputs)
            response = await client.infer(server, request, model_name=model)
            assert response.id == "r1" and response.model_name == model, response
            output = response.outputs[0]
            assert output.name == "text_embeds"
            vectors.append(output.as_numpy())
    for v in vectors:
        assert v.shape[0] == 2 and np.isfinite(v).all()
        np.testing.assert_allclose(v, vectors[0], rtol=1e-4)

    # A base URL with a path of its own is answered with what is right.
    try:
        await client.infer(server + "/v1", request, model_name=model)
    except httpx.HTTPStatusError as e:
        assert e.response.status_code == 404 and "without a path" in e.response.text, e.response.text
    else:
        raise AssertionError("a wrong base URL was taken")


asyncio.run(main())
print("OK")
