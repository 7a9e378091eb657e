package agent

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/gen/mesosv1"
)

// Reconfiguration is what may differ between the agent that was checkpointed
// and the one that starts.
type Reconfiguration string

// The policies, as --reconfiguration_policy names them.
const (
	// ReconfigureEqual allows no difference.
	ReconfigureEqual Reconfiguration = "equal"
	// ReconfigureAdditive allows more resources and further attributes.
	ReconfigureAdditive Reconfiguration = "additive"
)

// Containerizers are those of the agent. A task with a Docker image runs under
// Docker, every other under Process. A task for which there is none fails.
type Containerizers struct {
	Docker  containerizer.Containerizer
	Process containerizer.Containerizer
}

// Options of an agent. Zero durations and numbers take the defaults of Mesos.
type Options struct {
	// WorkDir holds sandboxes and checkpoints. It is created when needed.
	WorkDir string
	// Masters are the addresses of all masters, host:port or URL.
	Masters []string
	// HTTP makes the calls to the master; nil means a client of its own.
	HTTP *http.Client

	// Hostname is what frameworks and operators see.
	Hostname string
	// IP and Port are where the agent's API can be reached by others.
	IP   string
	Port int
	// Resources and Attributes are the agent's totals. The resources must be
	// valid and without allocation.
	Resources  []mesosv1.Resource
	Attributes []mesosv1.Attribute
	Domain     *mesosv1.DomainInfo
	// Version is the API version told to the master.
	Version string

	Containerizers Containerizers
	// CPULimits and MemoryLimits say whether the process containerizer can
	// enforce the limits that a task may ask for beyond its resources.
	CPULimits    bool
	MemoryLimits bool

	// SwitchUser runs tasks as the user whom the framework or the command
	// names; otherwise as the agent's own user.
	SwitchUser bool
	// ExecutorEnvironment is given to every task beneath everything else.
	ExecutorEnvironment map[string]string
	// SandboxDirectory is where containers with an image see their sandbox.
	SandboxDirectory string

	RegistrationBackoffFactor   time.Duration
	ExecutorShutdownGracePeriod time.Duration
	// DockerStopTimeout is the time between SIGTERM and SIGKILL of a Docker
	// task without a kill policy; 0 means ExecutorShutdownGracePeriod.
	DockerStopTimeout time.Duration
	RecoveryTimeout   time.Duration
	GCDelay           time.Duration
	DiskWatchInterval time.Duration
	// GCDiskHeadroom is the fraction of the disk to be kept free; a negative
	// number means the default.
	GCDiskHeadroom                    float64
	MaxCompletedExecutorsPerFramework int

	ReconfigurationPolicy Reconfiguration
	// Lenient goes on with what can be read of damaged checkpoints. Otherwise
	// damage, other than the torn end that a crash leaves, keeps the agent
	// from starting.
	Lenient bool
	// Cleanup kills everything that was checkpointed and ends, instead of
	// continuing.
	Cleanup bool
	// BootID names the run of the kernel; empty means to ask the kernel.
	BootID string
	// LogFile is served as /slave/log when not empty.
	LogFile string

	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// maxCompletedFrameworks bounds the history that the read endpoints show.
const maxCompletedFrameworks = 50

func (o Options) withDefaults() Options {
	set := func(d *time.Duration, value time.Duration) {
		if *d == 0 {
			*d = value
		}
	}
	set(&o.RegistrationBackoffFactor, time.Second)
	set(&o.ExecutorShutdownGracePeriod, 5*time.Second)
	set(&o.RecoveryTimeout, 15*time.Minute)
	set(&o.GCDelay, 7*24*time.Hour)
	set(&o.DiskWatchInterval, time.Minute)
	if o.GCDiskHeadroom < 0 {
		o.GCDiskHeadroom = 0.1
	}
	if o.MaxCompletedExecutorsPerFramework == 0 {
		o.MaxCompletedExecutorsPerFramework = 150
	}
	set(&o.DockerStopTimeout, o.ExecutorShutdownGracePeriod)
	if o.SandboxDirectory == "" {
		o.SandboxDirectory = "/mnt/mesos/sandbox"
	}
	if o.ReconfigurationPolicy == "" {
		o.ReconfigurationPolicy = ReconfigureEqual
	}
	if o.HTTP == nil {
		o.HTTP = &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}
	}
	client := *o.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	o.HTTP = &client
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func (o Options) validate() error {
	var errs []error
	if !filepath.IsAbs(o.WorkDir) {
		errs = append(errs, fmt.Errorf("work_dir %q must be an absolute path", o.WorkDir))
	}
	if o.Hostname == "" {
		errs = append(errs, errors.New("hostname must not be empty"))
	}
	if net.ParseIP(o.IP) == nil {
		errs = append(errs, fmt.Errorf("ip %q is not an IP address", o.IP))
	}
	if o.Port <= 0 || o.Port > 65535 {
		errs = append(errs, fmt.Errorf("port %d is not a port", o.Port))
	}
	if o.Containerizers.Docker == nil && o.Containerizers.Process == nil {
		errs = append(errs, errors.New("an agent needs at least one containerizer"))
	}
	switch o.ReconfigurationPolicy {
	case ReconfigureEqual, ReconfigureAdditive:
	default:
		errs = append(errs, fmt.Errorf("reconfiguration_policy %q must be equal or additive", o.ReconfigurationPolicy))
	}
	return errors.Join(errs...)
}

// info is what the agent tells about itself, without its id.
func (o Options) info() mesosv1.AgentInfo {
	return mesosv1.AgentInfo{
		Hostname:   o.Hostname,
		Port:       new(int32(o.Port)),
		Resources:  o.Resources,
		Attributes: o.Attributes,
		Domain:     o.Domain,
		Checkpoint: new(true),
	}
}
