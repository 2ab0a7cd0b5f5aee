package dialect_test

import (
	"testing"

	"penstock/dialect"
	"penstock/sse"
)

// What OpenAI's SDKs (Python, Node, Go) and go-openai take for the end of a stream, and what they
// do not.
func TestEnds(t *testing.T) {
	type events map[string]sse.Event
	for _, c := range []struct {
		codecs      []dialect.Codec
		ends, other events
	}{
		{
			codecs: []dialect.Codec{dialect.NewChat(), dialect.NewCompletions(), dialect.NewResponses()},
			ends: events{
				"done":                   event("", `[DONE]`),
				"done with more":         event("", `[DONE] x`),
				"done with space":        event("", "\t [DONE] "),
				"done with a name":       event("message", `[DONE]`),
				"done on a line":         event("", "{}\n[DONE]"),
				"done on a line, CR":     event("", "x\r [DONE]\ry"),
				"done, and more words":   event("", `[DONE] "error"`),
				"an error":               event("", `{"error":{"message":"m"}}`),
				"an error last":          event("", `{"id":"1","choices":[],"error":"no"}`),
				"an error and null":      event("", `{"error":1,"error":null}`),
				"an escaped error":       event("", `{"\u0065rro\u0072":{"message":"m"}}`),
				"an error, spaced":       event("", ` { "error" : true }`),
				"an error in wrong JSON": event("", `{"a":NaN,"error":{"message":"m"}}`),
				"an event error":         event("error", `{}`),
			},
			other: events{
				"no data":                event("", ``),
				"an object":              event("", `{"choices":[{"delta":{"content":"[DONE]"}}]}`),
				"done in brackets":       event("", `{"a":"x [DONE]"}`),
				"an error that is not":   event("", `{"error":null}`),
				"an empty error":         event("", `{"error":{},"choices":[]}`),
				"an empty error, spaced": event("", `{"error":{ }}`),
				"an error false":         event("", `{"error":false}`),
				"error inside":           event("", `{"choices":[{"error":{"message":"m"}}]}`),
				"error as a value":       event("", `{"id":"error"}`),
				"error in a text":        event("", `{"delta":"{\"error\":1}"}`),
				"an escaped text":        event("", `{"delta":"\u0065rror \u00e9"}`),
				"a name":                 event("done", `{}`),
			},
		},
		{
			codecs: []dialect.Codec{dialect.NewResponses()},
			ends: events{
				"completed":             event("response.completed", `{}`),
				"incomplete":            event("response.incomplete", ``),
				"failed":                event("response.failed", `{"type":"response.created"}`),
				"completed by type":     event("", `{"sequence_number":1,"type":"response.completed"}`),
				"incomplete by type":    event("response.created", `{"type":"response.incomplete"}`),
				"failed by type":        event("", `{"type":"response.failed"}`),
				"an error by type":      event("", `{"type":"error","message":"m"}`),
				"an escaped type":       event("", `{"typ\u0065":"response\u002Ecompl\u0065ted"}`),
				"the first of two":      event("", `{"type":"response.completed","type":"x"}`),
				"the second of two":     event("", `{"type":"x","type":"response.completed"}`),
				"a type in wrong JSON":  event("", `{"a":NaN,"type":"response.completed"}`),
				"a type after an error": event("", `{"error":null,"type":"response.failed"}`),
			},
			other: events{
				"created":       event("response.created", `{"type":"response.created"}`),
				"a text":        event("response.output_text.delta", `{"type":"response.output_text.delta","delta":"response.completed"}`),
				"a text, whole": event("response.output_text.done", `{"type":"response.output_text.done","text":"{\"type\":\"response.completed\"}"}`),
				"a type inside": event("", `{"type":"x","item":{"type":"response.completed"}}`),
				"another type":  event("", `{"type":["response.completed"]}`),
				"another name":  event("response.completed.not", `{}`),
			},
		},
		{
			codecs: []dialect.Codec{dialect.NewNative()},
			ends:   events{"done": event("done", `{}`), "failed": event("failed", ``)},
			other:  events{"a chunk": event("", `{"text":"done"}`), "done": event("", `[DONE]`), "queued": event("queued", `{}`), "another case": event("Done", `{}`)},
		},
	} {
		for _, codec := range c.codecs {
			for name, e := range c.ends {
				if !codec.Ends(e) {
					t.Errorf("%s: %s does not end a stream: %q", codec.Name(), name, e)
				}
			}
			for name, e := range c.other {
				if codec.Ends(e) {
					t.Errorf("%s: %s ends a stream: %q", codec.Name(), name, e)
				}
			}
		}
	}
}

