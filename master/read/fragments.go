package read

import (
	"runtime"
	"sync"
	"weak"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/mesosjson"
	"github.com/meseta/meseta/master"
)

// fragments remember the text of records between requests. Between two polls
// of a large cluster nearly all records stay the same, and to encode them is
// nearly all the work.
type fragments struct {
	tasksV1, tasks   fragmentCache[mesosv1.Task]
	agentsV1, agents fragmentCache[master.AgentRecord]
}

// fragmentCache remembers one form of records of one type. Records are never
// changed, only replaced, so an address stands for its content for as long as
// the record lives. A text is forgotten when its record has been collected,
// hence the cache is never larger than in proportion to the state itself. Its
// zero value is empty and ready to use; it is safe for concurrent use.
type fragmentCache[T any] struct {
	mu    sync.RWMutex
	texts map[weak.Pointer[T]][]byte
}

// get returns the text of a record, which must not be changed.
func (c *fragmentCache[T]) get(record *T, encode func(*T) ([]byte, error)) ([]byte, error) {
	key := weak.Make(record)
	c.mu.RLock()
	text, known := c.texts[key]
	c.mu.RUnlock()
	if known {
		return text, nil
	}
	text, err := encode(record)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if earlier, known := c.texts[key]; known {
		return earlier, nil // another request was faster
	}
	if c.texts == nil {
		c.texts = make(map[weak.Pointer[T]][]byte)
	}
	c.texts[key] = text
	runtime.AddCleanup(record, c.forget, key)
	return text, nil
}

func (c *fragmentCache[T]) forget(key weak.Pointer[T]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.texts, key)
}

func (f *fragments) taskV1(t *mesosv1.Task) ([]byte, error) {
	return f.tasksV1.get(t, func(t *mesosv1.Task) ([]byte, error) { return mesosjson.Marshal(t) })
}

func (f *fragments) task(t *mesosv1.Task) ([]byte, error) {
	return f.tasks.get(t, func(t *mesosv1.Task) ([]byte, error) { return mesosjson.Marshal(legacyTask(t)) })
}

func (f *fragments) agentV1(a *master.AgentRecord) ([]byte, error) {
	return f.agentsV1.get(a, func(a *master.AgentRecord) ([]byte, error) { return mesosjson.Marshal(agentV1(a)) })
}

func (f *fragments) agent(a *master.AgentRecord) ([]byte, error) {
	return f.agents.get(a, func(a *master.AgentRecord) ([]byte, error) { return mesosjson.Marshal(legacyAgent(a)) })
}
