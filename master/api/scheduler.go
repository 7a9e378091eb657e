package api

import (
	"net/http"

	"github.com/meseta/meseta/gen/schedulerv1"
	"github.com/meseta/meseta/internal/fault"
	"github.com/meseta/meseta/internal/httpx"
	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/stream"
	"github.com/meseta/meseta/master"
)

// StreamIDHeader names the subscription of a scheduler.
const StreamIDHeader = "Mesos-Stream-Id"

// scheduler serves POST /api/v1/scheduler. The order of its checks is that of
// Mesos, for clients tell refusals apart by it.
func (s *Server) scheduler(w http.ResponseWriter, r *http.Request) {
	call, err := httpx.ReadCall(w, r, s.schedulerCalls, httpx.BodyLimits{MaxBytes: s.opts.MaxBody})
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	who := principal(r)
	if err := validateCall(call, who); err != nil {
		s.refuse(w, r, fault.Wrap(fault.Invalid, "Failed to validate scheduler::Call: "+err.Error(), err))
		return
	}
	if call.Type == schedulerv1.CallTypeSubscribe || call.Type == schedulerv1.CallTypeReconcileOperations {
		if _, ok := httpx.Negotiate(r.Header, httpx.JSON); !ok {
			httpx.WriteText(w, http.StatusNotAcceptable, "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'")
			return
		}
	}
	if call.Type == schedulerv1.CallTypeSubscribe {
		s.subscribe(w, r, call)
		return
	}
	caller := master.Caller{Framework: mesosid.FrameworkID(call.FrameworkID.Value), Principal: who}
	if ids := r.Header.Values(StreamIDHeader); len(ids) > 0 {
		caller.StreamID, caller.HasStreamID = ids[0], true
	}
	if call.Type == schedulerv1.CallTypeUpdateFramework {
		if err := s.master.UpdateFramework(r.Context(), caller, call.UpdateFramework); err != nil {
			s.refuse(w, r, err)
			return
		}
		w.WriteHeader(http.StatusOK)
		return
	}
	if err := s.master.Call(r.Context(), caller, call); err != nil {
		s.refuse(w, r, err)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

// subscribe opens the event stream of a framework. A refused subscription is
// answered on the stream itself.
func (s *Server) subscribe(w http.ResponseWriter, r *http.Request, call *schedulerv1.Call) {
	if len(r.Header.Values(StreamIDHeader)) > 0 {
		s.refuse(w, r, fault.New(fault.Invalid, "Subscribe calls should not include the 'Mesos-Stream-Id' header"))
		return
	}
	id := master.NewStreamID()
	queue := stream.New(stream.Options{
		MaxFrames:           maxFrames,
		MaxBytes:            s.opts.StreamBytes,
		WriteTimeout:        s.opts.WriteTimeout,
		Heartbeat:           heartbeat,
		HeartbeatInterval:   master.HeartbeatInterval,
		HeartbeatAfterFirst: true,
	})
	if err := s.master.Subscribe(r.Context(), call.Subscribe, subscriber{queue}, id); err != nil {
		s.refuse(w, r, err)
		return
	}
	err := serveStream(w, r, queue, StreamIDHeader, id)
	s.master.DisconnectedStream(id)
	s.log.Debug("scheduler stream ended", "framework", call.Subscribe.FrameworkInfo.Name, "err", err)
}
