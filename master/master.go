// Package master is the kernel: it admits agents, subscribes frameworks, makes
// offers, launches tasks and forwards what becomes of them.
//
// One goroutine, that of [Master.Run], owns all of this state. Everybody else
// submits commands, which run there one after the other, and receives
// immutable values. A command never blocks: it does no I/O, and whatever it
// sends goes into bounded queues that refuse instead of waiting.
package master

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/time/rate"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/fault"
	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/resources"
	"github.com/meseta/meseta/master/allocator"
	"github.com/meseta/meseta/master/validation"
)

// Limits of what a master remembers, as in Mesos.
const (
	// mailboxSize bounds the commands that wait for the actor. A submitter
	// waits while it is full; that is the back pressure of the whole master.
	mailboxSize = 4096
	// maxRemovedAgents bounds the agents that are remembered as unreachable
	// or removed.
	maxRemovedAgents = 100_000
)

// Options configure a master. The zero value of a field means the default that
// its comment names.
type Options struct {
	// ID identifies this master process; a random UUID by default.
	ID string
	// Hostname, IP and Port are advertised to frameworks and agents.
	Hostname string
	IP       netip.Addr
	Port     uint16
	// Version is the API version shown to clients.
	Version string
	// Domain is the fault domain of the master, nil for none.
	Domain *mesosv1.DomainInfo

	// AllocationInterval is the period of the allocation that considers every
	// agent, 1 s by default.
	AllocationInterval time.Duration
	// OfferTimeout ends offers that nobody answered; 0 means never.
	OfferTimeout time.Duration
	// MinAllocatable are alternatives, of which an offer must contain one.
	MinAllocatable []resources.Quantities
	// FilterGPU keeps agents with GPUs for frameworks that know GPUs.
	FilterGPU bool
	// FairSharingExcluded names resources that do not count as shares.
	FairSharingExcluded []string
	// RandomSorter shares by weighted chance instead of by dominant share.
	RandomSorter bool
	// Roles is the whitelist of roles; empty allows all.
	Roles []string
	// Weights are the initial weights of roles.
	Weights map[string]float64
	// RequireAgentDomain refuses agents without a fault domain.
	RequireAgentDomain bool
	// RemovalRate bounds how fast agents are given up; nil means no bound.
	RemovalRate *rate.Limiter

	// MaxRegexProgram bounds the expressions of offer constraints, in
	// instructions, validation.DefaultRegexProgram by default.
	MaxRegexProgram int

	// RefuseRoot refuses frameworks whose user is root.
	RefuseRoot bool

	// PingInterval is how often agents are pinged, 15 s by default, and
	// MaxMissedPings after how many unanswered pings an agent is unreachable,
	// 5 by default.
	PingInterval   time.Duration
	MaxMissedPings int
	// ReregisterTimeout is how long a disconnected agent may stay away, 10
	// minutes by default.
	ReregisterTimeout time.Duration

	// MaxCompletedFrameworks, MaxCompletedTasks and MaxUnreachableTasks bound
	// what is remembered: 50, 1000 per framework, 1000 per framework.
	MaxCompletedFrameworks int
	MaxCompletedTasks      int
	MaxUnreachableTasks    int

	// Seed makes the allocator's choices repeatable; random by default.
	Seed uint64

	// Logger receives what operators should know; discarded by default.
	Logger *slog.Logger
	// Metrics counts what happens; nil counts nothing.
	Metrics *Metrics
}

