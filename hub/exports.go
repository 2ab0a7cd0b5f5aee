package hub

import (
	"context"
	"errors"
	"path"
)

// Exports returns the repositories of known publishers of ONNX exports that have the same name as
// the repository id and hold a model that Penstock runs. A name in common does not prove that it is
// the same model.
func (c *Client) Exports(ctx context.Context, id string) ([]string, error) {
	name := path.Base(id)
	var found []string
	for _, other := range []string{"Xenova/" + name, "onnx-community/" + name, "onnx-community/" + name + "-ONNX"} {
		if other == id || CheckID(other) != nil {
			continue
		}
		s, err := c.Snapshot(ctx, other, "main")
		if errors.Is(err, ErrNotFound) || errors.Is(err, ErrNotAllowed) { // hubs return either for a repository that does not exist
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
