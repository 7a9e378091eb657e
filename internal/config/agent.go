package config

import (
	"encoding/json"
	"math"
	"path/filepath"
	"time"

	"github.com/meseta/meseta/internal/resources"
	"github.com/meseta/meseta/internal/role"
)

// Agent holds the settings of an agent. Durations and sizes are within the
// limits stated in the help; combinations have been checked.
type Agent struct {
	Network
	Logging
	HTTP

	// Masters are the "host:port" of the masters, at least one.
	Masters []string
	// RegistrationBackoffFactor is the unit of the random wait between
	// attempts to register.
	RegistrationBackoffFactor time.Duration

	// WorkDir holds sandboxes and checkpoints; absolute, never empty.
	WorkDir string
	// RuntimeDir holds what concerns running containers; by default
	// "runtime" in WorkDir.
	RuntimeDir string

	// Resources is the text or JSON of --resources; empty means to detect them.
	Resources string
	// DefaultRole is the role of resources that name none.
	DefaultRole string
	// Attributes is the text of --attributes; empty if unset.
	Attributes string
	// Domain is the fault domain as DomainInfo JSON; nil if unset.
	Domain json.RawMessage

	// Containerizers are "process" and "docker" in the order in which they are
	// asked whether they support a container. Empty means unset: process, and
	// before it docker when an engine answers.
	Containerizers []string
	// SwitchUser runs tasks as the user they name.
	SwitchUser bool
	// SandboxDirectory is where a container with an image sees its sandbox.
	SandboxDirectory string
	// ExecutorEnvironment replaces the environment that executors inherit; nil
	// if unset.
	ExecutorEnvironment map[string]string
	// ExecutorRegistrationTimeout is how long an executor may take to subscribe.
	ExecutorRegistrationTimeout time.Duration
	// ExecutorReregistrationTimeout is how long executors may take to return
	// after a restart of the agent.
	ExecutorReregistrationTimeout time.Duration
	// ExecutorShutdownGracePeriod is how long they may take to shut down.
	ExecutorShutdownGracePeriod time.Duration
	// HTTPHeartbeatInterval is the time between heartbeats on streams.
	HTTPHeartbeatInterval time.Duration
	// HTTPCommandExecutor is true when command tasks get an executor that
	// subscribes over HTTP, as --http_command_executor asks.
	HTTPCommandExecutor bool

	// Isolation are isolators as Mesos names them; nil if unset. When it is set,
	// control groups limit tasks only if one of cgroups/* is named.
	Isolation []string
	// Cgroups is "auto" (limit where it is permitted), "required" or "off".
	Cgroups string
	// CgroupsHierarchy is where cgroups are mounted.
	CgroupsHierarchy string
	// CgroupsRoot is the parent of the groups of containers.
	CgroupsRoot string
	// CgroupsEnableCFS makes cpus a hard limit instead of a share.
	CgroupsEnableCFS bool
	// CgroupsLimitSwap counts swap into the memory limit.
	CgroupsLimitSwap bool
	// CgroupsDestroyTimeout bounds the removal of a group.
	CgroupsDestroyTimeout time.Duration

	// DockerSocket is the path or URL of the Docker engine.
	DockerSocket string
	// DockerConfig is the content of Docker's config.json, with credentials.
	DockerConfig Secret
	// DockerKillOrphans removes containers nobody knows at recovery.
	DockerKillOrphans bool
	// DockerRemoveDelay is how long ended containers are kept.
	DockerRemoveDelay time.Duration
	// DockerStopTimeout is the time between SIGTERM and SIGKILL where a task
	// has no kill policy; 0 means ExecutorShutdownGracePeriod.
	DockerStopTimeout time.Duration

	// FetcherCacheDir holds downloads for reuse; by default "fetch" in WorkDir.
	FetcherCacheDir string
	// FetcherCacheSize bounds that directory.
	FetcherCacheSize Bytes
	// FetcherStallTimeout ends a download that makes no progress.
	FetcherStallTimeout time.Duration

	// GCDelay is the longest time a sandbox is kept after its end.
	GCDelay time.Duration
	// GCDiskHeadroom is the fraction (0 to 1) of disk that should stay free;
	// sandboxes are collected sooner to reach it.
	GCDiskHeadroom float64
	// DiskWatchInterval is the time between looks at the disk.
	DiskWatchInterval time.Duration
	// MaxCompletedExecutorsPerFramework is how many ended ones are remembered.
	MaxCompletedExecutorsPerFramework int

	// Recover is "reconnect" (adopt running containers) or "cleanup" (end them
	// and exit).
	Recover string
	// RecoveryTimeout is how long tasks survive without their agent.
	RecoveryTimeout time.Duration
	// Strict refuses to start on damaged checkpoints instead of going on with
	// what can be read.
	Strict bool
	// ReconfigurationPolicy is "additive" (resources and attributes may grow)
	// or "equal" (they may not change).
	ReconfigurationPolicy string

	common
}

