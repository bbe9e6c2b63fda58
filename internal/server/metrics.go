package server

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/branchline/branchline/internal/event"
	"github.com/branchline/branchline/internal/live"
)

// metrics is what Prometheus reads at /metrics.
type metrics struct {
	registry   *prometheus.Registry
	operations *prometheus.HistogramVec
}

func newMetrics(stats func() live.Stats, readAge func() time.Duration, hints func() event.Traffic, refusals func() map[string]uint64) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		operations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "branchline_operation_seconds",
			Help:    "How long GraphQL operations took, by kind and by the code of their first error. Subscriptions count as long as they were open.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 60, 600, 3600},
		}, []string{"kind", "code"}),
	}
	gauge := func(name, help string, read func() float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read))
	}
	counter := func(name, help string, read func() float64) {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, read))
	}
	m.registry.MustRegister(m.operations, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.registry.MustRegister(&closes{stats, prometheus.NewDesc("branchline_closes_total", "Connections ended, by close code. 1013 are slow readers cut off, \"1013 cannot verify\" came while no token could be checked, \"4408 crowded\" made room for others before anybody had signed in, 1006 went without a word, client are those that the client closed.", []string{"code"}, nil)})
	m.registry.MustRegister(&tries{refusals, prometheus.NewDesc("branchline_tries_refused_total", "Tries at passwords, invitations and new accounts that were refused because there were too many, by the limit.", []string{"limit"}, nil)})
	gauge("branchline_sockets", "Open WebSockets.", func() float64 { return float64(stats().Sockets) })
	gauge("branchline_sockets_waiting", "Open WebSockets on which nobody has signed in. At most 5,000.", func() float64 { return float64(stats().Waiting) })
	gauge("branchline_event_streams", "Open streams of server-sent events.", func() float64 { return float64(stats().Streams) })
	gauge("branchline_subscriptions", "Open subscriptions.", func() float64 { return float64(stats().Subscriptions) })
	gauge("branchline_selections", "Distinct selections among the open subscriptions.", func() float64 { return float64(stats().Selections) })
	gauge("branchline_register_read_age_seconds", "How long ago the login register's last successful read began. Over 1.5 requests are checked in the database.", func() float64 { return readAge().Seconds() })
	counter("branchline_events_total", "Events sent to clients.", func() float64 { return float64(stats().Events) })
	counter("branchline_event_executions_total", "Events executed. Events sent per execution is what sharing saves.", func() float64 { return float64(stats().Executions) })
	m.registry.MustRegister(&carrier{
		hints,
		prometheus.NewDesc("branchline_hints_total", "Hints between processes: sent to the others, received from them, or dropped because the carrier was away. A dropped hint costs half a second.", []string{"carrier", "direction"}, nil),
		prometheus.NewDesc("branchline_hints_connected", "Whether hints of the other processes arrive: 1 or 0.", []string{"carrier"}, nil),
	})
	return m
}

// observe counts an operation.
func (m *metrics) observe(kind, code string, took time.Duration) {
	m.operations.WithLabelValues(kind, code).Observe(took.Seconds())
}

// Metrics returns the handler for Prometheus. Serve it where only operators reach it.
func (s *Server) Metrics() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}))
	return mux
}

// closes turns the transport's counts by close code into a metric.
type closes struct {
	stats func() live.Stats
	desc  *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (c *closes) Describe(out chan<- *prometheus.Desc) { out <- c.desc }

// Collect implements prometheus.Collector.
func (c *closes) Collect(out chan<- prometheus.Metric) {
	for label, n := range c.stats().Closes {
		out <- prometheus.MustNewConstMetric(c.desc, prometheus.CounterValue, float64(n), label)
	}
}

// carrier turns what the carrier of hints counts into metrics.
type carrier struct {
	hints            func() event.Traffic
	total, connected *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (c *carrier) Describe(out chan<- *prometheus.Desc) { out <- c.total; out <- c.connected }

// Collect implements prometheus.Collector.
func (c *carrier) Collect(out chan<- prometheus.Metric) {
	t := c.hints()
	for direction, n := range map[string]int64{"sent": t.Sent, "received": t.Received, "dropped": t.Dropped} {
		out <- prometheus.MustNewConstMetric(c.total, prometheus.CounterValue, float64(n), t.Carrier, direction)
	}
	connected := 0.0
	if t.Connected {
		connected = 1
	}
	out <- prometheus.MustNewConstMetric(c.connected, prometheus.GaugeValue, connected, t.Carrier)
}

// tries turns the counts of refused tries by limit into a metric.
type tries struct {
	refusals func() map[string]uint64
	desc     *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (t *tries) Describe(out chan<- *prometheus.Desc) { out <- t.desc }

// Collect implements prometheus.Collector.
func (t *tries) Collect(out chan<- prometheus.Metric) {
	for limit, n := range t.refusals() {
		out <- prometheus.MustNewConstMetric(t.desc, prometheus.CounterValue, float64(n), limit)
	}
}
