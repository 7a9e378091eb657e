// Package docker runs containers by driving a Docker engine.
//
// The engine holds the containers, so they outlive the agent; labels on each
// container say to which agent's work directory it belongs and for whom it
// runs, which is all that Recover needs.
//
// Who owns what:
//
//	Containerizer.records   a map under a mutex, the only shared state
//	record                  one container; its supervisor goroutine alone
//	                        decides that it has ended, and closes record.ended
//	                        once with the exit in place
//	logPump                 one goroutine per container, sole writer of the
//	                        sandbox files stdout and stderr (logs.go)
//	watcher                 Run: reads the engine's event stream and wakes
//	                        supervisors (watch.go)
//
// Events are hints: a supervisor that is woken inspects its container, and
// what inspect says is the truth. So an engine that vanishes, returns, drops
// events or is restarted only delays the news.
package docker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/moby/moby/client"

	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/internal/mesosid"
)

// DefaultHost is the engine's usual address.
const DefaultHost = client.DefaultDockerHost

// Options configure a Containerizer. WorkDir is required.
type Options struct {
	// Host is the engine's address, as in DOCKER_HOST; empty means DefaultHost.
	Host string
	// WorkDir is the agent's work directory. Containers are labelled with it,
	// so that agents that share an engine leave each other's alone.
	WorkDir string
	// StateDir is where the places reached in the engine's logs are kept, so
	// that a restarted agent need not read all of them again. Empty means
	// WorkDir/meta/docker. Losing it costs time, never output.
	StateDir string
	// PullTimeout bounds the pull of one image. 0 means 30 minutes, a negative
	// duration means no bound.
	PullTimeout time.Duration
	// DrainTimeout is how long Wait holds back the news of an end while the
	// last output is still being written to the sandbox. 0 means 10 seconds.
	DrainTimeout time.Duration
	// Credentials gives the user and password for a registry, by its host
	// name; nil, or false, means none.
	Credentials func(registry string) (Credentials, bool)
	// Logger may be nil.
	Logger *slog.Logger
}

// Credentials are what a registry asks for.
type Credentials struct {
	Username      string
	Password      string
	IdentityToken string
}

// LogValue keeps secrets out of logs.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.Username) }

// Containerizer implements containerizer.Containerizer and
// containerizer.Statistician on a Docker engine. Run must run for as long as
// it is used.
type Containerizer struct {
	opts   Options
	client *client.Client
	log    *slog.Logger
	// life ends when Run returns; supervisors and log pumps end with it.
	life context.Context
	stop context.CancelFunc
	work sync.WaitGroup

	mu      sync.Mutex
	records map[mesosid.ContainerID]*record
}

var (
	_ containerizer.Containerizer = (*Containerizer)(nil)
	_ containerizer.Statistician  = (*Containerizer)(nil)
)

