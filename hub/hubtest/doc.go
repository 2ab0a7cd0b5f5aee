// Package hubtest is a hub for tests, which must not depend on the real one. It implements the part
// of the Hugging Face hub's API that a download needs, and can be made to fail.
//
//	h := hubtest.New("openai/clip-vit-base-patch32", map[string]string{"config.json": "{}"})
//	server := httptest.NewServer(h) // h.Store may be the URL of a second such server
//	h.On("config.json", hubtest.Cut(1000), hubtest.Status(503))
//
// Its requests and responses were taken from what the official client (the Python package
// huggingface_hub) sends and reads: the model's revision with its commit, the tree in pages with
// Link headers, resolve with X-Repo-Commit, X-Linked-Size and X-Linked-ETag, redirects for large
// files to a store on another host, redirects of renamed repositories, X-Error-Code.
//
// It checks nothing that a client sends except the token, and records requests only.
package hubtest
