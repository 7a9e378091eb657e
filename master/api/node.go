package api

import (
	"fmt"
	"net/http"

	"github.com/meseta/meseta/gen/nodev1"
	"github.com/meseta/meseta/internal/fault"
	"github.com/meseta/meseta/internal/httpx"
	"github.com/meseta/meseta/internal/stream"
	"github.com/meseta/meseta/master"
)

// SessionIDHeader names the session of an agent.
const SessionIDHeader = "Meseta-Session-Id"

// node serves POST /api/v1/node, the calls of agents.
func (s *Server) node(w http.ResponseWriter, r *http.Request) {
	call, err := httpx.ReadCall(w, r, s.nodeCalls, httpx.BodyLimits{MaxBytes: s.opts.MaxNodeBody})
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	if err := checkNodeCall(call); err != nil {
		s.refuse(w, r, err)
		return
	}
	if call.Type == nodev1.CallTypeRegister {
		s.register(w, r, call.Register)
		return
	}
	session := r.Header.Get(SessionIDHeader)
	if session == "" {
		s.refuse(w, r, fault.New(fault.Invalid, fmt.Sprintf("a call of type %s needs the header %s", call.Type, SessionIDHeader)))
		return
	}
	if err := s.master.NodeCall(r.Context(), session, call); err != nil {
		s.refuse(w, r, err)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

// checkNodeCall checks that the member that the type names is set.
func checkNodeCall(call *nodev1.Call) error {
	missing := ""
	switch call.Type {
	case "":
		missing = "type"
	case nodev1.CallTypeRegister:
		if call.Register == nil {
			missing = "register"
		}
	case nodev1.CallTypeReport:
		if call.Report == nil {
			missing = "report"
		}
	case nodev1.CallTypeUpdateAgent:
		if call.UpdateAgent == nil {
			missing = "update_agent"
		}
	}
	if missing != "" {
		return fault.New(fault.Invalid, fmt.Sprintf("Failed to validate node::Call: Expecting '%s' to be present", missing))
	}
	return nil
}

// register opens the session of an agent.
func (s *Server) register(w http.ResponseWriter, r *http.Request, in *nodev1.Register) {
	id := master.NewSessionID()
	queue := stream.New(stream.Options{
		MaxFrames:    maxFrames,
		MaxBytes:     s.opts.StreamBytes,
		WriteTimeout: s.opts.WriteTimeout,
	})
	if err := s.master.Register(r.Context(), in, subscriber{queue}, id); err != nil {
		s.refuse(w, r, err)
		return
	}
	err := serveStream(w, r, queue, SessionIDHeader, id)
	s.master.SessionEnded(id)
	s.log.Debug("agent session ended", "hostname", in.AgentInfo.Hostname, "err", err)
}
