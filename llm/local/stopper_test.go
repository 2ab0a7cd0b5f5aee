package local

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// passed returns what a stopper lets pass of a text in pieces.
func passed(stops, pieces []string) (text string, stopped bool) {
	s := newStopper(stops)
	for _, p := range pieces {
		piece, stopped := s.push(p)
		text += piece
		if stopped {
			return text, true
		}
	}
	return text + s.flush(), false
}

func TestStopper(t *testing.T) {
	for name, c := range map[string]struct {
		stops, pieces []string
		want          string
		stopped       bool
	}{
		"none":                 {nil, []string{"a", "b"}, "ab", false},
		"in one piece":         {[]string{"\n\n"}, []string{"a\n\nb"}, "a", true},
		"across pieces":        {[]string{"END"}, []string{"the E", "N", "D of"}, "the ", true},
		"at the very start":    {[]string{"END"}, []string{"END"}, "", true},
		"begun, not finished":  {[]string{"END"}, []string{"the E", "N"}, "the EN", false},
		"begun twice":          {[]string{"aab"}, []string{"aa", "a", "b"}, "a", true},
		"the first of two":     {[]string{"xyz", "yw"}, []string{"xy", "w"}, "x", true},
		"the longer of two":    {[]string{"b", "ab"}, []string{"a", "b"}, "", true},
		"one inside the other": {[]string{"abc", "b"}, []string{"ab"}, "a", true},
		"many bytes":           {[]string{"日本"}, []string{"x日", "本y"}, "x", true},
		"half of many bytes":   {[]string{"日本"}, []string{"x日", "曜"}, "x日曜", false},
	} {
		t.Run(name, func(t *testing.T) {
			got, stopped := passed(c.stops, c.pieces)
			if got != c.want || stopped != c.stopped {
				t.Errorf("got %q, %v; want %q, %v", got, stopped, c.want, c.stopped)
			}
		})
	}
}

func TestStopperHoldsBackNoMoreThanNeeded(t *testing.T) {
	s := newStopper([]string{"STOP"})
	for _, c := range []struct{ push, want string }{{"a", "a"}, {"S", ""}, {"T", ""}, {"x", "STx"}, {"SS", "S"}, {"b", "Sb"}} {
		if got, _ := s.push(c.push); got != c.want {
			t.Errorf("push(%q) returns %q, want %q", c.push, got, c.want)
		}
	}
}

// search does what a stopper does, on the whole text at once.
func search(stops []string, text string) (string, bool) {
	for end := range len(text) + 1 {
		longest := -1
		for _, stop := range stops {
			if strings.HasSuffix(text[:end], stop) {
				longest = max(longest, len(stop))
			}
		}
		if longest >= 0 {
			return text[:end-longest], true
		}
	}
	return text, false
}

func TestStopperFindsWhatSearchingFinds(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	word := func(most int) string {
		b := make([]byte, 1+random.IntN(most))
		for i := range b {
			b[i] = "ab"[random.IntN(2)]
		}
		return string(b)
	}
	for range 20000 {
		stops := make([]string, 1+random.IntN(3))
		for i := range stops {
			stops[i] = word(6)
		}
		pieces := make([]string, random.IntN(8))
		for i := range pieces {
			pieces[i] = word(4)
		}
		got, stopped := passed(stops, pieces)
		want, wantStopped := search(stops, strings.Join(pieces, ""))
		if got != want || stopped != wantStopped {
			t.Fatalf("stops %q, text %q: got %q, %v; want %q, %v", stops, pieces, got, stopped, want, wantStopped)
		}
	}
}
