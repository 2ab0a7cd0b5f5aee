// Package dialect has the protocols, here called dialects, in which clients use language models:
// OpenAI's /v1/chat/completions, /v1/completions and /v1/responses, and Penstock's own native
// routes. A Codec is the server's side of one dialect:
//
//	r, err := codec.Decode(dialect.Input{Body: body}) // codec.Error(err, id) is its HTTP response
//	parameters, err := r.Parameters()                 // what the model must do, in any dialect
//	encoder := codec.Stream(r)                        // deltas become server-sent events
//	gatherer := codec.Whole(r)                        // deltas become a whole response
//
// Between the two is a model, which needs no dialect: it reads Parameters and emits Deltas. A model
// on another server sends the request's own bytes on, if the server uses the client's dialect, and
// emits Deltas that hold the server's own events, which the encoder appends as they are. So members
// that this package does not have reach the server and the client unchanged.
//
// OpenAIRemote returns how a request is sent to a server that uses one of OpenAI's dialects, and
// the Reader of the server's events.
//
// Only a complete stream ends with the event of End, and only a failed one with that of Fail: Ends
// recognizes both, and whatever else a client would take for one, in a server's events.
//
// A new dialect is a new Codec, which may be in another package: see package dialecttest, which
// tests codecs and has a small one. EmbeddingCodec is the protocol of POST /v1/embeddings, which
// generates nothing; package openinference has that of tensors. A PassCall is a request of any
// other route of OpenAI's: only its model's name is read and replaced.
//
// The types of requests and responses have the names of OpenAI's reference. Requests are parsed
// strictly; an *Error is OpenAI's error object, ready to be sent.
//
// The package does no I/O, has no HTTP handlers and starts no goroutines, and no value of it is
// shared between requests but codecs, which have no state.
package dialect
