package app

import (
	"fmt"
	"io"
	"text/tabwriter"
)

type checkCommand struct {
	configFlag
}

// Run prints OK and a line for each model, or returns configs.Problems.
func (c checkCommand) Run(stdout io.Writer, kinds []Kind) error {
	source, config, err := c.load(kinds, "")
	if err != nil {
		return err
	}
	if err := checkKeysFile(config); err != nil {
		return err
	}
	table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "%s: OK\n", source.Name)
	for _, model := range config.Models {
		summary := ""
		if s, ok := model.Options.(interface{ Summary() string }); ok {
			summary = s.Summary()
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\n", model.Name, model.Kind, summary)
	}
	return table.Flush()
}
