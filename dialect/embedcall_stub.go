package dialect

// EmbeddingCall is a request for embeddings.
type EmbeddingCall struct {
	Call
}
