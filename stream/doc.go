// Package stream keeps generations as logs: a producer appends events, readers follow them at
// positions of their own, and a stream is whole only once its terminal event has been sealed.
//
//	streams := stream.New(stream.Options{})
//	ctx, producer, err := streams.Create(ctx, stream.Config{Info: stream.Info{Model: "m"}})
//	…
//	err = producer.Append(ctx, events)
//	producer.End(ctx, stream.Terminal{Outcome: stream.OutcomeDone, Event: done})
//
// Readers follow a Stream with Serve, from any event on that the log still holds. A stream with a
// lease outlives its connections and has any number of readers; a plain one ends with its only
// reader, to which its producer passes events directly where it can. Where leased streams are kept
// is the business of Logs: in memory, or in a store that several machines share.
//
// The package knows no HTTP and no model protocol: events are bytes that were encoded elsewhere. It
// never gives a reader an event that is not in its log, and never ends a reader's stream well that
// was not sealed.
package stream