func (o *Options) defaults() {
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	setInt := func(n *int, v int) {
		if *n == 0 {
			*n = v
		}
	}
	set(&o.AllocationInterval, time.Second)
	set(&o.PingInterval, 15*time.Second)
	set(&o.ReregisterTimeout, 10*time.Minute)
	setInt(&o.MaxMissedPings, 5)
	setInt(&o.MaxRegexProgram, validation.DefaultRegexProgram)
	setInt(&o.MaxCompletedFrameworks, 50)
	setInt(&o.MaxCompletedTasks, 1000)
	setInt(&o.MaxUnreachableTasks, 1000)
	if o.ID == "" {
		o.ID = uuid.NewString()
	}
	if o.Seed == 0 {
		var seed [8]byte
		_, _ = rand.Read(seed[:]) // never fails
		o.Seed = binary.LittleEndian.Uint64(seed[:])
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Metrics == nil {
		o.Metrics = NewMetrics(nil)
	}
}

// Master is one master process while it leads.
type Master struct {
	opts  Options
	log   *slog.Logger
	info  mesosv1.MasterInfo
	start time.Time

	mailbox chan func(now time.Time)
	stopped chan struct{}

	allocation *allocation
	metrics    *Metrics

	// version counts the turns that changed something; readers compare it
	// with the version of the view that they hold.
	version atomic.Uint64
	view    atomic.Pointer[View]

	// The rest is owned by Run.
	state
}

// state is what the actor owns.
type state struct {
	frameworks map[mesosid.FrameworkID]*framework
	// completed remembers removed frameworks, oldest first.
	completed []*FrameworkRecord
	agents    map[mesosid.AgentID]*agent
	// unreachable remembers agents that stopped answering, with the time.
	unreachable map[mesosid.AgentID]time.Time
	gone        map[mesosid.AgentID]time.Time
	sessions    map[string]*agent
	offers      map[mesosid.OfferID]*offer

	// whitelist has the host names of the agents that may be offered; nil
	// means all of them.
	whitelist map[string]bool
	// acknowledging are the agents with acknowledgements to be sent.
	acknowledging []*agent

	// closing refuses new streams.
	closing bool

	nextFramework int
	nextAgent     int
	nextOffer     int

	viewBuilt time.Time
}

// New makes a master. It does nothing until Run is called.
func New(opts Options) *Master {
	opts.defaults()
	m := &Master{
		opts:    opts,
		log:     opts.Logger,
		start:   time.Now(),
		mailbox: make(chan func(time.Time), mailboxSize),
		stopped: make(chan struct{}),
		metrics: opts.Metrics,
		state: state{
			frameworks:  map[mesosid.FrameworkID]*framework{},
			agents:      map[mesosid.AgentID]*agent{},
			unreachable: map[mesosid.AgentID]time.Time{},
			gone:        map[mesosid.AgentID]time.Time{},
			sessions:    map[string]*agent{},
			offers:      map[mesosid.OfferID]*offer{},
		},
	}
	m.info = masterInfo(opts)
	m.allocation = newAllocation(m, opts)
	return m
}

func masterInfo(o Options) mesosv1.MasterInfo {
	port := uint32(o.Port)
	info := mesosv1.MasterInfo{
		ID:       o.ID,
		IP:       networkOrder(o.IP),
		Port:     port,
		Pid:      new(fmt.Sprintf("master@%s", netip.AddrPortFrom(o.IP, o.Port))),
		Hostname: new(o.Hostname),
		Version:  new(o.Version),
		Address:  &mesosv1.Address{Hostname: new(o.Hostname), IP: new(o.IP.String()), Port: int32(port)},
		Domain:   o.Domain,
	}
	for _, c := range []mesosv1.MasterInfoCapabilityType{
		mesosv1.MasterInfoCapabilityTypeAgentUpdate,
		mesosv1.MasterInfoCapabilityTypeAgentDraining,
		mesosv1.MasterInfoCapabilityTypeQuotaV2,
	} {
		info.Capabilities = append(info.Capabilities, mesosv1.MasterInfoCapability{Type: new(c)})
	}
	return info
}

// networkOrder gives an IPv4 address as the number that MasterInfo.ip carries:
// its bytes in memory order read on a little-endian machine.
func networkOrder(ip netip.Addr) uint32 {
	if !ip.Unmap().Is4() {
		return 0
	}
	b := ip.Unmap().As4()
	return binary.LittleEndian.Uint32(b[:])
}

// Info describes this master. It must not be changed.
func (m *Master) Info() mesosv1.MasterInfo { return m.info }

// StartTime is when the master was made.
func (m *Master) StartTime() time.Time { return m.start }

// ErrStopped is what commands get that are submitted when the master no longer
// runs.
var ErrStopped = fault.New(fault.Unavailable, "the master is shutting down")

// Run owns the state until ctx is done. It must be called exactly once.
func (m *Master) Run(ctx context.Context) error {
	defer close(m.stopped)
	done := make(chan error, 1)
	allocCtx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		<-done
	}()
	go func() { done <- m.allocation.run(allocCtx) }()

	for role, weight := range m.opts.Weights {
		m.allocation.do(func(a *allocator.Allocator, _ time.Time) { a.UpdateWeight(role, weight) })
	}
	pings := time.NewTicker(m.opts.PingInterval)
	defer pings.Stop()
	for {
		select {
		case <-ctx.Done():
			m.closeStreams()
			return nil
		case command := <-m.mailbox:
			m.turn(command)
			m.burst()
		case <-pings.C:
			m.turn(m.pingAgents)
		}
	}
}

