package docker

import (
	"context"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/client"

	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/pause"
)

const (
	// firstPause and lastPause bound the time between two attempts to reach an
	// engine that is away.
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
	// auditInterval is how often all containers are compared with the engine's
	// list: the engine drops events that nobody reads in time.
	auditInterval = 30 * time.Second
)

// backoff is the growing pause between attempts. The zero value is ready.
type backoff struct{ next time.Duration }

// wait pauses, and says false when ctx is done.
func (b *backoff) wait(ctx context.Context) bool {
	b.next = min(max(2*b.next, firstPause), lastPause)
	return pause.For(ctx, b.next/2+rand.N(b.next/2)) == nil
}

// watch follows the engine's events until ctx is done. After each connection,
// first or later, every container is looked at: what happened while there was
// none left no event.
func (c *Containerizer) watch(ctx context.Context) {
	var retry backoff
	for ctx.Err() == nil {
		connected, err := c.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		if connected {
			retry = backoff{}
			c.log.Warn("the Docker engine's event stream has ended; connecting again", "err", err)
		} else if retry.next == 0 {
			c.log.Warn("the Docker engine does not answer; trying again until it does", "host", c.opts.Host, "err", err)
		}
		if !retry.wait(ctx) {
			return
		}
	}
}

// follow reads one event stream to its end. It says whether the engine had
// answered.
func (c *Containerizer) follow(ctx context.Context) (connected bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// The engine answers before it subscribes, so it is asked for what has
	// happened since before the question.
	since := time.Now().Add(-time.Second)
	if err := c.Ping(ctx); err != nil {
		return false, err
	}
	stream := c.client.Events(ctx, client.EventsListOptions{
		Since: since.Format(time.RFC3339Nano),
		Filters: client.Filters{}.
			Add("type", string(events.ContainerEventType)).
			Add("event", string(events.ActionDie), string(events.ActionDestroy)).
			Add("label", labelWorkDir+"="+c.opts.WorkDir),
	})
	c.wakeAll()
	audit := time.NewTicker(auditInterval)
	defer audit.Stop()
	for {
		select {
		case event := <-stream.Messages:
			c.notice(event)
		case err := <-stream.Err:
			return true, err
		case <-audit.C:
			c.audit(ctx)
		}
	}
}

// notice wakes the supervisor of the container that an event is about.
func (c *Containerizer) notice(event events.Message) {
	id := mesosid.ContainerID(event.Actor.Attributes[labelContainerID])
	c.mu.Lock()
	r := c.records[id]
	c.mu.Unlock()
	if r == nil {
		return
	}
	if code, err := strconv.Atoi(event.Actor.Attributes["exitCode"]); err == nil {
		r.mu.Lock()
		r.lastCode = code
		r.mu.Unlock()
	}
	r.wake()
}

func (c *Containerizer) wakeAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.records {
		r.wake()
	}
}

// audit wakes the supervisors of containers that the engine no longer lists as
// running.
func (c *Containerizer) audit(ctx context.Context) {
	list, err := c.client.ContainerList(ctx, client.ContainerListOptions{
		Filters: client.Filters{}.Add("label", labelWorkDir+"="+c.opts.WorkDir),
	})
	if err != nil {
		return // the event stream will tell
	}
	alive := make(map[mesosid.ContainerID]bool, len(list.Items))
	for _, item := range list.Items {
		alive[mesosid.ContainerID(item.Labels[labelContainerID])] = true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, r := range c.records {
		if !alive[id] {
			r.wake()
		}
	}
}
