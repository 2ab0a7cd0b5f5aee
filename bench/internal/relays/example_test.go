package relays_test

import (
	"context"
	"fmt"
	"os"

	"penstock/bench/internal/relays"
)

// A command that compares says what is compared, and runs it.
func Example() {
	const config = `
server: {address: "127.0.0.1:PORT"}
models:
  - {name: mock, kind: openai, upstreams: [{base_url: "http://127.0.0.1:UPSTREAM/v1"}]}
`
	penstock, err := relays.Penstock("./penstock", config)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	report, err := relays.Comparison{
		Rounds:  3,
		Relays:  []relays.Relay{{Name: "no relay"}, {Name: "Penstock", Command: penstock}},
		Base:    "no relay",
		Loads:   []relays.Load{{Name: "burst", What: "50 streams without pauses", Streams: 50, Chunks: 10000}},
		Metrics: []relays.Metric{{Load: "burst", Name: relays.CPUPerChunk, Unit: "µs"}},
	}.Run(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	fmt.Print(report.Text())
}
