package hub

import (
	"context"
	"errors"
	"path"
)

// Elsewhere looks whether those who publish ONNX exports of others' models have one of that name on this hub, and returns
// the repositories that really hold what Penstock runs. The same name is no proof that it is the same model.
func (c *Client) Elsewhere(ctx context.Context, id string) ([]string, error) {
	name := path.Base(id)
	var found []string
	for _, other := range []string{"Xenova/" + name, "onnx-community/" + name, "onnx-community/" + name + "-ONNX"} {
		if other == id || CheckID(other) != nil {
			continue
		}
		s, err := c.Snapshot(ctx, other, "main")
		if errors.Is(err, ErrNotFound) || errors.Is(err, ErrNotAllowed) { // which is what the hub says of what is not there
			continue
		}
		if err != nil {
			return found, err
		}
		if _, err := s.Choose(nil); err == nil {
			found = append(found, other)
		}
	}
	return found, nil
}
