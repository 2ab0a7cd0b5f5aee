// Package configs reads Penstock's configuration: one YAML file, or the built-in default
// (penstock.yaml, in this folder), with single values overridden by the environment.
//
//	source, err := configs.Find(path) // --config, ./penstock.yaml, built-in
//	config, err := configs.Load(source, configs.Options{Kinds: kinds, Env: os.LookupEnv})
//
// The structs of config.go and of each Kind are the schema: a field's tags give its key, its
// default (a field without one is required) and its range; its type defines what a value looks
// like. A Config that Load returned needs no further checks: durations, sizes, addresses and names
// are parsed, paths start from the right folder, and keys that exclude each other are not both set.
//
// A file that is not valid is reported as Problems: all of them at once, each with its position and
// what to do about it. A key that the schema has but this version does not implement is refused
// too, so that no line of a file is silently ignored (see unavailable.go).
//
// The package opens no model, resolves no name and reads no file but the one it is given; whether a
// model's folder exists is found out when it is loaded. It never prints a secret.
package configs
