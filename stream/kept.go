package stream

import "slices"

// keep notes that a stream has ended and is kept for readers, and returns the one that makes room
// for it, nil if there is room: of the caller that has most, the one that ended first.
func (s *Streams) keep(stream *Stream) *Stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byID[stream.id] != stream { // it has been removed already
		return nil
	}
	caller := stream.config.Caller
	s.ended[caller] = append(s.ended[caller], stream)
	if s.endedAll++; s.kept == 0 || s.endedAll <= s.kept {
		return nil
	}
	most := caller
	for name, ended := range s.ended {
		if len(ended) > len(s.ended[most]) {
			most = name
		}
	}
	oldest := s.ended[most][0]
	s.dropEnded(most, 0)
	return oldest
}

func (s *Streams) dropEnded(caller string, i int) {
	s.endedAll--
	if s.ended[caller] = slices.Delete(s.ended[caller], i, i+1); len(s.ended[caller]) == 0 {
		delete(s.ended, caller)
	}
}

// Kept returns how many ended streams are kept for readers.
func (s *Streams) Kept() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.endedAll
}
