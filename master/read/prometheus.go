package read

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/meseta/meseta/internal/httpx"
)

// prometheusMetrics serves /metrics: what the gatherer has, and the gauges that are
// read off the view.
func (r *Reader) prometheusMetrics(w http.ResponseWriter, req *http.Request) {
	if req.PathValue(httpx.Rest) != "" {
		httpx.NotFound(w, req)
		return
	}
	gauges := prometheus.NewRegistry()
	gauges.MustRegister(gaugeCollector{r, req.Context()})
	promhttp.HandlerFor(prometheus.Gatherers{r.opts.Gatherer, gauges}, promhttp.HandlerOpts{
		ErrorHandling: promhttp.HTTPErrorOnError,
	}).ServeHTTP(w, req)
}

// gaugeCollector collects the gauges for one request, whose end it heeds.
type gaugeCollector struct {
	reader *Reader
	ctx    context.Context
}

// Describe makes it an unchecked collector: names depend on the roles there
// are.
func (gaugeCollector) Describe(chan<- *prometheus.Desc) {}

// Collect leaves out the counters, which the gatherer has, and metrics of
// single frameworks and roles, whose number has no bound.
func (c gaugeCollector) Collect(out chan<- prometheus.Metric) {
	v, err := c.reader.source.View(c.ctx)
	if err != nil {
		out <- prometheus.NewInvalidMetric(prometheus.NewDesc("mesos_master_view", "The state of the master.", nil, nil), err)
		return
	}
	values := make(map[string]float64, 256)
	c.reader.addGauges(values, v, time.Now())
	addSystem(values)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if strings.HasPrefix(name, "allocator/mesos/roles/") {
			continue
		}
		desc := prometheus.NewDesc(prometheusName(name), "Mesos gauge "+name+".", nil, nil)
		out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, values[name])
	}
}

func prometheusName(name string) string { return "mesos_" + strings.ReplaceAll(name, "/", "_") }
