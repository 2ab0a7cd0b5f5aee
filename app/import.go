package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"penstock/llm/gguf"
)

type importCommand struct {
	File string `arg:"" help:"The GGUF file." placeholder:"FILE.gguf"`
	Dir  string `arg:"" help:"The folder to make." placeholder:"DIR"`
}

// AfterApply refuses empty arguments, such as a script's variable that is not set. (Validate would
// run before kong reports missing ones.)
func (c importCommand) AfterApply() error {
	if c.File == "" || c.Dir == "" {
		return errors.New("an empty name: name the GGUF file, and the folder to make")
	}
	return nil
}

// Run makes the folder, or leaves none.
func (c importCommand) Run(stdout io.Writer) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := untilSignal(ctx, func() error { return gguf.Import(ctx, c.File, c.Dir) }); err != nil {
		return err
	}
	dir := filepath.ToSlash(filepath.Clean(c.Dir))
	fmt.Fprintf(stdout, "%s is made; put into penstock.yaml, under models: - {name: %s, kind: onnx-llm, path: %s}\n",
		c.Dir, scalar(modelName(dir)), scalar(dir))
	return nil
}
