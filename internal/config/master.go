package config

import (
	"encoding/json"
	"math"
	"path/filepath"
	"time"

	"github.com/meseta/meseta/internal/resources"
)

// Master holds the settings of a master. Durations and sizes are within the
// limits stated in the help; combinations have been checked.
type Master struct {
	Network
	Logging
	HTTP

	// WorkDir holds the registry file; absolute, and empty only when none is
	// needed.
	WorkDir string
	// Cluster is the name shown to people; empty if unset.
	Cluster string
	// Domain is the fault domain as DomainInfo JSON; nil if unset.
	Domain json.RawMessage

	// Registry says where durable state lives. See RegistryPath.
	Registry Registry
	// RegistryFetchTimeout bounds reading the registry at the start of a term.
	RegistryFetchTimeout time.Duration
	// RegistryStoreTimeout bounds one write; past it the master steps down.
	RegistryStoreTimeout time.Duration
	// RegistryGCInterval is the time between removals of old unreachable and
	// gone agents.
	RegistryGCInterval time.Duration
	// RegistryMaxAgentAge is how long those agents are remembered.
	RegistryMaxAgentAge time.Duration
	// RegistryMaxAgentCount is how many of them are remembered.
	RegistryMaxAgentCount int

	// AgentPingTimeout is the time between pings and the time for each answer.
	AgentPingTimeout time.Duration
	// MaxAgentPingTimeouts is the number of unanswered pings in a row after
	// which an agent is unreachable.
	MaxAgentPingTimeouts int
	// AgentReregisterTimeout is how long a new leader waits for the agents of
	// its predecessor.
	AgentReregisterTimeout time.Duration
	// AgentRemovalRateLimit bounds how fast agents are marked unreachable; nil
	// means no bound.
	AgentRemovalRateLimit *Rate
	// RecoveryAgentRemovalLimit is the fraction (0 to 1) of agents that may be
	// missing after AgentReregisterTimeout; with more the master exits.
	RecoveryAgentRemovalLimit float64
	// RequireAgentDomain refuses agents without a fault domain.
	RequireAgentDomain bool
	// Whitelist is a file of hostnames whose agents alone receive tasks,
	// re-read every five seconds; empty means all.
	Whitelist string

	// AllocationInterval is the time between allocations of all agents.
	AllocationInterval time.Duration
	// AllocatorAgentRecoveryFactor is the fraction (0 to 1) of known agents
	// that must be back before a recovered allocator with quota makes offers.
	AllocatorAgentRecoveryFactor float64
	// AllocatorRecoveryTimeout ends that wait in any case.
	AllocatorRecoveryTimeout time.Duration
	// RoleSorter and FrameworkSorter are "drf" or "random".
	RoleSorter, FrameworkSorter string
	// FairSharingExcludedResourceNames do not count towards a share.
	FairSharingExcludedResourceNames []string
	// FilterGPUResources keeps agents with GPUs for frameworks that ask for them.
	FilterGPUResources bool
	// MinAllocatableResources lists what an offer must at least hold:
	// alternatives separated by "|", each a conjunction separated by ";". Empty
	// means any amount.
	MinAllocatableResources string
	// OfferTimeout takes back unanswered offers; 0 means never.
	OfferTimeout time.Duration
	// OfferConstraintsRE2MaxMem bounds the memory of a regular expression.
	OfferConstraintsRE2MaxMem Bytes
	// OfferConstraintsRE2MaxProgramSize bounds its number of instructions.
	OfferConstraintsRE2MaxProgramSize int
	// Roles, if not empty, are the only roles frameworks may use.
	Roles []string
	// Weights maps roles to weights for roles that the registry has none for.
	Weights map[string]float64

	// RootSubmissions allows frameworks whose user is root.
	RootSubmissions bool

	// MaxCompletedFrameworks is how many ended frameworks are remembered.
	MaxCompletedFrameworks int
	// MaxCompletedTasksPerFramework is how many ended tasks of each.
	MaxCompletedTasksPerFramework int
	// MaxUnreachableTasksPerFramework is how many unreachable tasks of each.
	MaxUnreachableTasksPerFramework int
	// MaxOperatorEventStreamSubscribers bounds the operator API's SUBSCRIBE.
	MaxOperatorEventStreamSubscribers int
	// PublishPerFrameworkMetrics adds series for each framework.
	PublishPerFrameworkMetrics bool

	common
}

