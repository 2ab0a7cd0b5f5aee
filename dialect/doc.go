// Package dialect holds OpenAI's HTTP dialect as Go types: the requests of
// /v1/chat/completions, /v1/completions and /v1/responses, the chunks and whole
// answers that go back, usage, errors, the list of models, and the reading and
// writing of all of them.
//
// Requests for a local model are parsed and checked:
//
//	request, err := dialect.ParseChatRequest(body) // err is a *dialect.Error, ready to be sent
//
// Requests for an upstream are not: PeekRequest reads the few members that a gateway
// must know, and Body replaces the model's name and keeps every other byte, so that
// unknown members survive. OpenAIRemote returns how a request is sent to a server, and
// the Reader of the server's events.
//
// NativeFields reads what Penstock's own routes take for a language model, and
// ResponsesRequest.Chat turns a request of /v1/responses into a chat, whose chunks
// ResponseEvents turns back into typed events.
//
// What comes back as server-sent events is read by an EventReader, which is bounded
// and allocates nothing per event. Chunks of a local model become a whole answer
// through GatherChat and GatherCompletion.
//
// The package does no I/O of its own besides reading from the io.Reader it is
// given, holds no state, and knows neither HTTP handlers nor models.
package dialect
