package dialect

// ModelList is the response of GET /v1/models.
type ModelList struct {
	Object string  `json:"object"` // "list"
	Data   []Model `json:"data"`
}

// Model is an element of a ModelList, and the response of GET /v1/models/{name}.
type Model struct {
	ID       string    `json:"id"`
	Object   string    `json:"object"`  // "model"
	Created  int64     `json:"created"` // Unix time in seconds
	OwnedBy  string    `json:"owned_by"`
	Penstock ModelInfo `json:"penstock"`
}

// ModelInfo is what Penstock adds to OpenAI's description of a model.
type ModelInfo struct {
	Kind      string   `json:"kind"`      // clip, onnx-llm, openai
	Verbs     []string `json:"verbs"`     // what the model does
	Streaming bool     `json:"streaming"` // whether one of the verbs streams
	State     string   `json:"state"`     // loading, ready, failed

	AliasOf string `json:"alias_of,omitempty"` // the model's own name, in the list of models
}
