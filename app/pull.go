package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"penstock/hub"
)

type pullCommand struct {
	Model    string   `arg:"" help:"A repository id, such as Xenova/clip-vit-base-patch32." placeholder:"MODEL"`
	Dir      string   `help:"The folder to fill; without it models/MODEL." placeholder:"DIR"`
	Revision string   `help:"A branch, tag or commit; without it main." default:"main" placeholder:"REV"`
	DType    string   `help:"Which form of the graphs to fetch: fp32, fp16, q8, int8, uint8, q4, q4f16 or bnb4; without it the most precise." name:"dtype" placeholder:"DTYPE"`                                                                                                //nolint:lll // one tag is one line
	File     []string `help:"Fetch the files that match instead of those Penstock picks: 'onnx/*_quantized.onnx', '*.gguf' (without a slash: in any folder). A graph brings its data and the model's small files along. May be given again." placeholder:"PATTERN" sep:"none"` //nolint:lll // one tag is one line
}

// Help is the text of penstock pull --help beside the flags.
func (pullCommand) Help() string {
	return `What is whole already is not fetched again; what was broken off goes on where it stopped.

HF_ENDPOINT names another hub than ` + hub.PublicHub + `. HF_TOKEN opens private and gated repositories; it is sent to no other host.`
}

// Validate finds bad usage.
func (c pullCommand) Validate() error {
	problems := []error{hub.CheckID(c.Model), hub.CheckRevision(c.Revision), hub.CheckDType(c.DType)}
	if c.DType != "" && len(c.File) > 0 {
		problems = append(problems, errors.New(
			"--dtype picks among the files that Penstock runs, and --file names others: leave out one of them"))
	}
	for _, pattern := range c.File {
		problems = append(problems, hub.CheckPattern(pattern))
	}
	return errors.Join(problems...)
}

// Run fills the folder, shows its progress on stderr, and writes to stdout what to put into
// penstock.yaml.
func (c pullCommand) Run(stdout io.Writer) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if c.Dir == "" {
		c.Dir = filepath.Join("models", filepath.FromSlash(c.Model))
	}
	var files []hub.File
	var commit string
	err := untilSignal(ctx, func() (err error) {
		files, commit, err = c.fetch(ctx)
		return err
	})
	if ctx.Err() != nil {
		return errors.New("stopped; what has come is kept, and the same command goes on from there")
	}
	if err != nil {
		return err
	}
	_, err = io.WriteString(stdout, advice(c.Model, commit, c.Dir, c.DType, files))
	return err
}

// fetch returns the files that are in the folder now, and their commit.
func (c pullCommand) fetch(ctx context.Context) (files []hub.File, commit string, err error) {
	progress := newPullProgress(os.Stderr)
	client, err := hub.New(hub.Options{
		Endpoint: os.Getenv("HF_ENDPOINT"), Token: os.Getenv("HF_TOKEN"), UserAgent: userAgent(), Progress: progress,
	})
	if err != nil {
		return nil, "", err
	}
	snapshot, err := client.Snapshot(ctx, c.Model, c.Revision)
	if err != nil {
		return nil, "", err
	}
	ofDType, err := snapshot.OfDType(c.DType)
	if err != nil {
		return nil, "", err
	}
	files, err = ofDType.Choose(c.File)
	if errors.Is(err, hub.ErrNoGraph) {
		return nil, "", fmt.Errorf("%w\n%s", err, elsewhere(ctx, client, c.Model))
	} else if err != nil {
		return nil, "", err
	}
	progress.begin(c, snapshot, files)
	err = client.Fetch(ctx, snapshot, files, c.Dir)
	progress.end()
	return files, snapshot.Commit, err
}

// elsewhere returns advice where to find the model as ONNX, from what the hub itself lists.
func elsewhere(ctx context.Context, client *hub.Client, id string) string {
	found, err := client.Exports(ctx, id)
	if err != nil || len(found) == 0 {
		return "Look on the hub for a repository of the same model with an onnx folder, or export it: " +
			"optimum-cli export onnx --model " + id + " DIR"
	}
	return "This hub has, by the same name and with ONNX files: " + strings.Join(found, ", ") +
		"\nIf that is the model you want: penstock pull " + found[0]
}
