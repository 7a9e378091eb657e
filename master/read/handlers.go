package read

import (
	"net/http"
	"net/url"
	"time"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/operatorv1"
	"github.com/meseta/meseta/internal/durfmt"
	"github.com/meseta/meseta/internal/fault"
	"github.com/meseta/meseta/internal/hoststat"
	"github.com/meseta/meseta/internal/httpx"
	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/master"
)

// write answers with finished JSON, as a script if the query asks for one.
func write(w http.ResponseWriter, req *http.Request, body []byte) error {
	if req.URL.Query().Has("jsonp") {
		return httpx.WriteJSONP(w, req, raw(body))
	}
	httpx.WriteBody(w, req, http.StatusOK, httpx.JSON, body)
	return nil
}

// fromState serves an object that is written from a view.
func (r *Reader) fromState(fill func(*object, *master.View)) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, req *http.Request) error {
		v, err := r.source.View(req.Context())
		if err != nil {
			return err
		}
		o := newObject(r.sizes.guess(req.URL.Path))
		fill(o, v)
		body, err := o.done()
		r.sizes.learn(req.URL.Path, len(body))
		if err != nil {
			return err
		}
		return write(w, req, body)
	}
}

// ofView serves a value that is made of a view, for answers that are short.
func (r *Reader) ofView(w http.ResponseWriter, req *http.Request, value func(*master.View) any) error {
	v, err := r.source.View(req.Context())
	if err != nil {
		return err
	}
	return httpx.WriteJSONP(w, req, value(v))
}

func (r *Reader) version(w http.ResponseWriter, req *http.Request) error {
	return httpx.WriteJSONP(w, req, r.build)
}

// redirect sends clients to the leading master, which is always this one.
func (r *Reader) redirect(w http.ResponseWriter, _ *http.Request) error {
	address := r.source.Info().Address
	w.Header().Set("Location", "//"+hostPort(*address.Hostname, address.Port))
	w.WriteHeader(http.StatusTemporaryRedirect)
	return nil
}

func (r *Reader) legacyFlags(w http.ResponseWriter, req *http.Request) error {
	if err := r.allowed(req, "view_flags", ""); err != nil {
		return err
	}
	return httpx.WriteJSONP(w, req, operatorv1.LegacyFlags{Flags: r.flagTable()})
}

// slaves ignores what follows the path, as Mesos does: /slaves/<id> lists all.
func (r *Reader) slaves(w http.ResponseWriter, req *http.Request) error {
	id := req.URL.Query().Get("slave_id")
	return r.fromState(func(o *object, v *master.View) { r.writeSlaves(o, v, id) })(w, req)
}

func (r *Reader) frameworks(w http.ResponseWriter, req *http.Request) error {
	id := req.URL.Query().Get("framework_id")
	return r.fromState(func(o *object, v *master.View) { r.writeLegacyFrameworks(o, v, id) })(w, req)
}

func (r *Reader) tasks(w http.ResponseWriter, req *http.Request) error {
	query := parseTaskQuery(req.URL.Query())
	return r.fromState(func(o *object, v *master.View) { list(o, "tasks", selectTasks(v, query), r.writeTask) })(w, req)
}

func (r *Reader) roles(w http.ResponseWriter, req *http.Request) error {
	return r.ofView(w, req, func(v *master.View) any { return legacyRoles(v, r.opts.Roles) })
}

func (r *Reader) weights(w http.ResponseWriter, req *http.Request) error {
	if req.Method != http.MethodGet {
		return notYet(w, req)
	}
	return r.ofView(w, req, func(v *master.View) any { return weights(v) })
}

func (r *Reader) quota(w http.ResponseWriter, req *http.Request) error {
	if req.Method != http.MethodGet {
		return notYet(w, req)
	}
	return httpx.WriteJSONP(w, req, mesosv1.QuotaStatus{})
}

func (r *Reader) maintenanceSchedule(w http.ResponseWriter, req *http.Request) error {
	if req.Method != http.MethodGet {
		return notYet(w, req)
	}
	return httpx.WriteJSONP(w, req, mesosv1.Schedule{})
}

func (r *Reader) maintenanceStatus(w http.ResponseWriter, req *http.Request) error {
	return httpx.WriteJSONP(w, req, mesosv1.ClusterStatus{})
}

// teardown takes the id of a framework from a form in the body, whatever the
// Content-Type says.
func (r *Reader) teardown(w http.ResponseWriter, req *http.Request) error {
	body, err := httpx.ReadBody(w, req, r.opts.BodyLimits)
	if err != nil {
		return err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return fault.Wrap(fault.Invalid, "Unable to decode query string: "+err.Error(), err)
	}
	if !form.Has("frameworkId") {
		return fault.New(fault.Invalid, "Missing 'frameworkId' query parameter in the request body")
	}
	id := form.Get("frameworkId")
	if err := r.allowed(req, "teardown_frameworks", id); err != nil {
		return err
	}
	if err := r.source.Teardown(req.Context(), mesosid.FrameworkID(id)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// snapshot serves the metrics. All of them are ready at once, so the time that
// a client is willing to wait is only read, never used.
func (r *Reader) snapshot(w http.ResponseWriter, req *http.Request) error {
	if q := req.URL.Query(); q.Has("timeout") {
		if _, err := durfmt.Parse(q.Get("timeout")); err != nil {
			return fault.Wrap(fault.Invalid, "Invalid timeout '"+q.Get("timeout")+"': "+durationProblem(q.Get("timeout"))+".\n", err)
		}
	}
	return r.ofView(w, req, func(v *master.View) any { return operatorv1.MetricsSnapshot(r.metrics(v, time.Now())) })
}

func (r *Reader) systemStats(w http.ResponseWriter, req *http.Request) error {
	s, err := hoststat.Read()
	if err != nil {
		return fault.Wrap(fault.Internal, "load and memory of the machine cannot be read", err)
	}
	return httpx.WriteJSONP(w, req, operatorv1.SystemStats{
		AvgLoad1Min:   s.Load1,
		AvgLoad5Min:   s.Load5,
		AvgLoad15Min:  s.Load15,
		CpusTotal:     float64(s.CPUs),
		MemTotalBytes: float64(s.MemTotal),
		MemFreeBytes:  float64(s.MemFree),
	})
}
