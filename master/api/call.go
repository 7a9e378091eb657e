package api

import (
	"net/http"

	"github.com/meseta/meseta/internal/httpx"
)

// refuse answers with an error as plain text.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	httpx.WriteError(r.Context(), w, s.log, err)
}

// principal is the value of the authenticated principal, nil without
// authentication.
func principal(r *http.Request) *string {
	who := httpx.PrincipalFrom(r.Context())
	if who == nil {
		return nil
	}
	return &who.Name
}
