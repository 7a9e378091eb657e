package supervisor

import (
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/meseta/meseta/agent/containerizer/process/journal"
	"github.com/meseta/meseta/agent/containerizer/process/wire"
)

// supervisor is the core. Its members are owned by run, the goroutine that
// executes the posted functions one after the other, unless noted.
type supervisor struct {
	// Constant after newSupervisor, or safe for concurrent use.
	dir     string
	inode   uint64
	config  wire.Config
	journal *journal.Journal
	forker  *forker
	events  chan func()
	ended   chan struct{}

	containers map[string]*container
	session    *session
	// hellos are greetings that wait for starts in progress, so that an agent
	// never hears of a container that is neither started nor refused.
	hellos []func()
	// starting and alive count the containers in those phases; alive includes
	// starting ones.
	starting, alive int
	// unrecorded are containers whose end could not be written yet.
	unrecorded map[string]*container
	// connected says that an agent has been here.
	connected bool
	// terminating says that the supervisor ends when its containers have.
	terminating bool
	// sweeping says that a sweep over the containers is in progress.
	sweeping bool
	// busy says that a container was started or ended since the last tick,
	// trimmed that memory was given back since one was.
	busy, trimmed bool
}

// phase of a container; it only moves forward.
type phase int

const (
	starting phase = iota
	running
	finishing // its first process has ended
	ended
)

// container is owned by the core, except id, launch and log, which do not
// change.
type container struct {
	id     string
	launch wire.Launch
	phase  phase
	pid    int
	start  uint64
	exit   *wire.Exit
	// early is the status of a first process that ended before its start was
	// reported to the core.
	early *syscall.WaitStatus
	// signals arrived before the start; started and removed are told when
	// that has happened.
	signals []syscall.Signal
	started []func(wire.Reply)
	removed []func(wire.Reply)
}

func newSupervisor(dir string, config wire.Config, records *journal.Journal) (*supervisor, error) {
	var stat syscall.Stat_t
	if err := syscall.Stat(dir, &stat); err != nil {
		return nil, fmt.Errorf("directory %s: %w", dir, err)
	}
	s := &supervisor{
		dir: dir, inode: stat.Ino, config: config, journal: records,
		events: make(chan func(), 64), ended: make(chan struct{}),
		containers: map[string]*container{}, unrecorded: map[string]*container{},
	}
	s.forker = newForker(config.Cgroups, func(id string, status syscall.WaitStatus) {
		s.post(func() { s.exited(id, status) })
	})
	return s, nil
}

// post hands a function to the core. Other goroutines use it; it may block.
func (s *supervisor) post(f func()) {
	select {
	case s.events <- f:
	case <-s.ended:
	}
}

// run executes what is posted until there is nothing left to supervise.
func (s *supervisor) run(signals <-chan os.Signal) {
	defer close(s.ended)
	interval := max(10*time.Millisecond, time.Duration(s.config.CheckMilliseconds)*time.Millisecond)
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	patience := time.NewTimer(firstConnection)
	defer patience.Stop()
	for !s.finished() {
		select {
		case f := <-s.events:
			f()
		case sig := <-signals:
			if sig == syscall.SIGTERM {
				s.terminate()
			}
		case <-patience.C:
			s.connected = true
		case <-ticker.C:
			s.tick()
		}
	}
	if s.session != nil {
		s.session.finish()
	}
	for deadline := time.Now().Add(lastWords); s.killStrays() > 0 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
}

func (s *supervisor) finished() bool {
	if s.alive > 0 || len(s.unrecorded) > 0 && !s.terminating {
		return false
	}
	return s.terminating || s.session == nil && s.connected
}

// terminate kills all containers and refuses new ones.
func (s *supervisor) terminate() {
	s.terminating = true
	for _, c := range s.containers {
		s.signal(c, syscall.SIGKILL)
	}
}

// connect makes conn the session. An older one, of an agent that is gone, is
// closed: what it has asked for and was not yet begun is dropped.
func (s *supervisor) connect(conn *net.UnixConn) {
	if s.session != nil {
		s.session.close()
	}
	s.connected = true
	s.session = newSession(conn, s)
}

func (s *supervisor) handle(from *session, r wire.Request) {
	if from != s.session {
		return
	}
	answer := func(reply wire.Reply) {
		reply.Seq = r.Seq
		from.send(reply)
	}
	c := s.containers[r.ID]
	switch r.Verb {
	case wire.Hello:
		s.hellos = append(s.hellos, func() { answer(s.describe()) })
		s.greet()
	case wire.Start:
		s.launch(r, c, answer)
	case wire.Signal:
		switch {
		case c == nil:
			answer(wire.Reply{Unknown: true, Error: "unknown container"})
		default:
			s.signal(c, syscall.Signal(r.Signal))
			answer(wire.Reply{})
		}
	case wire.Remove:
		if c == nil {
			answer(wire.Reply{})
			return
		}
		c.removed = append(c.removed, answer)
		s.signal(c, syscall.SIGKILL)
		s.settle(c)
	default:
		answer(wire.Reply{Error: fmt.Sprintf("this supervisor, of version %d, does not know %q", wire.Version, r.Verb)})
	}
}

// greet answers greetings once no start is in progress.
func (s *supervisor) greet() {
	if s.starting > 0 {
		return
	}
	for _, hello := range s.hellos {
		hello()
	}
	s.hellos = nil
}

