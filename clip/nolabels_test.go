package clip

import (
	"errors"
	"strings"
	"testing"

	"penstock/apierr"
	"penstock/engine"
)

// A model without labels of its own serves everything but a predict that brings none.
func TestAModelWithoutLabels(t *testing.T) {
	o := tiny(t)
	with := load(t, o)
	labels := o.Labels
	o.Labels = nil
	l := load(t, o)
	cat := Request{Pictures: []Picture{{Data: photo(t, "cat_chelsea.jpg")}}}
	want, err := do(t.Context(), with.predict, cat)
	if err != nil {
		t.Fatal(err)
	}

	_, err = do(t.Context(), l.predict, cat)
	if e, ok := errors.AsType[*apierr.Error](err); !ok || e.Code != apierr.CodeInvalidInput || e.Reason != ReasonBadLabels || e.Param != "labels" || !strings.Contains(e.Message, `no labels of its own: send "labels"`) {
		t.Errorf("without labels: %v", err)
	}
	cat.Labels = labels
	if got, err := do(t.Context(), l.predict, cat); err != nil || !near(got.Logits[0], want.Logits[0]) {
		t.Errorf("with labels: %+v, %v; not %+v", got, err, want)
	}

	if _, err := l.call(t, "embed", asJSON(t, map[string]any{"model": "clip", "input": "a cat"})); err != nil {
		t.Errorf("embed: %v", err)
	}
	_, err = l.call(t, "embed", asJSON(t, map[string]any{"model": "clip", "input": "a cat", "dimensions": 129}))
	if e, ok := errors.AsType[*apierr.Error](err); !ok || e.Reason != ReasonBadDimensions || !strings.Contains(e.Message, "128") {
		t.Errorf("embed of 129 dimensions: %v", err)
	}
	if got, err := l.model.describe(); err != nil || !strings.Contains(string(got.Body), `"shape":[-1,128]`) {
		t.Errorf("it describes itself as %s, %v", got.Body, err)
	}
}

// Without labels, there is nothing to compare a picture alone with.
func TestInferOfAModelWithoutLabels(t *testing.T) {
	o := tiny(t)
	o.Labels = nil
	l := load(t, o)
	pixels := l.pixelsOf(t, "cat_chelsea.jpg")
	all, err := l.infer(t, wire{"inputs": []wire{pixels}})
	if _, ok := all["image_embeds"]; err != nil || len(all) != 1 || !ok {
		t.Errorf("a picture alone has %d outputs, %v", len(all), err)
	}
	_, err = l.infer(t, wire{"inputs": []wire{pixels}, "outputs": []wire{{"name": "logits_per_image"}}})
	if e, ok := errors.AsType[*apierr.Error](err); !ok || e.Reason != ReasonBadTensor || !strings.Contains(e.Message, "needs the input input_ids") {
		t.Errorf("its logits: %v", err)
	}
	ids := wire{"name": "input_ids", "shape": []int{1, 3}, "datatype": "INT64", "data": []int{1, 2, 3}}
	if all, err = l.infer(t, wire{"inputs": []wire{pixels, ids}}); err != nil || len(all) != 3 {
		t.Errorf("with a text: %d outputs, %v", len(all), err)
	}
}

// An empty list in a request is a mistake all the same.
func TestNoLabelsInARequest(t *testing.T) {
	o := tiny(t)
	o.Labels = nil
	l := load(t, o)
	_, err := l.bytes(t, engine.Input{MediaType: "application/json", Body: []byte(`{"image": "data:,x", "labels": []}`)})
	if e, ok := errors.AsType[*apierr.Error](err); !ok || e.Reason != ReasonBadLabels || !strings.Contains(e.Message, "is empty") {
		t.Errorf("got %v", err)
	}
}

// The graph's own scale is found without labels, too.
func TestTheScaleWithoutLabels(t *testing.T) {
	o := graphsOf(t, "one", `{"logit_scale_init_value": 2.6592}`)
	want := load(t, o).model.scoring.scale
	o.Labels = nil
	if got := load(t, o).model.scoring.scale; got-want > 1e-3 || want-got > 1e-3 {
		t.Errorf("the scale is %g, not %g", got, want)
	}
}
