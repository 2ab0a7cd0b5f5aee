package tokenizer

import "unicode/utf8"

// piece is a part of a text on its way through the steps.
type piece struct {
	text  string
	first int // how many bytes come from the first character of the whole text
}

func newPiece(text string) piece {
	_, size := utf8.DecodeRuneInString(text)
	return piece{text, size}
}

// part returns the bytes from start to end as a piece.
func (p piece) part(start, end int) piece {
	return piece{p.text[start:end], min(max(p.first-start, 0), end-start)}
}

// after returns p with a text before it, which counts as p's.
func (p piece) after(text string) piece {
	if p.first > 0 {
		p.first += len(text)
	}
	p.text = text + p.text
	return p
}

// changed returns p with its text changed. The change of the beginning is that of the beginning
// alone; only whether it is empty, and where it ends, is of use.
func (p piece) changed(change func(text string) string) piece {
	to := piece{text: change(p.text)}
	if p.first > 0 {
		to.first = min(len(change(p.text[:p.first])), len(to.text))
	}
	return to
}
