// Command penstock is a Server-Sent-Events gateway for AI models: whole-result
// models and generators behind one gate, spoken to by browsers' EventSource,
// OpenAI clients and plain JSON.
//
// This file is the command line; each command has a file of its own. Exit status
// 0: done; 1: it failed while running; 2: bad usage or bad configuration.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"

	"penstock/configs"
	"penstock/engine"
)

type commandLine struct {
	Serve   serveCommand   `cmd:"" help:"Run the gateway."`
	Check   checkCommand   `cmd:"" help:"Validate a configuration: load nothing, list every problem at once."`
	Pull    pullCommand    `cmd:"" help:"Fetch a model from a Hugging Face hub."`
	Import  importCommand  `cmd:"" help:"Make an ONNX model folder of a Llama-family GGUF file."`
	Version versionCommand `cmd:"" help:"Say which version this is."`
}

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run carries out one command line and returns the exit status. Asked for help,
// it ends the process.
func run(args []string, stdout, stderr io.Writer) int {
	var line commandLine
	parser, err := kong.New(&line,
		kong.Name("penstock"),
		kong.Description("A Server-Sent-Events gateway for AI models."),
		kong.Writers(stdout, stderr),
		kong.BindTo(stdout, (*io.Writer)(nil)),
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

// report says what went wrong and returns the exit status it stands for.
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

// configFlag is what commands that read a configuration have in common.
type configFlag struct {
	Config string `help:"The configuration; without it ./penstock.yaml, else the built-in one." placeholder:"FILE"`
}

// load finds and reads the configuration; address takes the place of its
// server.address unless it is empty.
func (f configFlag) load(address string) (configs.Source, configs.Config, error) {
	source, err := configs.Find(f.Config)
	if err != nil {
		return source, configs.Config{}, err
	}
	config, err := configs.Load(source, configs.Options{
		Env:                  os.LookupEnv,
		Address:              address,
		GeneratorPostprocess: engine.ErrGeneratorPostprocess,
	})
	return source, config, err
}
