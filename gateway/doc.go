// Package gateway serves an engine's models over HTTP: as JSON, and as Server-Sent Events.
//
//	metrics := gateway.NewMetrics(version, log)
//	e := engine.New(engine.Options{Gate: …, Observer: metrics, Accept: gateway.AcceptVerb})
//	… // models are added
//	g := gateway.New(gateway.Options{Engine: e, Metrics: metrics, Log: log})
//	err := g.Serve(ctx, listener, grace)
//
// A route belongs to a dialect, and a dialect is a codec: it decodes the request, and renders
// events, whole responses and errors. One handler serves all dialects of language models, and one
// follower serves all streams. A handler returns an error and never writes one itself; one adapter
// renders it in the route's dialect, and logs its cause. Routes reach a model by the names and
// types of its verbs; AcceptVerb refuses verbs that no route reaches. Paths that no route takes may
// be a model's own (engine.Lifecycle.Routes): such a request reaches its verb "pass" as it is.
// Options.Compat adds the routes of other servers, for the default model.
//
// A connection that follows a stream is a stream.Sink. It joins events that are ready into one
// write, and sets a deadline for every write. A stream of OpenAI's that fails is broken off, where
// a clean end would pass for a complete response.
//
// The package never runs a model without a permit of the engine's gate, never logs a body, a query
// or a prompt, and never shows a stream as complete that was not sealed so.
package gateway
