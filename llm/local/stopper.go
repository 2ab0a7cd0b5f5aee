package local

// stopper looks for stop strings in a text that comes in pieces, and holds back what could be the
// beginning of one. Each string is matched by its automaton (Knuth, Morris, Pratt 1977), so the
// cost is one step per byte and stop string, whatever the text.
type stopper struct {
	stops []stopString
	held  []byte
}

type stopString struct {
	text    string
	back    []int // back[n]: the longest proper beginning of text[:n+1] that also ends it
	matched int   // how much of text the text so far ends with
}

func newStopper(texts []string) *stopper {
	s := &stopper{stops: make([]stopString, len(texts))}
	for i, text := range texts {
		back := make([]int, len(text))
		for n, k := 1, 0; n < len(text); n++ {
			for k > 0 && text[n] != text[k] {
				k = back[k-1]
			}
			if text[n] == text[k] {
				k++
			}
			back[n] = k
		}
		s.stops[i] = stopString{text: text, back: back}
	}
	return s
}

// push takes a piece of text and returns what can be emitted now, and whether a stop string is
// complete: it and what follows it are never emitted.
func (s *stopper) push(piece string) (ready string, stopped bool) {
	if len(s.stops) == 0 {
		return piece, false
	}
	s.held = append(s.held, piece...)
	end := len(s.held) - len(piece)
	for _, b := range []byte(piece) {
		end++
		complete := 0
		for i := range s.stops {
			if stop := &s.stops[i]; stop.step(b) {
				complete = max(complete, len(stop.text))
			}
		}
		if complete > 0 {
			return string(s.held[:end-complete]), true
		}
	}
	hold := 0
	for _, stop := range s.stops {
		hold = max(hold, stop.matched)
	}
	ready = string(s.held[:len(s.held)-hold])
	s.held = append(s.held[:0], s.held[len(s.held)-hold:]...)
	return ready, false
}

// flush returns what is held back, at the end of the text.
func (s *stopper) flush() string {
	held := string(s.held)
	s.held = s.held[:0]
	return held
}

// step takes a byte, and reports whether the string is complete.
func (s *stopString) step(b byte) bool {
	for s.matched > 0 && s.text[s.matched] != b {
		s.matched = s.back[s.matched-1]
	}
	if s.text[s.matched] == b {
		s.matched++
	}
	return s.matched == len(s.text)
}
