package configs_test

import (
	"fmt"
	"time"

	"penstock/configs"
)

func Example() {
	type options struct {
		Path  configs.Path  `yaml:"path"`
		Pause time.Duration `yaml:"pause" default:"1s" min:"0s" max:"1h"`
	}
	kinds := []configs.Kind{configs.NewKind[options]("echo", true)}

	source := configs.Source{Name: "penstock.yaml", Dir: "/etc/penstock", Text: []byte(`
models:
  - {name: parrot, kind: echo, path: words.txt}
`)}
	config, err := configs.Load(source, configs.Options{Kinds: kinds})
	fmt.Println(config.Models[0].Name, config.Models[0].Options, err)

	source.Text = []byte(`
models:
  - {name: parrot, kind: ecko, path: words.txt}
  - {name: parrot, kind: echo, pause: 2h}
`)
	_, err = configs.Load(source, configs.Options{Kinds: kinds})
	fmt.Println(err)
	// Output:
	// parrot {/etc/penstock/words.txt 1s} <nil>
	// penstock.yaml:3:26: models[0].kind must be echo, not "ecko": did you mean "echo"?
	// penstock.yaml:4:5: models[1].path is missing
	// penstock.yaml:4:39: models[1].pause must be at most 1h, not "2h"
}
