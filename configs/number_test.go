package configs_test

import (
	"testing"

	"penstock/configs"
)

func TestNumbers(t *testing.T) {
	for text, want := range map[string]float64{"0": 0, "117.33": 117.33, "-12": -12, "-0.5": -0.5, "007": 7} {
		var n configs.Number
		if err := n.UnmarshalText([]byte(text)); err != nil || n.Pointer() == nil || *n.Pointer() != want {
			t.Errorf("%s is %+v, %v", text, n, err)
		}
	}
	for _, text := range []string{"", "1e5", ".5", "5.", "+1", "NaN", "inf", "0x10", "1_000", " 1", "1,5", "1234567890123456"} {
		var n configs.Number
		if err := n.UnmarshalText([]byte(text)); err == nil || n.Pointer() != nil {
			t.Errorf("%q is %+v", text, n)
		}
	}
}
