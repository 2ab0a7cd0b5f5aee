package openinference_test

import (
	"slices"
	"testing"

	"penstock/dialect/openinference"
)

func TestIntegersMayBeWrittenAsDecimals(t *testing.T) {
	r, err := openinference.ParseRequest("", []byte(`{"inputs":[{"name":"a","shape":[4],"datatype":"INT64","data":[1.0,1e3,-2,9007199254740993]}]}`))
	if err != nil || !slices.Equal(r.Inputs[0].Ints, []int64{1, 1000, -2, 9007199254740993}) {
		t.Errorf("%+v, %v", r, err)
	}
}
