// Package app is Penstock's command line, for any set of model kinds. A main package is one line:
//
//	app.Main(kinds.All()...)
//
// and one with a model kind of its own is not much longer; see the package's example, and
// examples/own-kind for a whole module.
//
// The package reads the configuration, adds each model to the engine by its Kind, and serves them
// through the gateway. It knows no kind itself: those that come with Penstock are in package kinds.
// Each command has a file of its own.
package app