func (s *supervisor) describe() wire.Reply {
	reply := wire.Reply{Version: wire.Version, PID: os.Getpid()}
	for _, c := range s.containers {
		known := wire.Container{ID: c.id, PID: c.pid}
		if c.phase == ended {
			known.Exit = c.exit
		}
		reply.Containers = append(reply.Containers, known)
	}
	return reply
}

// launch begins a container, or joins the launch that has begun.
func (s *supervisor) launch(r wire.Request, c *container, answer func(wire.Reply)) {
	switch {
	case c != nil && c.phase == starting:
		c.started = append(c.started, answer)
		return
	case c != nil:
		answer(wire.Reply{PID: c.pid})
		return
	case r.Launch == nil || r.ID == "":
		answer(wire.Reply{Error: "the launch is incomplete"})
		return
	case s.terminating:
		answer(wire.Reply{Error: "the supervisor is ending"})
		return
	}
	c = &container{id: r.ID, launch: *r.Launch, started: []func(wire.Reply){answer}}
	s.containers[c.id] = c
	s.starting++
	s.alive++
	s.busy, s.trimmed = true, false
	s.journal.Append(journal.Record{Kind: journal.Intent, ID: c.id, Dir: c.launch.Dir}, func(err error) {
		if err != nil {
			s.post(func() { s.refused(c, fmt.Errorf("recording the launch: %w", err)) })
			return
		}
		go s.start(c)
	})
}

// refused ends a launch that started nothing.
func (s *supervisor) refused(c *container, err error) {
	s.starting--
	s.alive--
	delete(s.containers, c.id)
	s.journal.Append(journal.Record{Kind: journal.Removed, ID: c.id}, func(error) {})
	for _, answer := range c.started {
		answer(wire.Reply{Error: err.Error()})
	}
	for _, answer := range c.removed {
		answer(wire.Reply{})
	}
	s.greet()
}

// launched is told by start that the first process runs.
func (s *supervisor) launched(c *container, pid int, startTime uint64) {
	s.starting--
	c.phase, c.pid, c.start = running, pid, startTime
	s.journal.Append(journal.Record{Kind: journal.Started, ID: c.id, PID: pid, StartTime: startTime}, func(error) {})
	for _, answer := range c.started {
		answer(wire.Reply{PID: pid})
	}
	c.started = nil
	if c.early != nil {
		s.exited(c.id, *c.early)
	} else {
		for _, sig := range c.signals {
			s.signal(c, sig)
		}
	}
	c.signals = nil
	s.greet()
}

// stillborn is told by start that the executable could not be run, which
// Mesos reports as a command that ran and exited with status 1.
func (s *supervisor) stillborn(c *container) {
	s.starting--
	c.phase = finishing
	for _, answer := range c.started {
		answer(wire.Reply{})
	}
	c.started, c.signals = nil, nil
	s.finish(c, wire.Exit{Known: true, Status: 1 << 8})
	s.greet()
}

// signal delivers a signal to what lives of a container, or keeps it until
// the container has started. It does not block.
func (s *supervisor) signal(c *container, sig syscall.Signal) {
	switch c.phase {
	case starting:
		c.signals = append(c.signals, sig)
	case running:
		go s.deliver(c.id, s.target(c), sig)
	}
}

// exited is told by the reaper that the first process has ended.
func (s *supervisor) exited(id string, status syscall.WaitStatus) {
	c := s.containers[id]
	switch {
	case c == nil:
	case c.phase == starting:
		c.early = &status
	case c.phase == running:
		c.phase = finishing
		target := s.target(c)
		go func() {
			exit := s.clear(c, target, status)
			s.post(func() { s.finish(c, exit) })
		}()
	}
}

// finish is told that nothing of a container is left. The agent hears of it
// when it is durable, or when it cannot be made durable now.
func (s *supervisor) finish(c *container, exit wire.Exit) {
	c.exit = &exit
	s.unrecorded[c.id] = c
	s.record(c)
}

func (s *supervisor) record(c *container) {
	s.journal.Append(journal.Record{Kind: journal.Ended, ID: c.id, Exit: c.exit}, func(err error) {
		s.post(func() { s.recorded(c, err) })
	})
}

func (s *supervisor) recorded(c *container, err error) {
	s.busy, s.trimmed = true, false
	if err == nil {
		delete(s.unrecorded, c.id)
	}
	if c.phase == ended {
		return // a repeated attempt
	}
	c.phase = ended
	s.alive--
	if s.session != nil {
		s.session.send(wire.Reply{Exited: &wire.Container{ID: c.id, PID: c.pid, Exit: c.exit}})
	}
	s.settle(c)
	s.killStrays()
}

// settle forgets a container that has ended and shall be removed.
func (s *supervisor) settle(c *container) {
	if c.phase != ended || len(c.removed) == 0 {
		return
	}
	delete(s.containers, c.id)
	delete(s.unrecorded, c.id)
	s.journal.Append(journal.Record{Kind: journal.Removed, ID: c.id}, func(error) {})
	for _, answer := range c.removed {
		answer(wire.Reply{})
	}
}

// removeDirectory removes the supervisor's directory if it is still its own.
func (s *supervisor) removeDirectory() error {
	if !s.ownsDirectory() {
		return nil
	}
	return os.RemoveAll(s.dir)
}

func (s *supervisor) ownsDirectory() bool {
	var stat syscall.Stat_t
	return syscall.Stat(s.dir, &stat) == nil && stat.Ino == s.inode
}
