package engine

// Ready returns nil if the model takes requests, and else the error that they get: draining,
// model_loading, model_failed, or that of a model whose server is not healthy. A full gate is none
// of these.
func (m *Model) Ready() error {
	if m.engine.Draining() {
		return draining()
	}
	return m.usable()
}

// Loaded returns nil if the model has been loaded, whether it takes requests now or not, and else
// model_loading or model_failed.
func (m *Model) Loaded() error {
	if state := m.Snapshot().State; state == StateLoading || state == StateFailed {
		return m.usable()
	}
	return nil
}
