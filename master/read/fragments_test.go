package read

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/meseta/meseta/gen/mesosv1"
)

func (c *fragmentCache[T]) len() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.texts)
}

func TestARecordIsEncodedOnceAndForgottenWithIt(t *testing.T) {
	t.Parallel()
	var cache fragmentCache[mesosv1.Task]
	record := &mesosv1.Task{Name: "a task with a name of its own"}
	encoded := 0
	encode := func(*mesosv1.Task) ([]byte, error) {
		encoded++
		return []byte("text"), nil
	}
	for range 3 {
		if text, err := cache.get(record, encode); err != nil || string(text) != "text" {
			t.Fatalf("got %q, %v", text, err)
		}
	}
	if encoded != 1 || cache.len() != 1 {
		t.Errorf("encoded %d times, %d texts are kept; want one of each", encoded, cache.len())
	}
	runtime.KeepAlive(record)
	record = nil
	// When a record is collected is the runtime's decision.
	deadline := time.Now().Add(10 * time.Second)
	for cache.len() > 0 {
		if time.Now().After(deadline) {
			t.Fatal("the text outlives its record")
		}
		runtime.GC()
		runtime.Gosched()
	}
}

func TestManyReadersShareTheTexts(t *testing.T) {
	t.Parallel()
	v := sample(t)
	r := reader(&fakeSource{view: v})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			o := newObject(0)
			r.writeState(o, v)
			if _, err := o.done(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	runtime.KeepAlive(v)
}
