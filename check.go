package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"penstock/configs"
)

type checkCommand struct {
	configFlag
}

// Run says OK and which models there are, or returns configs.Problems.
func (c checkCommand) Run(stdout io.Writer) error {
	source, config, err := c.load("")
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "%s: OK\n", source.Name)
	for _, model := range config.Models {
		fmt.Fprintf(table, "  %s\t%s\t%s\n", model.ModelName(), model.Kind(), summary(model))
	}
	return table.Flush()
}

// summary says in a few words where a model comes from.
func summary(model configs.Model) string {
	switch m := model.(type) {
	case configs.ClipModel:
		return fmt.Sprintf("%s, labels: %d", m.Path, len(m.Labels))
	case configs.LLMModel:
		return string(m.Path)
	case configs.OpenAIModel:
		var urls []string
		for _, upstream := range m.Upstreams {
			urls = append(urls, string(upstream.BaseURL))
		}
		return strings.Join(urls, ", ")
	default:
		return ""
	}
}
