package allocator

import (
	"container/heap"
	"time"
)

// filterRef points at one refusal from the calendar. It is plain data, so that
// millions of them cost the garbage collector nothing. A reference whose
// refusal has gone in the meantime is recognised by its numbers and ignored:
// shape numbers of an agent's slot are not used twice, and the epoch of a
// client's slot rises whenever all of its refusals are dropped.
type filterRef struct {
	agent, client int32
	shape, epoch  uint32
}

// calendarStep is the precision to which ends of refusals are rounded up.
// Refusals that end in the same step share one bucket.
const calendarStep = 10 * time.Millisecond

// calendar holds refusals by the time they end: a heap of steps, and a bucket
// of references for each. Frameworks refuse in bursts and with few different
// durations, so there are far fewer steps than references, and both adding one
// and taking a due one cost next to nothing.
type calendar struct {
	// base lies further back from the first moment seen than any refusal lasts.
	// Times are kept as distances from it, which are positive and, when there
	// is a monotonic clock reading, follow that.
	base    time.Time
	steps   stepHeap
	buckets map[int64][]filterRef
	spare   [][]filterRef
	// size counts references, stale ones included.
	size int
}

type stepHeap []int64

func (h stepHeap) Len() int           { return len(h) }
func (h stepHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h stepHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *stepHeap) Push(x any)        { *h = append(*h, x.(int64)) }
func (h *stepHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

func (c *calendar) step(at time.Time) int64 {
	if c.base.IsZero() {
		c.base = at.Add(-2 * maxRefusal)
	}
	return int64((at.Sub(c.base) + calendarStep - 1) / calendarStep)
}

func (c *calendar) time(step int64) time.Time {
	return c.base.Add(time.Duration(step) * calendarStep)
}

func (c *calendar) add(until time.Time, ref filterRef) {
	step := c.step(until)
	bucket, found := c.buckets[step]
	if !found {
		if c.buckets == nil {
			c.buckets = make(map[int64][]filterRef)
		}
		heap.Push(&c.steps, step)
		if n := len(c.spare); n > 0 {
			bucket, c.spare = c.spare[n-1], c.spare[:n-1]
		}
	}
	c.buckets[step] = append(bucket, ref)
	c.size++
}

// next returns when the earliest bucket is due.
func (c *calendar) next() (time.Time, bool) {
	if len(c.steps) == 0 {
		return time.Time{}, false
	}
	return c.time(c.steps[0]), true
}

// due calls fire for every reference whose time has come and forgets it.
func (c *calendar) due(now time.Time, fire func(filterRef)) {
	for len(c.steps) > 0 && !c.time(c.steps[0]).After(now) {
		step := heap.Pop(&c.steps).(int64)
		bucket := c.buckets[step]
		delete(c.buckets, step)
		c.size -= len(bucket)
		for _, ref := range bucket {
			fire(ref)
		}
		if len(c.spare) < 8 && cap(bucket) <= 1<<16 {
			c.spare = append(c.spare, bucket[:0])
		}
	}
}

// compact drops the references for which keep is false.
func (c *calendar) compact(keep func(filterRef) bool) {
	steps := c.steps[:0]
	for _, step := range c.steps {
		bucket := c.buckets[step]
		kept := bucket[:0]
		for _, ref := range bucket {
			if keep(ref) {
				kept = append(kept, ref)
			}
		}
		c.size -= len(bucket) - len(kept)
		if len(kept) == 0 {
			delete(c.buckets, step)
			continue
		}
		c.buckets[step] = kept
		steps = append(steps, step)
	}
	c.steps = steps
	heap.Init(&c.steps)
}

// each calls visit for every reference with the time it ends.
func (c *calendar) each(visit func(until time.Time, ref filterRef)) {
	for step, bucket := range c.buckets {
		at := c.time(step)
		for _, ref := range bucket {
			visit(at, ref)
		}
	}
}
