package master

import (
	"math"
	"slices"
	"sync"
	"time"
)

// timer keeps the durations of the last hour, or of the last timerSamples
// events if there were more, and describes them in milliseconds. It is safe
// for concurrent use.
type timer struct {
	mu      sync.Mutex
	samples [timerSamples]timerSample
	next    int
	size    int
}

const (
	timerSamples = 1024
	timerWindow  = time.Hour
)

type timerSample struct {
	at    time.Time
	value float64 // milliseconds
}

func (t *timer) observe(at time.Time, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.samples[t.next] = timerSample{at, float64(took) / float64(time.Millisecond)}
	t.next = (t.next + 1) % timerSamples
	t.size = min(t.size+1, timerSamples)
}

// timerQuantiles are told by their suffixes.
var timerQuantiles = []struct {
	suffix string
	at     float64
}{{"/p50", 0.5}, {"/p90", 0.9}, {"/p95", 0.95}, {"/p99", 0.99}, {"/p999", 0.999}, {"/p9999", 0.9999}}

// describe adds the last value under the name and, from two values on, the
// distribution under names below it.
func (t *timer) describe(into map[string]float64, name string, now time.Time) {
	t.mu.Lock()
	values := make([]float64, 0, t.size)
	for i := range t.size {
		s := t.samples[(t.next-1-i+2*timerSamples)%timerSamples]
		if now.Sub(s.at) > timerWindow {
			break
		}
		values = append(values, s.value)
	}
	t.mu.Unlock()
	// Until something has happened, nothing has taken any time.
	into[name] = 0
	if len(values) > 0 {
		into[name] = values[0]
	}
	if len(values) <= 1 {
		return
	}
	slices.Sort(values)
	last := len(values) - 1
	into[name+"/count"] = float64(len(values))
	into[name+"/min"], into[name+"/max"] = values[0], values[last]
	for _, q := range timerQuantiles {
		// Between two values the quantile is interpolated.
		place := q.at * float64(last)
		below := int(math.Floor(place))
		value := values[below]
		if below < last {
			value += (place - float64(below)) * (values[below+1] - value)
		}
		into[name+q.suffix] = value
	}
}
