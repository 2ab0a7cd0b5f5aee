package hub

import (
	"fmt"
	"slices"

	"penstock/modeldir"
)

// CheckDType reports what is wrong with the name of a form of graphs. "" is any form.
func CheckDType(name string) error {
	if all := modeldir.DTypes(); name != "" && !slices.Contains(all, modeldir.DType(name)) {
		return fmt.Errorf("there is no dtype %q: there are %s", name, modeldir.JoinDTypes(all))
	}
	return nil
}

// OfDType returns the snapshot without the graphs of other forms, from which Choose then takes that
// form's; "" leaves it as it is. Where the repository has complete graphs of other forms only, the
// error wraps ErrNotFound and names those forms.
func (s Snapshot) OfDType(name string) (Snapshot, error) {
	if err := CheckDType(name); err != nil || name == "" {
		return s, err
	}
	kind, dtype := modeldir.KindOf(s.has), modeldir.DType(name)
	if there := kind.DTypes(s.has); len(there) > 0 && !slices.Contains(there, dtype) {
		return s, fmt.Errorf("%w: %s has no graphs of dtype %s; it has %s", ErrNotFound, s.ID, name, modeldir.JoinDTypes(there))
	}
	s.Files = slices.DeleteFunc(slices.Clone(s.Files), func(f File) bool {
		return modeldir.IsGraph(f.Path) && modeldir.DTypeOf(f.Path) != dtype
	})
	return s, nil
}