// table binds the flags of an agent to a.
func (a *Agent) table() *table {
	t := new(table)
	a.common.addFlags(t)

	t.in("Cluster")
	add(t, &a.Masters, "master", nil, masters(),
		"Masters, of which the agent finds the leading one. The port is 5050 unless given.").called("HOST:PORT,...")
	add(t, &a.RegistrationBackoffFactor, "registration_backoff_factor", time.Second, duration(time.Millisecond, time.Minute),
		"Unit of the random wait before and between attempts to register, which doubles up to one minute.")
	a.Network.addFlags(t, 5051)

	t.in("Directories")
	add(t, &a.WorkDir, "work_dir", "", text(), "Directory for sandboxes and for what must survive a restart. Required.").takesPath()
	add(t, &a.RuntimeDir, "runtime_dir", "", text(),
		"Directory for what concerns running containers. Unset means runtime in --work_dir.").takesPath()
	add(t, &a.SandboxDirectory, "sandbox_directory", "/mnt/mesos/sandbox", checked(text(), absolute),
		"Where a container with an image sees its sandbox.").takesPath()

	t.in("Resources")
	add(t, &a.Resources, "resources", "", text(),
		"Resources to offer, as name(role):value;... or JSON, such as cpus:4;mem:8192;ports:[31000-32000]. What is not named is detected.").mayBeJSON()
	add(t, &a.DefaultRole, "default_role", "*", text(), "Role of the resources that name none.").called("ROLE")
	add(t, &a.Attributes, "attributes", "", checked(text(), attributesParse), "Attributes of the machine, as name:value;..., such as rack:r1;ssd:true.")
	add(t, &a.Domain, "domain", nil, document(),
		`Fault domain of this machine, as in {"fault_domain":{"region":{"name":"eu"},"zone":{"name":"eu-1"}}}.`).takesJSON()

	a.addContainerFlags(t)
	a.addDockerFlags(t)

	t.in("Downloads")
	add(t, &a.FetcherCacheDir, "fetcher_cache_dir", "", text(), "Directory for cached downloads. Unset means fetch in --work_dir.").later("fetching is not part of this version").takesPath()
	add(t, &a.FetcherCacheSize, "fetcher_cache_size", 2*Gigabytes, size(0), "Most that it may hold.").later("fetching is not part of this version")
	add(t, &a.FetcherStallTimeout, "fetcher_stall_timeout", time.Minute, positiveDuration(), "How long a download may stand still before it fails.").later("fetching is not part of this version")

	t.in("Disk and history")
	add(t, &a.GCDelay, "gc_delay", 7*24*time.Hour, anyDuration(), "Longest time an ended sandbox is kept.")
	add(t, &a.GCDiskHeadroom, "gc_disk_headroom", 0.1, fraction(), "Part of the disk to keep free by removing sandboxes sooner.")
	add(t, &a.DiskWatchInterval, "disk_watch_interval", time.Minute, positiveDuration(), "Time between looks at the disk.")
	add(t, &a.MaxCompletedExecutorsPerFramework, "max_completed_executors_per_framework", 150, integer(0, math.MaxInt32),
		"Ended executors to remember for each framework.")

	t.in("Recovery")
	add(t, &a.Recover, "recover", "reconnect", oneOf("reconnect", "cleanup"),
		"After a restart, adopt what still runs (reconnect), or end it and exit (cleanup).")
	add(t, &a.RecoveryTimeout, "recovery_timeout", 15*time.Minute, positiveDuration(), "How long tasks go on without their agent before they end themselves.")
	add(t, &a.Strict, "strict", true, boolean(), "Refuse to start when saved state cannot be read, instead of going on without it.")
	add(t, &a.ReconfigurationPolicy, "reconfiguration_policy", "additive", oneOf("additive", "equal"),
		"Whether resources and attributes may be added between two starts (additive) or must stay the same (equal).")

	a.HTTP.addFlags(t)
	a.Logging.addFlags(t, &a.inert)
	a.addRefusedFlags(t)
	addInertAgentFlags(t, &a.inert)
	addInertIsolatorFlags(t, &a.inert)
	return t
}

