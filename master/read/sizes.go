package read

import "sync"

// sizes remember how long answers were, so that the next one of its kind gets
// enough memory at once. The zero value is ready to use; it is safe for
// concurrent use.
type sizes struct {
	mu    sync.Mutex
	bytes map[string]int
}

// maxKinds bounds the kinds that are remembered, since some come from
// requests.
const maxKinds = 64

// guess is a little more than the last answer of a kind needed.
func (s *sizes) guess(kind string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(1024, s.bytes[kind]+s.bytes[kind]/16)
}

func (s *sizes) learn(kind string, bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bytes == nil || len(s.bytes) >= maxKinds {
		s.bytes = map[string]int{}
	}
	s.bytes[kind] = bytes
}
