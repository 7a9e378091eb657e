package read

import (
	"net/http"

	"github.com/meseta/meseta/gen/operatorv1"
	"github.com/meseta/meseta/internal/fault"
	"github.com/meseta/meseta/internal/httpx"
)

// operator serves POST /api/v1. The order of its checks is that of Mesos:
// Content-Type, body, shape of the call, Accept, and then the call itself.
func (r *Reader) operator(w http.ResponseWriter, req *http.Request) {
	call, err := httpx.ReadCall(w, req, r.calls, r.opts.BodyLimits)
	if err == nil {
		err = checkCall(call)
	}
	if err != nil {
		r.fail(w, req, err)
		return
	}
	if _, ok := httpx.Negotiate(req.Header, httpx.JSON); !ok {
		httpx.WriteText(w, http.StatusNotAcceptable, "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'")
		return
	}
	if err := r.authorize(req, call); err != nil {
		r.fail(w, req, err)
		return
	}
	answer, err := r.Operator(req.Context(), call)
	switch {
	case err != nil:
		r.fail(w, req, err)
	case answer == nil:
		w.WriteHeader(http.StatusOK)
	default:
		httpx.WriteBody(w, req, http.StatusOK, httpx.JSON, answer)
	}
}

// fail answers with an error.
func (r *Reader) fail(w http.ResponseWriter, req *http.Request, err error) {
	httpx.WriteError(req.Context(), w, r.log, err)
}

// authorize asks whether the caller may make a call that acts. What calls that
// read may show is the business of each of them.
func (r *Reader) authorize(req *http.Request, call *operatorv1.Call) error {
	switch call.Type {
	case operatorv1.CallTypeTeardown:
		return r.allowed(req, "teardown_frameworks", call.Teardown.FrameworkID.Value)
	case operatorv1.CallTypeSetLoggingLevel:
		return r.allowed(req, "set_log_level", "")
	case operatorv1.CallTypeGetFlags:
		return r.allowed(req, "view_flags", "")
	case operatorv1.CallTypeListFiles:
		return r.allowed(req, "access_mesos_logs", call.ListFiles.Path)
	case operatorv1.CallTypeReadFile:
		return r.allowed(req, "access_mesos_logs", call.ReadFile.Path)
	}
	return nil
}

// allowed refuses with Forbidden what the access rules do not allow.
func (r *Reader) allowed(req *http.Request, action httpx.Action, object string) error {
	ok, err := r.opts.Authorizer.Authorize(req.Context(), httpx.PrincipalFrom(req.Context()), action, httpx.Object{Value: object})
	switch {
	case err != nil:
		return fault.Wrap(fault.Unavailable, "the access rules could not be asked", err)
	case !ok:
		return fault.New(fault.Forbidden, "403 Forbidden.")
	}
	return nil
}
