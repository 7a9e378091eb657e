package api

import (
	"errors"
	"net/http"

	"github.com/meseta/meseta/internal/fault"
	"github.com/meseta/meseta/internal/httpx"
	"github.com/meseta/meseta/internal/mesosjson"
)

// readCall reads the body of a request as a call. It answers itself when the
// body is not one, and then returns nil.
func readCall[T any](s *Server, w http.ResponseWriter, r *http.Request, decoder *mesosjson.Decoder[T], maxBytes int64) *T {
	if _, status, refusal := httpx.ContentType(r.Header, httpx.JSON, httpx.Protobuf); status != 0 {
		httpx.WriteText(w, status, refusal)
		return nil
	}
	if r.Header.Get("Content-Type") == httpx.Protobuf {
		httpx.WriteText(w, http.StatusUnsupportedMediaType, "Calls in application/x-protobuf are not supported yet; send application/json")
		return nil
	}
	body, err := httpx.ReadBody(w, r, httpx.BodyLimits{MaxBytes: maxBytes})
	if err != nil {
		s.refuse(w, r, err)
		return nil
	}
	call, err := decoder.Decode(body)
	if err != nil {
		if wrong, ok := errors.AsType[*mesosjson.Error](err); ok {
			err = fault.Wrap(fault.Invalid, wrong.BodyText("Call"), err)
		}
		s.refuse(w, r, err)
		return nil
	}
	return call
}

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
