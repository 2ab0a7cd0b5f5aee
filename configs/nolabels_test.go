package configs_test

import (
	"testing"

	"penstock/configs"
	"penstock/kinds"
)

func TestLabelsMayBeAbsent(t *testing.T) {
	got, err := load(configs.Source{Name: "p.yaml", Text: []byte("models: [{name: clip, kind: clip, path: clip}]")}, configs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	o := got.Models[0].Options.(kinds.ClipOptions)
	if o.Labels != nil || o.Summary() != "clip, labels: those of each request" {
		t.Errorf("got %+v, %s", o, o.Summary())
	}
}
