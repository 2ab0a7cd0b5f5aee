// Command penstock is a Server-Sent-Events gateway for AI models: whole-result models and
// generators behind one gate, for EventSource in browsers, OpenAI clients and plain JSON.
package main

import (
	"penstock/app"
	"penstock/kinds"
)

func main() { app.Main(kinds.All()...) }
