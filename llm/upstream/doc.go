// Package upstream makes a model of servers that have OpenAI's API.
//
// A request in a dialect that the servers use (/v1/chat/completions, /v1/completions,
// /v1/responses, /v1/embeddings) is sent with the client's own bytes, but for the model's name, and
// the response is passed on byte for byte. A request in any other dialect is translated to a
// streamed chat, whose chunks become typed deltas. The model has the verbs "generate", from a
// *dialect.Request to dialect.Deltas, and "embed", from a *dialect.EmbeddingCall to a
// *dialect.EmbeddingResponse. If Config.Pass lists further routes, it has the verb "pass" too, from
// a *dialect.PassCall to a response that is passed on as it is.
//
// Until something has been passed on, a failed request is sent to the next server (package failover
// describes when and how often); afterwards only if Config.Match is set and the next response
// repeats what the client already has (match.go). A response is complete only when the server
// indicates that it is (relay.go). Everything else is a failure with one of the codes
// upstream_error, upstream_cut, upstream_timeout and upstream_unauthorized. If a server rejects a
// request, the cause of the error is its *dialect.UpstreamAnswer.
//
// A model whose name is a pattern is all models of its servers: what the * matched is the model's
// name there, and the names that the servers list are the model's list (list.go).
//
// The package never parses what it need not understand, never shows a client an address or a key,
// and keeps nothing of a request after its end.
package upstream
