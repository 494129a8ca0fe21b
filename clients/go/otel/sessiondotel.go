// Package sessiondotel tells OpenTelemetry what a client of sessiond does. It needs the API alone: which SDK
// there is, if any, is for the program to say.
//
//	metrics, err := sessiondotel.New(otel.GetMeterProvider())
//	client, err := sessiond.New(target, sessiond.WithObserver(metrics.Observer()))
//	stop, err := metrics.Follow(client)
//
//	sessiond.client.validations     {validation}  by outcome, accepted and reason
//	sessiond.client.calls           {call}        by method, code and reason
//	sessiond.client.calls.duration  s             by method and code, with all attempts
//	sessiond.client.watch.changes   {change}      of the stream of revocations, by its new state
//	sessiond.client.cache.entries   {entry}       what is kept now
//	sessiond.client.watch.age       s             how long ago everything that was revoked was known
package sessiondotel

import (
	"context"
	"errors"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/sessiond/sessiond/clients/go/internal/codenames"
	"github.com/sessiond/sessiond/clients/go/sessiond"
)

const scope = "github.com/sessiond/sessiond/clients/go/otel"

// Source has numbers: a [sessiond.Client] is one.
type Source interface{ Numbers() sessiond.Numbers }

// Metrics are the instruments of one client.
type Metrics struct {
	meter       metric.Meter
	attributes  []attribute.KeyValue
	validations metric.Int64Counter
	calls       metric.Int64Counter
	durations   metric.Float64Histogram
	changes     metric.Int64Counter
	entries     metric.Int64ObservableGauge
	age         metric.Float64ObservableGauge

	// What is told of most validations is made once: they come from memory, and are quicker than this is.
	ofValidations sync.Map // of validation to []metric.AddOption
}

type validation struct {
	outcome  sessiond.Outcome
	accepted bool
	reason   sessiond.Reason
}

// New makes the instruments. The attributes, such as a name where there are several clients, go with all of
// them.
func New(provider metric.MeterProvider, attributes ...attribute.KeyValue) (*Metrics, error) {
	m := &Metrics{meter: provider.Meter(scope), attributes: attributes}
	var errs [6]error
	m.validations, errs[0] = m.meter.Int64Counter("sessiond.client.validations",
		metric.WithUnit("{validation}"), metric.WithDescription("Verdicts on one token."))
	m.calls, errs[1] = m.meter.Int64Counter("sessiond.client.calls",
		metric.WithUnit("{call}"), metric.WithDescription("Calls to a server."))
	m.durations, errs[2] = m.meter.Float64Histogram("sessiond.client.calls.duration",
		metric.WithUnit("s"), metric.WithDescription("How long calls to a server took, with all attempts."),
		metric.WithExplicitBucketBoundaries(.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 12))
	m.changes, errs[3] = m.meter.Int64Counter("sessiond.client.watch.changes",
		metric.WithUnit("{change}"), metric.WithDescription("Changes of the stream of revocations."))
	m.entries, errs[4] = m.meter.Int64ObservableGauge("sessiond.client.cache.entries",
		metric.WithUnit("{entry}"), metric.WithDescription("Acceptances that are kept."))
	m.age, errs[5] = m.meter.Float64ObservableGauge("sessiond.client.watch.age",
		metric.WithUnit("s"), metric.WithDescription("How long ago everything that was revoked was known."))
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	return m, nil
}

// Observer is for [sessiond.WithObserver].
func (m *Metrics) Observer() sessiond.Observer {
	return sessiond.Observer{Validated: m.validated, Called: m.called, WatchChanged: m.watchChanged}
}

// Follow has the numbers of a client observed until stop is called. Of a client that knows nothing of
// revocations no age is told.
func (m *Metrics) Follow(client Source) (stop func() error, err error) {
	with := metric.WithAttributes(m.attributes...)
	registration, err := m.meter.RegisterCallback(func(_ context.Context, observer metric.Observer) error {
		numbers := client.Numbers()
		observer.ObserveInt64(m.entries, int64(numbers.Entries), with)
		if numbers.WatchAge >= 0 {
			observer.ObserveFloat64(m.age, numbers.WatchAge.Seconds(), with)
		}
		return nil
	}, m.entries, m.age)
	if err != nil {
		return nil, err
	}
	return registration.Unregister, nil
}

func (m *Metrics) validated(told sessiond.Validation) {
	kind := validation{told.Outcome, told.Accepted, told.Reason}
	m.validations.Add(context.Background(), 1, m.ofValidation(kind)...)
}

func (m *Metrics) ofValidation(told validation) []metric.AddOption {
	if known, ok := m.ofValidations.Load(told); ok {
		return known.([]metric.AddOption)
	}
	options := []metric.AddOption{m.with(
		attribute.String("outcome", string(told.outcome)),
		attribute.Bool("accepted", told.accepted),
		attribute.String("reason", string(told.reason)),
	)}
	m.ofValidations.Store(told, options)
	return options
}

func (m *Metrics) called(told sessiond.Call) {
	method, code := attribute.String("method", told.Method), attribute.String("code", codenames.Of(told.Code))
	m.calls.Add(context.Background(), 1, m.with(method, code, attribute.String("reason", told.Reason)))
	m.durations.Record(context.Background(), told.Duration.Seconds(), m.with(method, code))
}

func (m *Metrics) watchChanged(state sessiond.WatchState) {
	m.changes.Add(context.Background(), 1, m.with(attribute.String("state", string(state))))
}

func (m *Metrics) with(attributes ...attribute.KeyValue) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(append(attributes, m.attributes...)...))
}