// maxBurst is after how many turns without a pause collected messages go out.
const maxBurst = 64

// burst runs the commands that are already waiting, up to a limit, and then
// sends what has collected for agents meanwhile.
func (m *Master) burst() {
	for range maxBurst {
		select {
		case command := <-m.mailbox:
			m.turn(command)
			continue
		default:
		}
		break
	}
	for _, a := range m.acknowledging {
		a.flush()
	}
	m.acknowledging = m.acknowledging[:0]
}

func (m *Master) turn(command func(time.Time)) {
	began := time.Now()
	command(began)
	m.metrics.turn(time.Since(began), len(m.mailbox))
}

// submit runs command as a turn of the actor and waits until it has run.
// It returns ctx's error when ctx ends before the command has been taken, and
// ErrStopped when the master does not run any more.
func (m *Master) submit(ctx context.Context, command func(now time.Time)) error {
	ran := make(chan struct{})
	wrapped := func(now time.Time) {
		defer close(ran)
		command(now)
	}
	select {
	case m.mailbox <- wrapped:
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-m.stopped:
		return ErrStopped
	}
	select {
	case <-ran:
		return nil
	case <-m.stopped:
		return ErrStopped
	}
}

// try is submit for a command that may be refused; its error is then the
// refusal.
func (m *Master) try(ctx context.Context, command func(now time.Time) error) error {
	var refusal error
	if err := m.submit(ctx, func(now time.Time) { refusal = command(now) }); err != nil {
		return err
	}
	return refusal
}

// post submits a command without waiting for it to run. Only goroutines other
// than the actor's may call it, since it waits while the mailbox is full.
func (m *Master) post(command func(now time.Time)) {
	select {
	case m.mailbox <- command:
	case <-m.stopped:
	}
}

// after posts a command once d has passed.
func (m *Master) after(d time.Duration, command func(now time.Time)) *time.Timer {
	return time.AfterFunc(d, func() { m.post(command) })
}

// changed marks that the turn changed something readers may see.
func (m *Master) changed() { m.version.Add(1) }

// CloseStreams ends every stream and refuses new ones, so that the server can
// finish. It is idempotent and returns when it is done.
func (m *Master) CloseStreams(ctx context.Context) error {
	err := m.submit(ctx, func(time.Time) { m.closeStreams() })
	if errors.Is(err, ErrStopped) {
		return nil
	}
	return err
}

// closeStreams ends every stream when the master stops leading, so that
// clients look for the next leader.
func (m *Master) closeStreams() {
	m.closing = true
	for _, f := range m.frameworks {
		if f.subscriber != nil {
			f.subscriber.Close(nil, "the master is shutting down")
		}
	}
	for _, a := range m.agents {
		if a.subscriber != nil {
			a.subscriber.Close(nil, "the master is shutting down")
		}
	}
}

// Subscriber is the far end of one stream, as the actor sees it. Its methods
// never block.
type Subscriber interface {
	// Send queues one encoded event, which must not be changed afterwards.
	// False means that the stream is closed, or is being closed because its
	// reader is too slow.
	Send(event []byte) bool
	// Close queues a last event, if there is one, and ends the stream. The
	// reason is for logs.
	Close(last []byte, reason string)
}