// RegistryPath is the file of an SQLite registry, and empty for other kinds.
func (m *Master) RegistryPath() string {
	switch {
	case m.Registry.Kind != RegistrySQLite:
		return ""
	case m.Registry.Path != "":
		return m.Registry.Path
	}
	return filepath.Join(m.WorkDir, "registry.db")
}

// table binds the flags of a master to m.
func (m *Master) table() *table {
	t := new(table)
	m.common.addFlags(t)
	m.Network.addFlags(t, 5050)

	t.in("Cluster and registry")
	add(t, &m.WorkDir, "work_dir", "", text(),
		"Directory for what must survive a restart. Needed unless the registry is elsewhere.").takesPath()
	add(t, &m.Registry, "registry", Registry{Kind: RegistrySQLite, shown: replicatedLog}, registryCodec(),
		"Where durable state is kept: in_memory (nothing survives), sqlite:///absolute/path, "+
			"postgres://user:password@host/database (several masters with an elected leader), "+
			"or replicated_log, which here means an SQLite file registry.db in --work_dir.")
	add(t, &m.RegistryFetchTimeout, "registry_fetch_timeout", time.Minute, positiveDuration(),
		"How long reading the registry may take when a master starts to lead.").later("durable registries are not part of this version")
	add(t, &m.RegistryStoreTimeout, "registry_store_timeout", 20*time.Second, positiveDuration(),
		"How long one write to the registry may take before the master gives up leading.").later("durable registries are not part of this version")
	add(t, &m.RegistryGCInterval, "registry_gc_interval", 15*time.Minute, positiveDuration(),
		"Time between removals of old unreachable and gone agents from the registry.").later("durable registries are not part of this version")
	add(t, &m.RegistryMaxAgentAge, "registry_max_agent_age", 14*24*time.Hour, positiveDuration(),
		"How long unreachable and gone agents stay in the registry.").later("durable registries are not part of this version")
	add(t, &m.RegistryMaxAgentCount, "registry_max_agent_count", 102400, integer(0, math.MaxInt32),
		"How many unreachable and how many gone agents stay in the registry.").later("durable registries are not part of this version")
	add(t, &m.Cluster, "cluster", "", text(), "Name of the cluster, for people.")
	add(t, &m.Domain, "domain", nil, document(),
		`Fault domain of this master, as in {"fault_domain":{"region":{"name":"eu"},"zone":{"name":"eu-1"}}}.`).takesJSON()

	t.in("Agents")
	add(t, &m.AgentPingTimeout, "agent_ping_timeout", 15*time.Second, duration(time.Second, 15*time.Minute),
		"Time between pings to an agent, and time it has to answer each.").alias("slave_ping_timeout")
	add(t, &m.MaxAgentPingTimeouts, "max_agent_ping_timeouts", 5, integer(1, math.MaxInt32),
		"Unanswered pings in a row after which an agent is unreachable.").alias("max_slave_ping_timeouts")
	add(t, &m.AgentReregisterTimeout, "agent_reregister_timeout", 10*time.Minute, duration(10*time.Minute, math.MaxInt64),
		"How long a new leading master waits for known agents before it marks them unreachable.").alias("slave_reregister_timeout")
	add(t, &m.AgentRemovalRateLimit, "agent_removal_rate_limit", nil, optional(rate()),
		"How fast agents may be marked unreachable, such as 1/10mins. Unset means without limit.").alias("slave_removal_rate_limit")
	add(t, &m.RecoveryAgentRemovalLimit, "recovery_agent_removal_limit", 1, percentage(),
		"If more agents than this are missing after --agent_reregister_timeout, the master exits instead of marking them.").later("this version does not recover agents from a registry").alias("recovery_slave_removal_limit")
	add(t, &m.RequireAgentDomain, "require_agent_domain", false, boolean(), "Refuse agents that have no fault domain.")
	add(t, &m.Whitelist, "whitelist", "", text(),
		"File with the hostnames of the agents to use, one a line, re-read every 5 seconds. Unset means all.").takesPath()

	m.addAllocationFlags(t)

	t.in("Frameworks and history")
	add(t, &m.RootSubmissions, "root_submissions", true, boolean(), "Allow frameworks that run as root.")
	add(t, &m.Roles, "roles", nil, list(), "The only roles that frameworks may use. Unset means any.")
	add(t, &m.MaxCompletedFrameworks, "max_completed_frameworks", 50, integer(0, math.MaxInt32), "Ended frameworks to remember.")
	add(t, &m.MaxCompletedTasksPerFramework, "max_completed_tasks_per_framework", 1000, integer(0, math.MaxInt32),
		"Ended tasks to remember for each framework.")
	add(t, &m.MaxUnreachableTasksPerFramework, "max_unreachable_tasks_per_framework", 1000, integer(0, math.MaxInt32),
		"Unreachable tasks to remember for each framework.")
	add(t, &m.MaxOperatorEventStreamSubscribers, "max_operator_event_stream_subscribers", 1000, integer(1, math.MaxInt32),
		"Subscribers of the operator event stream; one more closes the oldest.").later("the operator event stream is not part of this version")
	add(t, &m.PublishPerFrameworkMetrics, "publish_per_framework_metrics", true, boolean(), "Serve metrics for each framework.")

	m.HTTP.addFlags(t)
	m.Logging.addFlags(t, &m.inert)
	m.addRefusedFlags(t)
	addInertMasterFlags(t, &m.inert)
	return t
}

