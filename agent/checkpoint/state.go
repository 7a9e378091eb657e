package checkpoint

import (
	"bytes"
	"maps"
	"slices"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/taskstate"
)

// State is what a journal adds up to. What it points to must not be changed:
// it is shared with the journal.
type State struct {
	Agent      *Agent
	Frameworks map[mesosid.FrameworkID]*Framework
}

// Framework is a framework with everything that it has on the agent.
type Framework struct {
	Info      *mesosv1.FrameworkInfo
	Executors map[mesosid.ExecutorID]*Executor
	// Streams has the updates of tasks, also of tasks that were refused and
	// never had an executor. The stream of a task stays as long as its
	// executor does, even when everything in it has been acknowledged: it
	// tells that the task has ended and must not be launched again.
	Streams map[mesosid.TaskID]*Stream
	// Shutdown says that its executors are being killed without updates.
	Shutdown bool

	// executorOf finds the executor of each task of Executors.
	executorOf map[mesosid.TaskID]mesosid.ExecutorID
}

// Executor is an executor whose container has not been removed yet.
type Executor struct {
	Launch *Launch
	// Kills were asked for, in their order.
	Kills []*Kill
}

// Stream has the updates of one task in their order, those that have been
// acknowledged first.
type Stream struct {
	Updates      []*mesosv1.TaskStatus
	Acknowledged int
}

// Pending are the updates that await acknowledgement.
func (s *Stream) Pending() []*mesosv1.TaskStatus { return s.Updates[s.Acknowledged:] }

// Latest is the newest update.
func (s *Stream) Latest() *mesosv1.TaskStatus { return s.Updates[len(s.Updates)-1] }

func newState() *State { return &State{Frameworks: map[mesosid.FrameworkID]*Framework{}} }

// apply changes the state by one record. Records that refer to something
// unknown change nothing: the journal is written in order, so they can only
// follow from something that was removed before.
func (s *State) apply(r *Record) {
	switch {
	case r.Agent != nil:
		s.Agent = r.Agent
	case r.Framework != nil && r.Framework.ID != nil:
		s.framework(mesosid.FrameworkID(r.Framework.ID.Value)).Info = r.Framework
	case r.FrameworkShutdown != "":
		if f := s.Frameworks[r.FrameworkShutdown]; f != nil {
			f.Shutdown = true
			clear(f.Streams)
		}
	case r.FrameworkGone != "":
		delete(s.Frameworks, r.FrameworkGone)
	case r.Launch != nil:
		s.framework(r.Launch.FrameworkID).launch(r.Launch)
	case r.ExecutorGone != nil:
		s.executorGone(r.ExecutorGone)
	case r.Kill != nil:
		if e := s.executor(r.Kill.FrameworkID, r.Kill.ExecutorID); e != nil {
			e.Kills = append(e.Kills, r.Kill)
		}
	case r.Update != nil:
		if f := s.framework(r.Update.FrameworkID); !f.Shutdown {
			f.append(r.Update.Status)
		}
	case r.Acknowledgment != nil:
		s.acknowledge(r.Acknowledgment)
	}
}

func (s *State) framework(id mesosid.FrameworkID) *Framework {
	f := s.Frameworks[id]
	if f == nil {
		f = &Framework{
			Executors:  map[mesosid.ExecutorID]*Executor{},
			Streams:    map[mesosid.TaskID]*Stream{},
			executorOf: map[mesosid.TaskID]mesosid.ExecutorID{},
		}
		s.Frameworks[id] = f
	}
	return f
}

func (s *State) executor(f mesosid.FrameworkID, e mesosid.ExecutorID) *Executor {
	if framework := s.Frameworks[f]; framework != nil {
		return framework.Executors[e]
	}
	return nil
}

func (f *Framework) launch(l *Launch) {
	id := mesosid.ExecutorID(l.Executor.ExecutorID.Value)
	f.Executors[id] = &Executor{Launch: l}
	for i := range l.Tasks {
		f.executorOf[mesosid.TaskID(l.Tasks[i].TaskID.Value)] = id
	}
}

// executorGone forgets an executor, and what was only kept for its sake.
func (s *State) executorGone(r *ExecutorRef) {
	e := s.executor(r.FrameworkID, r.ExecutorID)
	if e == nil || e.Launch.Spec.ID != r.ContainerID {
		return
	}
	f := s.Frameworks[r.FrameworkID]
	delete(f.Executors, r.ExecutorID)
	for i := range e.Launch.Tasks {
		task := mesosid.TaskID(e.Launch.Tasks[i].TaskID.Value)
		if f.executorOf[task] != r.ExecutorID {
			continue
		}
		delete(f.executorOf, task)
		if stream := f.Streams[task]; stream != nil && len(stream.Pending()) == 0 {
			delete(f.Streams, task)
		}
	}
}

func (f *Framework) append(status *mesosv1.TaskStatus) {
	id := mesosid.TaskID(status.TaskID.Value)
	stream := f.Streams[id]
	if stream == nil {
		stream = &Stream{}
		f.Streams[id] = stream
	}
	stream.Updates = append(stream.Updates, status)
}

// acknowledge drops an update from what is pending. The stream of a task
// without an executor ends with the acknowledgement of its terminal update.
func (s *State) acknowledge(a *Acknowledgment) {
	f := s.Frameworks[a.FrameworkID]
	if f == nil {
		return
	}
	stream := f.Streams[a.TaskID]
	if stream == nil || stream.Acknowledged == len(stream.Updates) {
		return
	}
	head := stream.Updates[stream.Acknowledged]
	if !bytes.Equal(head.UUID, a.UUID) {
		return
	}
	if _, launched := f.executorOf[a.TaskID]; taskstate.Terminal(head.State) && !launched {
		delete(f.Streams, a.TaskID)
		return
	}
	// Of consecutive updates of one state only the newest is history worth
	// keeping: a long image pull reports its progress many times.
	if i := stream.Acknowledged; i > 0 && stream.Updates[i-1].State == head.State {
		stream.Updates = slices.Delete(slices.Clone(stream.Updates), i-1, i)
		return
	}
	stream.Acknowledged++
}

// records are those that lead to the state from nothing.
func (s *State) records() []Record {
	var out []Record
	if s.Agent != nil {
		out = append(out, Record{Agent: s.Agent})
	}
	for _, fid := range slices.Sorted(maps.Keys(s.Frameworks)) {
		f := s.Frameworks[fid]
		if f.Info != nil {
			out = append(out, Record{Framework: f.Info})
		}
		for _, id := range slices.Sorted(maps.Keys(f.Executors)) {
			e := f.Executors[id]
			out = append(out, Record{Launch: e.Launch})
			for _, k := range e.Kills {
				out = append(out, Record{Kill: k})
			}
		}
		if f.Shutdown {
			out = append(out, Record{FrameworkShutdown: fid})
		}
		for _, id := range slices.Sorted(maps.Keys(f.Streams)) {
			stream := f.Streams[id]
			for _, u := range stream.Updates {
				out = append(out, Record{Update: &Update{FrameworkID: fid, Status: u}})
			}
			for _, u := range stream.Updates[:stream.Acknowledged] {
				out = append(out, Record{Acknowledgment: &Acknowledgment{
					FrameworkID: fid, TaskID: id, UUID: u.UUID,
				}})
			}
		}
	}
	return out
}
