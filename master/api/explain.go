package api

import (
	"net/http"

	"github.com/meseta/meseta/gen/mesetav1"
	"github.com/meseta/meseta/internal/fault"
	"github.com/meseta/meseta/internal/httpx"
	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/master/allocator"
)

// explain serves GET /explain: why a framework has no more offers.
func (s *Server) explain(w http.ResponseWriter, r *http.Request) {
	id := r.URL.Query().Get("framework_id")
	if id == "" {
		s.refuse(w, r, fault.New(fault.Invalid, "name the framework: /explain?framework_id=ID"))
		return
	}
	found, err := s.master.Explain(r.Context(), mesosid.FrameworkID(id), r.URL.Query().Get("role"))
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	answer := mesetav1.Explanations{FrameworkID: id, Explanations: []mesetav1.Explanation{}}
	for i := range found {
		answer.Explanations = append(answer.Explanations, explanation(&found[i]))
	}
	if err := httpx.WriteJSON(w, r, &answer); err != nil {
		s.refuse(w, r, err)
	}
}

func explanation(e *allocator.Explanation) mesetav1.Explanation {
	out := mesetav1.Explanation{
		Role:      e.Role,
		Summary:   e.String(),
		Share:     &e.Share,
		RoleShare: &e.RoleShare,
	}
	if e.Reason != allocator.NoReason {
		out.Reason = new(e.Reason.String())
	}
	for _, c := range e.Agents {
		out.Agents = append(out.Agents, mesetav1.ReasonCount{Reason: c.Reason.String(), Agents: int32(c.Agents)})
	}
	if !e.Until.IsZero() {
		out.RefusedUntil = new(e.Until.UTC())
	}
	if e.Nearest != "" {
		out.Nearest = &mesetav1.Shortage{AgentID: string(e.Nearest), Free: e.Free.String(), Missing: e.Missing.String()}
	}
	return out
}
