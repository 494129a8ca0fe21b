// Package sessiondprometheus tells Prometheus what a client of sessiond does.
//
//	metrics, err := sessiondprometheus.New(prometheus.DefaultRegisterer)
//	client, err := sessiond.New(target, sessiond.WithObserver(metrics.Observer()))
//	err = metrics.Follow(client)
//
//	sessiond_client_validations_total       by outcome, accepted and reason
//	sessiond_client_calls_total             by method, code and reason
//	sessiond_client_calls_duration_seconds  by method and code, with all attempts
//	sessiond_client_watch_changes_total     of the stream of revocations, by its new state
//	sessiond_client_cache_entries           what is kept now
//	sessiond_client_watch_age_seconds       how long ago everything that was revoked was known
//
// Where there are several clients, give each a registerer of [prometheus.WrapRegistererWith].
package sessiondprometheus

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sessiond/sessiond/clients/go/internal/codenames"
	"github.com/sessiond/sessiond/clients/go/sessiond"
)

// Source has numbers: a [sessiond.Client] is one.
type Source interface{ Numbers() sessiond.Numbers }

// Metrics are those of one client.
type Metrics struct {
	registerer  prometheus.Registerer
	validations *prometheus.CounterVec
	calls       *prometheus.CounterVec
	durations   *prometheus.HistogramVec
	changes     *prometheus.CounterVec
}

// New registers the metrics; it fails where they are registered already.
func New(registerer prometheus.Registerer) (*Metrics, error) {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "sessiond_client_" + name, Help: help}, labels)
	}
	m := &Metrics{
		registerer:  registerer,
		validations: counter("validations_total", "Verdicts on one token.", "outcome", "accepted", "reason"),
		calls:       counter("calls_total", "Calls to a server.", "method", "code", "reason"),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "sessiond_client_calls_duration_seconds",
			Help:    "How long calls to a server took, with all attempts.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 12},
		}, []string{"method", "code"}),
		changes: counter("watch_changes_total", "Changes of the stream of revocations.", "state"),
	}
	for _, one := range []prometheus.Collector{m.validations, m.calls, m.durations, m.changes} {
		if err := registerer.Register(one); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// Observer is for [sessiond.WithObserver].
func (m *Metrics) Observer() sessiond.Observer {
	return sessiond.Observer{Validated: m.validated, Called: m.called, WatchChanged: m.watchChanged}
}

// Follow registers the numbers of the client. Of one that knows nothing of revocations no age is told.
func (m *Metrics) Follow(client Source) error { return m.registerer.Register(following{client}) }

func (m *Metrics) validated(told sessiond.Validation) {
	accepted := strconv.FormatBool(told.Accepted)
	m.validations.WithLabelValues(string(told.Outcome), accepted, string(told.Reason)).Inc()
}

func (m *Metrics) called(told sessiond.Call) {
	code := codenames.Of(told.Code)
	m.calls.WithLabelValues(told.Method, code, told.Reason).Inc()
	m.durations.WithLabelValues(told.Method, code).Observe(told.Duration.Seconds())
}

func (m *Metrics) watchChanged(state sessiond.WatchState) {
	m.changes.WithLabelValues(string(state)).Inc()
}

var (
	entries = prometheus.NewDesc("sessiond_client_cache_entries", "Acceptances that are kept.", nil, nil)
	age     = prometheus.NewDesc(
		"sessiond_client_watch_age_seconds", "How long ago everything that was revoked was known.", nil, nil)
)

// following collects the numbers of a client when somebody asks for them.
type following struct{ client Source }

// Describe tells what may be collected.
func (following) Describe(told chan<- *prometheus.Desc) {
	told <- entries
	told <- age
}

// Collect tells the numbers as of now.
func (f following) Collect(told chan<- prometheus.Metric) {
	numbers := f.client.Numbers()
	told <- prometheus.MustNewConstMetric(entries, prometheus.GaugeValue, float64(numbers.Entries))
	if numbers.WatchAge >= 0 {
		told <- prometheus.MustNewConstMetric(age, prometheus.GaugeValue, numbers.WatchAge.Seconds())
	}
}
