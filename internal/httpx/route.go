package httpx

import (
	"net/http"
	"strings"
)

// Router finds handlers as Mesos does: of the registered paths the longest
// that is a prefix of the requested one wins, segment by segment. Empty
// segments do not count, so a trailing or doubled slash changes nothing, and
// nothing is ever redirected. Case matters. The path alone decides: methods
// are the handlers' business.
//
// Routes are registered before the first request.
type Router struct {
	alias  string
	routes map[string]http.Handler
}

// NewRouter makes a router whose routes are reachable under the alias as well,
// as "/master/state" is "/state".
func NewRouter(alias string) *Router {
	return &Router{alias: clean(alias), routes: map[string]http.Handler{}}
}

// Handle registers a handler for path and everything below it, in both forms.
func (rt *Router) Handle(path string, h http.Handler) {
	rt.HandleOnly(path, h)
	rt.HandleOnly(rt.alias+"/"+path, h)
}

// HandleOnly registers a handler without the alias: in Mesos it belongs to
// another process, such as "/version". The path "/" is only the root itself.
func (rt *Router) HandleOnly(path string, h http.Handler) {
	path = clean(path)
	if _, taken := rt.routes[path]; taken {
		panic("httpx: route " + path + " is registered twice")
	}
	rt.routes[path] = h
}

// Rest is the name of the path value that holds what follows the route, such
// as the id in "/slaves/<id>", without slashes around it.
const Rest = "rest"

func (rt *Router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := clean(r.URL.Path)
	for end := len(path); ; end = strings.LastIndexByte(path[:end], '/') {
		if end <= 0 && path != "" {
			break
		}
		if h, known := rt.routes[path[:end]]; known {
			r.SetPathValue(Rest, strings.TrimPrefix(path[end:], "/"))
			h.ServeHTTP(w, r)
			return
		}
		if end == 0 {
			break
		}
	}
	NotFound(w, r)
}

// clean writes a path with single slashes in front of its segments; the root
// is "".
func clean(path string) string {
	if !strings.Contains(path, "//") && strings.HasPrefix(path, "/") && !strings.HasSuffix(path, "/") {
		return path
	}
	var b strings.Builder
	for segment := range strings.SplitSeq(path, "/") {
		if segment != "" {
			b.WriteByte('/')
			b.WriteString(segment)
		}
	}
	return b.String()
}
