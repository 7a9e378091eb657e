// Package read answers questions about the master: the calls of the operator
// API that read, and the older endpoints that tools and people poll.
//
// Every answer is made from one immutable [master.View] in the goroutine of
// the request, so that no reader, however many there are and however slow,
// holds up scheduling. Views become JSON by pure functions.
package read

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/operatorv1"
	"github.com/meseta/meseta/internal/config"
	"github.com/meseta/meseta/internal/httpx"
	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/mesosjson"
	"github.com/meseta/meseta/internal/verbosity"
	"github.com/meseta/meseta/internal/version"
	"github.com/meseta/meseta/master"
)

// Source is the master that is asked.
type Source interface {
	// View returns a state that shows everything that had happened before the
	// call. It may block until ctx ends.
	View(ctx context.Context) (*master.View, error)
	// Info describes the master. It must not be changed.
	Info() mesosv1.MasterInfo
	// StartTime is when the process started; it leads since then.
	StartTime() time.Time
	// Teardown removes a framework. An unknown one is an Invalid error.
	Teardown(ctx context.Context, id mesosid.FrameworkID) error
}

var _ Source = (*master.Master)(nil)

// Counters are what the master counts and measures, by Mesos names. The maps
// belong to the caller.
type Counters interface {
	// Counters only grow while the process lives.
	Counters() map[string]uint64
	// Timers are in milliseconds.
	Timers(now time.Time) map[string]float64
	// Waiting is the number of commands that wait for the actor.
	Waiting() int
}

var _ Counters = (*master.Metrics)(nil)

// Options configure a Reader. The zero value of a field means the default that
// its comment names.
type Options struct {
	// Flags are those of the process, secrets hidden; none by default.
	Flags []config.Flag
	// Counters are the counters of the master; none by default.
	Counters Counters
	// Gatherer has what /metrics shows besides the counters and gauges known
	// here; nothing by default.
	Gatherer prometheus.Gatherer
	// Roles is the whitelist of roles; empty allows all.
	Roles []string
	// PerFramework adds metrics for each framework.
	PerFramework bool
	// LogFile is the file that is served as /master/log; none by default.
	LogFile string
	// Verbosity is how much is logged; a fixed level by default.
	Verbosity *verbosity.Level

	// Authenticator says who asks; everybody is let in by default.
	Authenticator httpx.Authenticator
	// Authorizer says who may do what; everybody everything by default.
	Authorizer httpx.Authorizer
	// BodyLimits bound the bodies of requests.
	BodyLimits httpx.BodyLimits
	// Logger takes our own errors; they are discarded by default.
	Logger *slog.Logger
}

// Reader answers for one master. It is safe for concurrent use.
type Reader struct {
	source Source
	opts   Options
	log    *slog.Logger

	build     mesosv1.VersionInfo // never changed
	calls     *mesosjson.Decoder[operatorv1.Call]
	files     files
	fragments fragments
	sizes     sizes
}

// New makes a Reader. It holds no resources that would have to be released.
func New(source Source, opts Options) *Reader {
	if opts.Authenticator == nil {
		opts.Authenticator = httpx.NoAuthentication{}
	}
	if opts.Authorizer == nil {
		opts.Authorizer = httpx.AllowAll{}
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Verbosity == nil {
		opts.Verbosity = verbosity.New(new(slog.LevelVar))
	}
	if opts.Gatherer == nil {
		opts.Gatherer = prometheus.Gatherers{}
	}
	r := &Reader{
		source: source,
		opts:   opts,
		log:    opts.Logger,
		build:  buildInfo(version.Current()),
		calls:  mesosjson.NewDecoder[operatorv1.Call](mesosjson.Limits{}),
		files:  files{},
	}
	if opts.LogFile != "" {
		r.files["/master/log"] = opts.LogFile
	}
	return r
}

// flag gives the value of a flag, "" if it is not set.
func (r *Reader) flag(name string) string {
	for _, f := range r.opts.Flags {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}
