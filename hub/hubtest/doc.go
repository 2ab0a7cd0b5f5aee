// Package hubtest is a hub for tests: it speaks as much of the Hugging Face hub's API as a download needs, and can be told
// to misbehave. It stands in for the real one, which tests must not depend on.
//
//	h := hubtest.New("openai/clip-vit-base-patch32", map[string]string{"config.json": "{}", "onnx/model.onnx": "…"})
//	server := httptest.NewServer(h) // and perhaps another one of the same handler: h.Store = its URL
//	h.On("onnx/model.onnx", hubtest.Cut(1000), hubtest.Status(503))
//
// Its shapes were taken from what the official client (the Python package huggingface_hub) reads and sends: the model's
// revision with its commit, the tree in pages with Link headers, resolve with X-Repo-Commit, X-Linked-Size and
// X-Linked-ETag, redirects for large files to a store on another host, redirects of renamed repositories, X-Error-Code.
//
// It checks nothing that a client sends but the token, and keeps nothing but what was asked of it.
package hubtest
