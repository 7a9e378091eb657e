// Package gc removes old sandboxes, by age and sooner when the disk fills up.
package gc

import (
	"context"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/meseta/meseta/agent/sandbox"
)

// Options of a collector.
type Options struct {
	Layout sandbox.Layout
	// Delay is how long a sandbox is kept when the disk is empty.
	Delay time.Duration
	// Headroom is the fraction of the disk that is to stay free.
	Headroom float64
	// Interval is the time between two looks at the disk.
	Interval time.Duration
	// Usage measures which fraction of the disk is in use; nil means to ask
	// the file system of the work directory.
	Usage  func(path string) (float64, error)
	Logger *slog.Logger
}

// Collector removes sandboxes that no live executor uses. Keep and Drop may be
// called by any goroutine; the removing is done in Run.
type Collector struct {
	opts Options

	mu   sync.Mutex
	live map[string]struct{}
	// dead has the time of the last use of each sandbox that may go.
	dead map[string]time.Time

	maxAge            atomic.Int64
	succeeded, failed atomic.Int64
}

// New makes a collector.
func New(opts Options) *Collector {
	if opts.Usage == nil {
		opts.Usage = diskUsage
	}
	c := &Collector{opts: opts, live: map[string]struct{}{}, dead: map[string]time.Time{}}
	c.maxAge.Store(int64(maxAge(opts.Delay, opts.Headroom, 0)))
	return c
}

// Keep protects a sandbox that is or will be in use.
func (c *Collector) Keep(path string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.live[path] = struct{}{}
	delete(c.dead, path)
}

// Drop says that a sandbox was used until now and may be removed some day.
func (c *Collector) Drop(path string, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.live, path)
	c.dead[path] = now
}

// Statistics are numbers for the metrics.
type Statistics struct {
	Succeeded, Failed, Pending int64
	// MaxAge is the age above which sandboxes are removed at present.
	MaxAge time.Duration
}

// Statistics reads the numbers.
func (c *Collector) Statistics() Statistics {
	c.mu.Lock()
	pending := int64(len(c.dead))
	c.mu.Unlock()
	return Statistics{c.succeeded.Load(), c.failed.Load(), pending, time.Duration(c.maxAge.Load())}
}

// Run looks at the disk in intervals until ctx is done. First it finds the
// sandboxes that earlier runs of the agent have left.
func (c *Collector) Run(ctx context.Context) error {
	c.scan()
	ticker := time.NewTicker(c.opts.Interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-ticker.C:
			c.collect(ctx, now)
		}
	}
}

// scan enters every sandbox on the disk that is not in use, with the time of
// its last change.
func (c *Collector) scan() {
	found := c.sandboxes()
	c.mu.Lock()
	defer c.mu.Unlock()
	for path, changed := range found {
		_, live := c.live[path]
		if _, known := c.dead[path]; !live && !known {
			c.dead[path] = changed
		}
	}
}

// sandboxes are the times of the last change of all sandboxes on the disk. It
// is called without the lock: the agent's actor, which must not block, waits
// for that in Keep and Drop.
func (c *Collector) sandboxes() map[string]time.Time {
	agents, err := os.ReadDir(c.opts.Layout.Agents())
	if err != nil && !os.IsNotExist(err) {
		c.opts.Logger.Warn("old sandboxes are not found", "err", err)
	}
	found := map[string]time.Time{}
	for _, agent := range agents {
		if agent.Name() == sandbox.Latest {
			continue // the same sandboxes once more, through the link
		}
		dir := filepath.Join(c.opts.Layout.Agents(), agent.Name())
		// Only a bad pattern is an error of Glob, and this one is not.
		runs, _ := fs.Glob(os.DirFS(dir), "frameworks/*/executors/*/runs/*")
		for _, run := range runs {
			path := filepath.Join(dir, run)
			if info, err := os.Lstat(path); err == nil && info.IsDir() {
				found[path] = info.ModTime()
			}
		}
	}
	return found
}

func (c *Collector) collect(ctx context.Context, now time.Time) {
	usage, err := c.opts.Usage(c.opts.Layout.WorkDir)
	if err != nil {
		c.opts.Logger.Warn("disk usage is unknown; sandboxes are kept", "path", c.opts.Layout.WorkDir, "err", err)
		return
	}
	age := maxAge(c.opts.Delay, c.opts.Headroom, usage)
	c.maxAge.Store(int64(age))
	for _, path := range c.expired(now, age) {
		if ctx.Err() != nil {
			return
		}
		c.remove(path)
	}
}

// maxAge shrinks from the delay to nothing as the disk fills up.
func maxAge(delay time.Duration, headroom, usage float64) time.Duration {
	return time.Duration(float64(delay) * max(0, 1-headroom-usage))
}

func (c *Collector) expired(now time.Time, age time.Duration) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var paths []string
	for path, used := range c.dead {
		if now.Sub(used) >= age {
			paths = append(paths, path)
		}
	}
	return paths
}

// remove takes one sandbox away, and the directories above it that become
// empty.
func (c *Collector) remove(path string) {
	c.mu.Lock()
	if _, dead := c.dead[path]; !dead {
		c.mu.Unlock()
		return // in use again
	}
	delete(c.dead, path)
	c.mu.Unlock()

	if err := os.RemoveAll(path); err != nil {
		c.failed.Add(1)
		c.opts.Logger.Warn("sandbox is not removed", "path", path, "err", err)
		c.mu.Lock()
		c.dead[path] = time.Now() // after another delay
		c.mu.Unlock()
	} else {
		c.succeeded.Add(1)
		c.prune(filepath.Dir(path))
	}
}

// prune removes a runs directory whose last run is gone, then its executor,
// framework and agent as far as they are empty.
func (c *Collector) prune(runs string) {
	latest := filepath.Join(runs, sandbox.Latest)
	if _, err := os.Stat(latest); os.IsNotExist(err) {
		_ = os.Remove(latest)
	}
	dir := runs
	for range 5 { // runs, executor, executors, framework, frameworks
		if os.Remove(dir) != nil {
			return // not empty
		}
		dir = filepath.Dir(dir)
	}
	if target, err := os.Readlink(filepath.Join(c.opts.Layout.Agents(), sandbox.Latest)); err == nil && target != filepath.Base(dir) {
		_ = os.Remove(dir)
	}
}

func diskUsage(path string) (float64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(path, &st); err != nil {
		return 0, err
	}
	if st.Blocks == 0 {
		return 0, nil
	}
	return 1 - float64(st.Bavail)/float64(st.Blocks), nil
}