func (a *Agent) addContainerFlags(t *table) {
	t.in("Containers and executors")
	add(t, &a.Containerizers, "containerizers", nil, containerizers(),
		"Kinds of containers, separated by commas, in the order in which they are tried: process (also called mesos) and docker. "+
			"Unset means process, and docker when an engine answers on --docker_socket.")
	add(t, &a.SwitchUser, "switch_user", true, boolean(), "Run tasks as the user that they or their framework name; needs root.")
	add(t, &a.ExecutorEnvironment, "executor_environment_variables", nil, stringMap(),
		`Environment of executors and tasks in place of the agent's own, such as {"PATH":"/bin:/usr/bin"}.`).takesJSON()
	add(t, &a.ExecutorRegistrationTimeout, "executor_registration_timeout", time.Minute, positiveDuration(), "How long an executor may take to subscribe.").later("executors are not part of this version")
	add(t, &a.ExecutorReregistrationTimeout, "executor_reregistration_timeout", 2*time.Second, duration(time.Millisecond, 15*time.Second),
		"How long executors may take to come back after a restart of the agent.").later("executors are not part of this version")
	add(t, &a.ExecutorShutdownGracePeriod, "executor_shutdown_grace_period", 5*time.Second, anyDuration(), "How long an executor may take to end when told to.")
	add(t, &a.HTTPHeartbeatInterval, "http_heartbeat_interval", 30*time.Second, positiveDuration(), "Time between heartbeats on streams.").later("executors are not part of this version")
	add(t, &a.HTTPCommandExecutor, "http_command_executor", false, boolean(), "Treat the executor of command tasks like any other that uses the HTTP API.").later("command tasks need no executor")
	add(t, &a.Isolation, "isolation", nil, list(),
		"Isolators as Mesos names them. When given, control groups are used only if one of cgroups/* is among them.")
	add(t, &a.Cgroups, "cgroups", "auto", oneOf("auto", "required", "off"),
		"Limit the cpus, memory and processes of tasks by control groups: where it is permitted (auto), always or refuse to start (required), or never (off).")
	add(t, &a.CgroupsHierarchy, "cgroups_hierarchy", "/sys/fs/cgroup", checked(text(), absolute), "Where control groups are mounted.").later("control groups are used where the system has mounted them").takesPath()
	add(t, &a.CgroupsRoot, "cgroups_root", "mesos", text(), "Control group that holds those of the containers.").called("NAME")
	add(t, &a.CgroupsEnableCFS, "cgroups_enable_cfs", false, boolean(), "Make cpus a hard limit instead of a share.")
	add(t, &a.CgroupsLimitSwap, "cgroups_limit_swap", false, boolean(), "Count swap into the memory limit.").later("swap is not limited in this version")
	add(t, &a.CgroupsDestroyTimeout, "cgroups_destroy_timeout", time.Minute, positiveDuration(), "How long the removal of a control group may take.").later("control groups are removed without a time limit")
}

func (a *Agent) addDockerFlags(t *table) {
	t.in("Docker")
	add(t, &a.DockerSocket, "docker_socket", "/var/run/docker.sock", text(), "Path of the engine's socket, or an address such as tcp://127.0.0.1:2375.").takesPath()
	add(t, &a.DockerConfig, "docker_config", "", dockerConfig(), "Docker's config.json with the credentials of registries, as JSON or a path.").later("credentials of registries are not part of this version").takesJSON().hide()
	add(t, &a.DockerKillOrphans, "docker_kill_orphans", true, boolean(), "After a restart, remove containers that belong to no known task.").later("unknown containers of the agent are always removed")
	add(t, &a.DockerRemoveDelay, "docker_remove_delay", 6*time.Hour, anyDuration(), "How long ended containers are kept.").later("containers are removed when their task has ended")
	add(t, &a.DockerStopTimeout, "docker_stop_timeout", 0, anyDuration(),
		"Time between the polite and the hard signal for tasks without a kill policy. 0ns means --executor_shutdown_grace_period.")
}

// derive fills in what follows from other settings, and makes directories
// independent of the one the process happens to be in.
func (a *Agent) derive() {
	makeAbsolute(&a.WorkDir, &a.RuntimeDir, &a.FetcherCacheDir)
	if a.RuntimeDir == "" && a.WorkDir != "" {
		a.RuntimeDir = filepath.Join(a.WorkDir, "runtime")
	}
	if a.FetcherCacheDir == "" && a.WorkDir != "" {
		a.FetcherCacheDir = filepath.Join(a.WorkDir, "fetch")
	}
}

func (a *Agent) problems(report func(name, problem string)) {
	a.Network.problems(report)
	if err := role.Validate(a.DefaultRole); err != nil {
		report("default_role", err.Error())
	} else if _, err := resources.Parse(a.Resources, a.DefaultRole); err != nil {
		report("resources", err.Error())
	}
	if a.WorkDir == "" {
		report("work_dir", "required: name a directory for sandboxes and state, such as --work_dir=/var/lib/meseta")
	}
	if len(a.Masters) == 0 {
		report("master", "required: name the masters, such as --master=127.0.0.1:5050")
	}
}
