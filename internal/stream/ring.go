package stream

// ring is a first-in, first-out list of frames that reuses its memory. It
// grows as needed; bounding it is the owner's business.
type ring struct {
	frames [][]byte // its length is zero or a power of two
	head   int      // the oldest frame
	count  int
}

func (r *ring) push(frame []byte) {
	if r.count == len(r.frames) {
		r.grow()
	}
	r.frames[(r.head+r.count)&(len(r.frames)-1)] = frame
	r.count++
}

// pop removes the oldest frame; the ring must not be empty.
func (r *ring) pop() []byte {
	frame := r.frames[r.head]
	r.frames[r.head] = nil
	r.head = (r.head + 1) & (len(r.frames) - 1)
	r.count--
	return frame
}

// next is the oldest frame, which stays; the ring must not be empty.
func (r *ring) next() []byte { return r.frames[r.head] }

func (r *ring) grow() {
	larger := make([][]byte, max(16, 2*len(r.frames)))
	n := copy(larger, r.frames[r.head:])
	copy(larger[n:], r.frames[:r.head])
	r.frames, r.head = larger, 0
}
