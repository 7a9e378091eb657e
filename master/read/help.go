package read

import (
	"html/template"
	"net"
	"net/http"
	"slices"
	"strconv"

	"github.com/meseta/meseta/gen/operatorv1"
	"github.com/meseta/meseta/internal/httpx"
	"github.com/meseta/meseta/internal/version"
)

// page is the first page and the help page. It has no scripts and loads
// nothing.
var page = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Meseta master {{.Host}}</title></head>
<body>
<h1>Meseta master {{.Host}}</h1>
<p>Version {{.Version}}, compatible with Apache Mesos {{.Mesos}}.</p>
<ul>
{{range .Paths}}<li><a href="{{.}}">{{.}}</a></li>
{{end}}</ul>
</body>
</html>
`))

// paths are what can be asked with a browser.
func (r *Reader) paths() []string {
	var out []string
	for _, one := range r.routes() {
		if one.methods == nil || slices.Contains(one.methods, http.MethodGet) {
			out = append(out, one.path)
		}
	}
	slices.Sort(out)
	return out
}

func (r *Reader) help(w http.ResponseWriter, req *http.Request) error {
	if req.PathValue(httpx.Rest) == "" && req.URL.Query().Get("format") == "json" {
		return httpx.WriteJSON(w, req, operatorv1.Help{Paths: r.paths()})
	}
	return r.root(w, req)
}

func (r *Reader) root(w http.ResponseWriter, req *http.Request) error {
	w.Header().Set("Content-Type", "text/html")
	info := r.source.Info()
	host := hostPort(*info.Address.Hostname, info.Address.Port)
	return page.Execute(w, struct {
		Host, Version, Mesos string
		Paths                []string
	}{host, version.Meseta, version.Mesos, r.paths()})
}

func hostPort(host string, port int32) string { return net.JoinHostPort(host, strconv.Itoa(int(port))) }
