package hub_test

import (
	"slices"
	"testing"

	"penstock/hub/hubtest"
)

func TestExports(t *testing.T) {
	h := hubtest.New(id, map[string]string{"config.json": "{}", "model.safetensors": "x"})
	h.Others = []*hubtest.Hub{
		hubtest.New("Xenova/clip-vit-base-patch32", model()),
		hubtest.New("onnx-community/clip-vit-base-patch32", map[string]string{"README.md": "nothing yet"}),
	}
	inBubble(t, h, func(t *fixture) {
		found, err := t.client.Exports(t.Context(), id)
		if err != nil || !slices.Equal(found, []string{"Xenova/clip-vit-base-patch32"}) {
			t.Errorf("%q, %v", found, err)
		}
		found, err = t.client.Exports(t.Context(), "openai/no-such-thing")
		if err != nil || len(found) != 0 {
			t.Errorf("%q, %v", found, err)
		}
	})
}
