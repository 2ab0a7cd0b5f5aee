package configs

import "strings"

// unavailable lists the keys that the schema has and this version does not implement, and
// models.KIND for a whole kind of model. A change that implements one deletes its line here.
func unavailable() []string {
	return nil
}

const notAvailable = "not available in this version"

// isUnavailable reports whether a key is in the list or below one that is.
func (d *decoder) isUnavailable(schema string) bool {
	for _, key := range d.unavailable {
		if schema == key || strings.HasPrefix(schema, key+".") {
			return true
		}
	}
	return false
}
