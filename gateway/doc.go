// Package gateway is the engine's face: HTTP in, JSON and Server-Sent Events out.
//
// Its routes are Gin's; what stands behind them is the engine's. A handler returns an error and never writes one itself:
// one adapter at the edge gives it the shape its route's clients parse (Penstock's own, or OpenAI's) and logs its cause.
// A stream's connection is an engine.Sink, which is handed events by the handler that follows the stream's log or, where
// the reader can take them at once, by the producer itself. It joins what is ready into one write, gives every write a
// deadline, and lets a failed OpenAI stream break off where a clean end would pass for a complete answer.
//
//	metrics := gateway.NewMetrics(version, log)
//	e := engine.New(engine.Options{Gate: …, Observer: metrics})
//	…
//	g := gateway.New(gateway.Options{Engine: e, Metrics: metrics, Playground: web.Files(), …})
//	err := g.Serve(ctx, listener, grace)
//
// The package knows models only by their verbs' names (predict, stream, chat, complete), never runs one past the engine's
// gate, never logs a body, a query or a prompt, and never shows a stream as complete that is not.
package gateway
