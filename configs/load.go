package configs

// Options are what a configuration is loaded with, besides its text.
type Options struct {
	// Kinds are the kinds of model there are, each with a name of its own.
	Kinds []Kind
	// Env looks up environment variables, as os.LookupEnv does. Nil: there are none.
	Env func(name string) (string, bool)
	// Address replaces server.address, unless it is empty. Messages call it --address.
	Address string
	// GeneratorPostprocess is the rule that a generator must not have a postprocess step. A model
	// with the key postprocess is refused with this error's message, and errors.Is finds the error
	// in what Load returns. Nil: the key is unknown, as any other.
	GeneratorPostprocess error
}

// Load parses and checks a configuration. An error is always of type Problems.
//
// A value comes from the flag in options, else from the environment variable named PENSTOCK_ and
// the key's path in capitals (PENSTOCK_SERVER_ADDRESS; not for values inside lists), else from the
// source, else from the default. ${NAME} in a quoted text of the source is replaced by that
// environment variable. Relative paths are joined to source.Dir, wherever they come from.
func Load(source Source, options Options) (Config, error) {
	return load(source, options, unavailable())
}

func load(source Source, options Options, unavailable []string) (Config, error) {
	root, problems := parseTree(source)
	if problems != nil {
		problems.sort()
		return Config{}, problems
	}
	d := newDecoder(source, options, unavailable)
	config := d.config(root)
	d.crossCheck(config)
	if len(d.problems) > 0 {
		d.problems.sort()
		return Config{}, d.problems
	}
	return config, nil
}