// A server's own event that looks like an end comes out of an encoder as one that Ends refuses, or
// not before End.
func TestEndsOfServersAreNotHidden(t *testing.T) {
	for _, codec := range []dialect.Codec{dialect.NewChat(), dialect.NewCompletions(), dialect.NewResponses()} {
		for _, e := range []sse.Event{
			event("", `[DONE]`), event("", `{"error":{"message":"m"}}`), event("error", `{}`),
			event("response.completed", `{}`), event("", `{"type":"response.completed"}`), event("", `{"type":"error"}`),
		} {
			encoder := codec.Stream(decode(t, codec, `{"model":"m","input":"i"}`))
			events, err := encoder.Encode(nil, []dialect.Delta{{Dialect: codec.Name(), Event: e}})
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case len(events) == 1 && codec.Ends(events[0]) == codec.Ends(e):
			case len(events) == 0 && codec.Name() == dialect.Responses:
			default:
				t.Errorf("%s: %q becomes %q", codec.Name(), e, events)
			}
		}
	}
}

// What a Reader passes on as read is not checked again: Ends is false for all of it.
func TestReadersPassNoEndOnAsRead(t *testing.T) {
	for _, codec := range []dialect.Codec{dialect.NewChat(), dialect.NewCompletions(), dialect.NewResponses()} {
		refused := 0
		for _, e := range []sse.Event{
			event("", `{"\u0065rror":{"message":"m"}}`), event("", `{"choices":[],"\u0065rror":"m"}`),
			event("response.created", `{"type":"response.completed"}`), event("x", `{"type":"error"}`),
			event("response.created", `{"type":"response.created","error":{"message":"m"}}`),
			event("", `{"type":"x","type":"response.completed"}`), event("", `{"Type":"response.completed","type":"x"}`),
			event("", `{"typ\u0065":"response.completed","type":"x"}`), event("", `{"type":"respons\u0065.completed"}`),
			event("", `{"type":"x","error":{"message":"m"}}`),
		} {
			r := decode(t, codec, `{"model":"m","prompt":"p","input":"i","stream":true}`)
			reader := dialect.OpenAIRemote(r).Reader(r, false)
			if sign := reader.Read(e); sign == dialect.SignError || sign == dialect.SignMalformed {
				refused++
				continue // not passed on
			}
			deltas, err := reader.Deltas(nil, event("", `{"type":"response.in_progress"}`))
			if err != nil {
				t.Fatal(err)
			}
			if deltas, err = reader.Deltas(deltas, e); err != nil {
				t.Fatal(err)
			}
			for _, d := range deltas {
				for _, own := range append([]sse.Event{d.Event}, d.More...) {
					if codec.Ends(own) && !d.Final {
						t.Errorf("%s: %q is passed on as read", codec.Name(), own)
					}
				}
			}
		}
		if refused == 0 {
			t.Errorf("%s: no event is refused", codec.Name())
		}
	}
}

const ownChunk = `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m","choices":[{"index":0,"delta":{"content":" a few words, and a \u00e9"},"logprobs":null,"finish_reason":null}]}`

func ownDeltas() []dialect.Delta {
	deltas := make([]dialect.Delta, 16)
	for i := range deltas {
		deltas[i] = dialect.Delta{Dialect: dialect.Chat, Event: event("", ownChunk)}
	}
	return deltas
}

func TestPassingEventsThroughAllocatesNothing(t *testing.T) {
	codec := dialect.NewChat()
	encoder := codec.Stream(decode(t, codec, `{"model":"m"}`))
	deltas, events := ownDeltas(), make([]sse.Event, 0, 16)
	ended := false
	allocs := testing.AllocsPerRun(100, func() {
		events, _ = encoder.Encode(events[:0], deltas)
		for _, e := range events {
			ended = ended || codec.Ends(e)
		}
	})
	if allocs != 0 || ended || len(events) != len(deltas) {
		t.Errorf("%d events of %d deltas with %v allocations, ended: %t", len(events), len(deltas), allocs, ended)
	}
}

func BenchmarkPassingEventsThrough(b *testing.B) {
	codec := dialect.NewChat()
	for _, ends := range []bool{false, true} {
		b.Run(map[bool]string{false: "Encode", true: "EncodeAndEnds"}[ends], func(b *testing.B) {
			encoder := codec.Stream(decode(b, codec, `{"model":"m"}`))
			deltas, events := ownDeltas(), make([]sse.Event, 0, 16)
			b.ReportAllocs()
			for b.Loop() {
				events, _ = encoder.Encode(events[:0], deltas)
				for _, e := range events {
					if ends && codec.Ends(e) {
						b.Fatal("it ends")
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(deltas)), "ns/delta")
		})
	}
}
