package kinds

import (
	"testing"

	"penstock/configs"
)

func TestLogitScaleMustBePositive(t *testing.T) {
	for scale, valid := range map[configs.Number]bool{
		{}: true, {Float: 117.3, Set: true}: true, {Set: true}: false, {Float: -1, Set: true}: false,
	} {
		reported := ""
		ClipOptions{LogitScale: scale}.Check(func(key, _ string) { reported += key })
		if (reported == "") != valid || !valid && reported != "logit_scale" {
			t.Errorf("%+v: %q is reported", scale, reported)
		}
	}
}
