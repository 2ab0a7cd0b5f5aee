// Package configs reads Penstock's configuration: one YAML file, the built-in
// default (penstock.yaml, beside this file) or either with single values
// overridden by the environment.
//
//	source, err := configs.Find(path)                       // --config, ./penstock.yaml, built-in
//	config, err := configs.Load(source, configs.Options{Env: os.LookupEnv})
//
// The structs of config.go and models.go are the schema: each field's
// tags give its key, its default (a field without one must be given) and its
// range; its type says what a value looks like. A Config that Load returned
// needs no further checking: durations, sizes, addresses and names are parsed,
// paths start from the right folder, and what excludes each other is not there
// together.
//
// A file that is not right is answered with Problems: all of them at once, each
// with its place and what to do about it. What the schema knows and this version
// does not do yet is refused too, so no line of a file is silently without
// effect (see unavailable.go).
//
// The package opens no model, resolves no name and looks at no file but the one
// it is given; whether a model's folder is there is found out by loading it.
// Secrets never show up in what it prints.
package configs
