package dialect

// Peeked is peeked, for tests.
type Peeked = peeked

// PeekRequest is peekRequest without the Body, for tests.
func PeekRequest(request []byte) (Peeked, error) {
	p, _, err := peekRequest(request)
	return p, err
}