func (m *Master) addAllocationFlags(t *table) {
	t.in("Allocation and offers")
	add(t, &m.AllocationInterval, "allocation_interval", time.Second, positiveDuration(),
		"Time between allocations of all agents. What changed is offered without waiting for it.")
	add(t, &m.RoleSorter, "role_sorter", "drf", oneOf("drf", "random"), "Order in which roles are served.").alias("user_sorter")
	add(t, &m.FrameworkSorter, "framework_sorter", "drf", oneOf("drf", "random"), "Order in which the frameworks of a role are served.").later("frameworks are served in the order that --role_sorter says")
	add(t, &m.FairSharingExcludedResourceNames, "fair_sharing_excluded_resource_names", nil, list(),
		"Resources that do not count towards a fair share, such as gpus.")
	add(t, &m.FilterGPUResources, "filter_gpu_resources", true, boolean(),
		"Offer agents with GPUs only to frameworks with the GPU_RESOURCES capability.")
	add(t, &m.MinAllocatableResources, "min_allocatable_resources", "cpus:0.01|mem:32", shownEmpty(checked(text(), allocatableParse)),
		"What an offer must hold: alternatives separated by |, each of them amounts separated by ;. Empty means anything.").called("AMOUNTS")
	add(t, &m.OfferTimeout, "offer_timeout", defaultOfferTimeout, anyDuration(),
		"How long a framework may hold an offer before it is taken back. 0ns means for ever.")
	add(t, &m.OfferConstraintsRE2MaxMem, "offer_constraints_re2_max_mem", 4*Kilobytes, size(1),
		"Memory a regular expression in offer constraints may need.").later("expressions are bounded by their number of instructions")
	add(t, &m.OfferConstraintsRE2MaxProgramSize, "offer_constraints_re2_max_program_size", 100, integer(1, math.MaxInt32),
		"Instructions a regular expression in offer constraints may need.")
	add(t, &m.Weights, "weights", nil, weights(),
		"Weights of roles, such as web=2.5,batch=1, for roles that have none in the registry.")
	add(t, &m.AllocatorAgentRecoveryFactor, "allocator_agent_recovery_factor", 0.8, fraction(),
		"Fraction of known agents that must return after a change of leader before offers are made, if any quota is set.").later("this version does not recover agents from a registry")
	add(t, &m.AllocatorRecoveryTimeout, "allocator_recovery_timeout", 10*time.Minute, anyDuration(),
		"Longest wait for them.").later("this version does not recover agents from a registry")
}

// defaultOfferTimeout differs from Mesos, which lets a framework keep offers
// for ever and so starve the others.
const defaultOfferTimeout = 5 * time.Minute

func allocatableParse(text string) error {
	_, err := resources.ParseMinAllocatable(text)
	return err
}

// shownEmpty lists an empty text as a value instead of as unset.
func shownEmpty(c codec[string]) codec[string] {
	c.format = func(s string) (string, bool) { return s, true }
	return c
}

func (m *Master) problems(report func(name, problem string)) {
	m.Network.problems(report)
	if m.WorkDir == "" && m.Registry.Kind == RegistrySQLite && m.Registry.Path == "" {
		report("work_dir", "the registry file needs a directory: name one, such as --work_dir=/var/lib/meseta, or use --registry=in_memory")
	}
}