// New returns a containerizer for the engine of opts.Host. It does not
// connect: an engine may come later. Use Ping to ask whether one is there.
func New(opts Options) (*Containerizer, error) {
	if !filepath.IsAbs(opts.WorkDir) {
		return nil, fmt.Errorf("docker containerizer: the work directory %q must be an absolute path", opts.WorkDir)
	}
	opts.WorkDir = filepath.Clean(opts.WorkDir)
	if opts.Host == "" {
		opts.Host = DefaultHost
	}
	if opts.StateDir == "" {
		opts.StateDir = filepath.Join(opts.WorkDir, "meta", "docker")
	}
	if opts.PullTimeout == 0 {
		opts.PullTimeout = 30 * time.Minute
	}
	if opts.DrainTimeout == 0 {
		opts.DrainTimeout = 10 * time.Second
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	c, err := client.New(client.WithHost(opts.Host), client.WithUserAgent("meseta-agent"))
	if err != nil {
		return nil, fmt.Errorf("docker engine at %s: %w", opts.Host, err)
	}
	life, stop := context.WithCancel(context.Background())
	return &Containerizer{
		opts: opts, client: c, log: opts.Logger,
		life: life, stop: stop,
		records: make(map[mesosid.ContainerID]*record),
	}, nil
}

// Run watches the engine until ctx is done, then ends everything that the
// containerizer has going and returns nil. Containers go on. The containerizer
// is of no use afterwards.
func (c *Containerizer) Run(ctx context.Context) error {
	c.watch(ctx)
	c.stop()
	c.work.Wait()
	return c.client.Close()
}

// Ping says whether the engine answers: nil, or an error that wraps
// containerizer.ErrUnavailable and tells what to do.
func (c *Containerizer) Ping(ctx context.Context) error {
	_, err := c.client.Ping(ctx, client.PingOptions{})
	return c.explain(ctx, err)
}

// record is what is known of one container.
type record struct {
	id   mesosid.ContainerID
	spec containerizer.Spec
	// launching holds one token; whoever has it may launch or remove.
	launching chan struct{}
	// woken asks the supervisor to inspect; it has room for one.
	woken chan struct{}
	// cancel ends the supervisor and the log pump.
	cancel context.CancelFunc
	ctx    context.Context
	// dead is closed by the supervisor when the container no longer runs.
	dead chan struct{}
	// ended is closed once, when exit is final. It is written before.
	ended chan struct{}
	exit  containerizer.Exit
	// starts are the lengths that the sandbox files stdout and stderr had
	// before the container wrote to them. They are set before pumped is.
	starts [2]int64
	// pumped is closed when the log pump has ended; nil while there is none.
	// It is written with the right to launch.
	pumped chan struct{}

	// mu guards what follows.
	mu sync.Mutex
	// engineID is the engine's id of the container once it has been started.
	engineID string
	status   containerizer.Status
	// lastCode is the exit code that an event reported, -1 when none did. It
	// serves where the container is gone before it could be inspected.
	lastCode int
}

func newRecord(life context.Context, spec containerizer.Spec) *record {
	ctx, cancel := context.WithCancel(life)
	r := &record{
		id: spec.ID, spec: spec,
		launching: make(chan struct{}, 1),
		woken:     make(chan struct{}, 1),
		ctx:       ctx, cancel: cancel,
		dead:  make(chan struct{}),
		ended: make(chan struct{}),

		lastCode: -1,
	}
	r.launching <- struct{}{}
	return r
}

// acquire takes the right to launch or remove the container.
func (r *record) acquire(ctx context.Context) error {
	select {
	case <-r.launching:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *record) release() { r.launching <- struct{}{} }

// wake makes the supervisor look at the container.
func (r *record) wake() {
	select {
	case r.woken <- struct{}{}:
	default: // it is about to look anyway
	}
}

// started returns the engine's id of the container and its status; the id is
// empty until the container runs.
func (r *record) started() (string, containerizer.Status) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.engineID, r.status
}

// find returns the record of a container that was launched, or ErrUnknown.
func (c *Containerizer) find(id mesosid.ContainerID) (*record, string, error) {
	c.mu.Lock()
	r := c.records[id]
	c.mu.Unlock()
	if r != nil {
		if engineID, _ := r.started(); engineID != "" {
			return r, engineID, nil
		}
	}
	return nil, "", fmt.Errorf("container %s: %w", id, containerizer.ErrUnknown)
}

// obtain returns the record of spec's container and makes one if need be.
func (c *Containerizer) obtain(spec containerizer.Spec) *record {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.records[spec.ID]
	if r == nil {
		r = newRecord(c.life, spec)
		c.records[spec.ID] = r
	}
	return r
}

// forget drops a record, unless another has taken its place.
func (c *Containerizer) forget(r *record) {
	r.cancel()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.records[r.id] == r {
		delete(c.records, r.id)
	}
}

var errStopped = errors.New("the containerizer has been stopped")
