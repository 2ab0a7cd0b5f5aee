package configs_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"penstock/configs"
)

func TestSchemaMistakesAreReported(t *testing.T) {
	for _, test := range []struct {
		schema any
		want   string
	}{
		{0, "int is not a struct"},
		{struct {
			path configs.Path `yaml:"path"`
		}{}, ".path is not exported"},
		{struct{ Path configs.Path }{}, `.Path has no key: give it a tag such as yaml:"max_tokens"`},
		{struct {
			A bool `yaml:"a"`
			B bool `yaml:"a"`
		}{}, `.B has the key "a", which is taken`},
		{struct {
			A float64 `yaml:"a"`
		}{}, ".A has the type float64, which is none that a value can be read into"},
		{struct {
			A *int `yaml:"a"`
		}{}, ".A has the type *int, which is none that a value can be read into"},
		{struct {
			A int `yaml:"a" default:"one"`
		}{}, `.A has the default "one", which must be a whole number in decimal digits`},
		{struct {
			A time.Duration `yaml:"a" default:"2s" max:"1s"`
		}{}, `.A has the default "2s", which must be at most 1s`},
		{struct {
			A []string `yaml:"a" max:"1KiB"`
		}{}, `.A has the max "1KiB", which must be a whole number in decimal digits`},
		{struct {
			A string `yaml:"a" max:"3"`
		}{}, ".A has a max, which only numbers, sizes, durations, lists and mappings have"},
		{struct {
			A map[int]string `yaml:"a"`
		}{}, ".A has the type map[int]string, which is none that a value can be read into"},
		{struct {
			A      bool `yaml:"a"`
			Nested struct {
				B bool `yaml:"a"`
			} `yaml:",inline"`
		}{}, `.B has the key "a", which is taken`},
		{struct {
			Nested struct {
				B bool `yaml:"a"`
			} `yaml:",inline"`
			A bool `yaml:"a"`
		}{}, `.A has the key "a", which is taken`},
		{struct {
			A []struct {
				B bool
			} `yaml:"a"`
		}{}, `.B has no key`},
	} {
		err := configs.CheckSchema(reflect.TypeOf(test.schema))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%T: %v, want %s", test.schema, err, test.want)
		}
	}
}

func TestNewKindPanicsOnABadSchema(t *testing.T) {
	defer func() {
		message := fmt.Sprint(recover())
		if !strings.Contains(message, `kind "mine"`) || !strings.Contains(message, `.Kind has the key "kind", which is taken`) {
			t.Errorf("the panic is %s", message)
		}
	}()
	configs.NewKind[struct {
		Kind string `yaml:"kind"`
	}]("mine", false)
}
