package read

import (
	"fmt"
	"net/http"

	"github.com/meseta/meseta/internal/fault"
	"github.com/meseta/meseta/internal/httpx"
)

// Realms of authentication, told to clients that must send credentials.
const (
	realmRead  = "mesos-master-readonly"
	realmWrite = "mesos-master-readwrite"
)

// Routes adds every path that is served here to a router whose alias is
// "/master". Paths that belong to other processes in Mesos are not below it.
func (r *Reader) Routes(rt *httpx.Router) {
	for _, one := range r.routes() {
		h := http.Handler(r.answer(one.serve))
		if len(one.methods) > 0 {
			h = httpx.Methods(h, one.methods...)
		}
		if one.realm != "" {
			h = httpx.Authenticated(r.opts.Authenticator, one.realm, h)
		}
		if one.alone {
			rt.HandleOnly(one.path, h)
		} else {
			rt.Handle(one.path, h)
		}
	}
}

// route is one path. Its handler either answers or returns an error to be
// answered with. An empty realm means that everybody may ask.
type route struct {
	path    string
	realm   string
	methods []string // nil allows all
	alone   bool     // not below /master
	serve   func(w http.ResponseWriter, req *http.Request) error
}

func (r *Reader) routes() []route {
	get, post := []string{http.MethodGet}, []string{http.MethodPost}
	done := func(serve func(http.ResponseWriter, *http.Request)) func(http.ResponseWriter, *http.Request) error {
		return func(w http.ResponseWriter, req *http.Request) error {
			serve(w, req)
			return nil
		}
	}
	return []route{
		{path: "/api/v1", realm: realmWrite, methods: post, serve: done(r.operator)},

		{path: "/health", serve: done(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })},
		{path: "/version", alone: true, serve: r.version},
		{path: "/redirect", serve: r.redirect},
		{path: "/flags", realm: realmRead, serve: r.legacyFlags},

		{path: "/state", realm: realmRead, serve: r.fromState(r.writeState)},
		{path: "/state-summary", realm: realmRead, serve: r.fromState(r.writeSummary)},
		{path: "/slaves", realm: realmRead, serve: r.slaves},
		{path: "/frameworks", realm: realmRead, serve: r.frameworks},
		{path: "/tasks", realm: realmRead, serve: r.tasks},
		{path: "/roles", realm: realmRead, serve: r.roles},

		{path: "/weights", realm: realmWrite, methods: []string{http.MethodGet, http.MethodPut}, serve: r.weights},
		{path: "/quota", realm: realmWrite, methods: []string{http.MethodGet, http.MethodPost, http.MethodDelete}, serve: r.quota},
		{path: "/maintenance/schedule", realm: realmWrite, methods: []string{http.MethodGet, http.MethodPost}, serve: r.maintenanceSchedule},
		{path: "/maintenance/status", realm: realmWrite, methods: get, serve: r.maintenanceStatus},
		{path: "/machine/down", realm: realmWrite, methods: post, serve: notYet},
		{path: "/machine/up", realm: realmWrite, methods: post, serve: notYet},

		{path: "/teardown", realm: realmWrite, methods: post, serve: r.teardown},
		{path: "/reserve", realm: realmWrite, methods: post, serve: notYet},
		{path: "/unreserve", realm: realmWrite, methods: post, serve: notYet},
		{path: "/create-volumes", realm: realmWrite, methods: post, serve: notYet},
		{path: "/destroy-volumes", realm: realmWrite, methods: post, serve: notYet},

		{path: "/metrics", realm: realmRead, alone: true, serve: done(r.prometheusMetrics)},
		{path: "/metrics/snapshot", realm: realmRead, alone: true, serve: r.snapshot},
		{path: "/system/stats.json", alone: true, serve: r.systemStats},
		{path: "/logging/toggle", realm: realmWrite, alone: true, serve: r.loggingToggle},

		{path: "/files/browse", realm: realmRead, alone: true, serve: r.browse},
		{path: "/files/read", realm: realmRead, alone: true, serve: r.readFile},
		{path: "/files/download", realm: realmRead, alone: true, serve: r.download},
		{path: "/files/debug", realm: realmRead, alone: true, serve: r.debugFiles},

		{path: "/registrar(1)/registry", realm: realmRead, alone: true, serve: r.registry},
		{path: "/allocator/offer_constraints_debug", realm: realmRead, alone: true, serve: r.constraintsDebug},
		{path: "/help", alone: true, serve: r.help},
		{path: "/", alone: true, serve: r.root},
	}
}

// answer makes a handler of one that may return an error.
func (r *Reader) answer(serve func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		if err := serve(w, req); err != nil {
			r.fail(w, req, err)
		}
	}
}

// notYet refuses what a later version serves.
func notYet(_ http.ResponseWriter, req *http.Request) error {
	return fault.New(fault.Unimplemented, fmt.Sprintf("%s %s is not served by this version", req.Method, req.URL.Path))
}
