package engine

// Default returns the model for requests that name none, if there is one.
func (e *Engine) Default() (*Model, bool) { return nil, false }
