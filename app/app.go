package app

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/alecthomas/kong"

	"penstock/configs"
	"penstock/engine"
)

type commandLine struct {
	Serve   serveCommand   `cmd:"" help:"Run the gateway."`
	Check   checkCommand   `cmd:"" help:"Validate a configuration: load nothing, list every problem at once."`
	Pull    pullCommand    `cmd:"" help:"Fetch a model from a Hugging Face hub."`
	Import  importCommand  `cmd:"" help:"Make an ONNX model folder of a Llama-family GGUF file."`
	Key     keyCommand     `cmd:"" help:"Make keys for those who may use the gateway."`
	Version versionCommand `cmd:"" help:"Say which version this is."`
}

// Main runs the command line in os.Args, with models of these kinds, and ends the process. The exit
// status is 0 for success, 1 for a failure, and 2 for bad usage or a bad configuration.
func Main(kinds ...Kind) {
	os.Exit(run(kinds, os.Args[1:], os.Stdout, os.Stderr))
}

// run runs one command line and returns the exit status. With the flag --help it ends the process.
func run(kinds []Kind, args []string, stdout, stderr io.Writer) int {
	for i, kind := range kinds {
		if slices.ContainsFunc(kinds[:i], func(k Kind) bool { return k.Name() == kind.Name() }) {
			return report(fmt.Errorf("two kinds of model have the name %q", kind.Name()), stderr)
		}
	}
	var line commandLine
	parser, err := kong.New(&line,
		kong.Name("penstock"),
		kong.Description("A Server-Sent-Events gateway for AI models."),
		kong.Writers(stdout, stderr),
		kong.BindTo(stdout, (*io.Writer)(nil)),
		kong.Bind(kinds),
	)
	if err != nil {
		return report(err, stderr)
	}
	command, err := parser.Parse(args)
	if err != nil {
		return report(err, stderr)
	}
	return report(command.Run(), stderr)
}

// report prints an error and returns the exit status for it.
func report(err error, stderr io.Writer) int {
	problems, usage := configs.Problems(nil), (*kong.ParseError)(nil)
	switch {
	case err == nil:
		return 0
	case errors.As(err, &problems):
		fmt.Fprintln(stderr, problems)
		return 2
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "penstock: %v (see penstock --help)\n", usage)
		return 2
	default:
		fmt.Fprintf(stderr, "penstock: %v\n", err)
		return 1
	}
}

// configFlag is the flag of commands that read a configuration.
type configFlag struct {
	Config string `help:"The configuration; without it ./penstock.yaml, else the built-in one." placeholder:"FILE"`
}

// load finds and reads the configuration; address replaces its server.address unless it is empty.
// It warns on stderr of environment variables that look like settings and are none.
func (f configFlag) load(kinds []Kind, address string) (configs.Source, configs.Config, error) {
	source, err := configs.Find(f.Config)
	if err != nil {
		return source, configs.Config{}, err
	}
	for _, warning := range configs.UnknownVariables(os.Environ()) {
		fmt.Fprintf(os.Stderr, "penstock: warning: %s\n", warning)
	}
	options := configs.Options{
		Env:                  os.LookupEnv,
		Address:              address,
		GeneratorPostprocess: engine.ErrGeneratorPostprocess,
	}
	for _, kind := range kinds {
		options.Kinds = append(options.Kinds, kind.Kind)
	}
	config, err := configs.Load(source, options)
	return source, config, err
}
