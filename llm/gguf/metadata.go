package gguf

import "fmt"

// metadata looks up values by key and type. After a failure err is set, and further values are
// undefined.
type metadata struct {
	values map[string]any
	err    error
}

// A metadatum is the type of a metadata value.
type metadatum interface {
	string | bool | int64 | float64 | []string | []int64
}

// required returns the value of key, which must be present.
func required[T metadatum](m *metadata, key string) T {
	if _, given := m.values[key]; !given && m.err == nil {
		m.err = fmt.Errorf("metadata %s is missing", key)
	}
	var none T
	return optional(m, key, none)
}

// optional returns the value of key, or fallback if it is missing.
func optional[T metadatum](m *metadata, key string, fallback T) T {
	value, given := m.values[key]
	if !given {
		return fallback
	}
	typed, ok := value.(T)
	if !ok && m.err == nil {
		m.err = fmt.Errorf("metadata %s is %T, not %T", key, value, typed)
	}
	return typed
}

// size returns an integer from 1 to limit, which must be present.
func (m *metadata) size(key string, limit int64) int64 {
	return m.bounded(key, required[int64](m, key), limit)
}

// sizeOr returns an integer from 1 to limit, or fallback if it is missing.
func (m *metadata) sizeOr(key string, limit, fallback int64) int64 {
	return m.bounded(key, optional(m, key, fallback), limit)
}

func (m *metadata) bounded(key string, n, limit int64) int64 {
	if m.err == nil && (n < 1 || n > limit) {
		m.err = fmt.Errorf("metadata %s is %d: only 1 to %d is supported", key, n, limit)
	}
	return n
}
