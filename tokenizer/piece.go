package tokenizer

// piece is a part of a text on its way through the steps.
type piece struct {
	text  string
	first bool // its first character comes from the first one of the text
}

// part returns the bytes from start to end as a piece.
func (p piece) part(start, end int) piece {
	return piece{p.text[start:end], p.first && start == 0}
}
