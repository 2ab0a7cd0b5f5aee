// Command own-kind is Penstock with two kinds of model of its own, wordcount and echo, beside those
// that Penstock comes with.
package main

import (
	"penstock/app"
	"penstock/kinds"
)

func main() {
	app.Main(append(kinds.All(),
		app.NewPredictorKind("wordcount", addWordCount),
		app.NewGeneratorKind("echo", addEcho),
	)...)
}
