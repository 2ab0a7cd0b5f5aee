package main

import (
	"time"

	"penstock/bench/internal/relays"
)

// allLoads returns all loads, given the duration of the steady ones, the time between the two
// chunks of an idle stream, and the chunks of a stream without pauses.
func allLoads(steady, idle time.Duration, burst int) []relays.Load {
	const often, seldom = 10 * time.Millisecond, 50 * time.Millisecond
	return []relays.Load{
		{Name: "steady50", What: "50 streams, a chunk every 10 ms", Streams: 50, Chunks: int(steady / often), Interval: often},
		{Name: "steady500", What: "500 streams, a chunk every 50 ms", Streams: 500, Chunks: int(steady / seldom), Interval: seldom},
		{Name: "burst", What: "50 streams without pauses", Streams: 50, Chunks: burst},
		{Name: "idle500", What: "500 open streams", Streams: 500, Chunks: 2, Interval: idle},
		{Name: "idle2000", What: "2,000 open streams", Streams: 2000, Chunks: 2, Interval: idle},
		{Name: "unary", What: "requests that do not stream, one at a time", Requests: 300, Clients: 1},
	}
}

var metrics = []relays.Metric{
	{Load: "steady50", Name: relays.CPUPerChunk, Unit: "µs"},
	{Load: "steady500", Name: relays.CPUPerChunk, Unit: "µs"},
	{Load: "burst", Name: relays.CPUPerChunk, Unit: "µs"},
	{Load: "unary", Name: relays.AddedTime, Unit: "ms", Over: direct},
	{Load: "idle500", Name: relays.MemoryPerStream, Unit: "KiB"},
	{Load: "idle2000", Name: relays.MemoryPerStream, Unit: "KiB"},
	{Load: "steady50", Name: relays.AddedLateness, Unit: "ms", Over: direct},
	{Load: "steady50", Name: relays.AddedLatenessP99, Unit: "ms", Over: direct},
	{Load: "steady500", Name: relays.AddedLateness, Unit: "ms", Over: direct},
	{Load: "steady500", Name: relays.AddedLatenessP99, Unit: "ms", Over: direct},
}
