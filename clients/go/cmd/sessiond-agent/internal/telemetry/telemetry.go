// Package telemetry counts what the agent does, and writes it as Prometheus reads it.
package telemetry

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
)

// Outcome is how a validation was answered.
type Outcome int

// The outcomes.
const (
	Hit      Outcome = iota // from memory
	Miss                    // by a call
	Joined                  // by a call that another caller had begun
	Bypassed                // by a call whose answer is for its caller alone
)

var outcomes = [...]string{"hit", "miss", "joined", "bypassed"}

// bounds are of the seconds that a call takes.
var bounds = [...]float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5}

const manyCodes = int(codes.Unauthenticated) + 1

// Telemetry is what was counted. It is safe for many goroutines once every method has been told of.
type Telemetry struct {
	build       string
	methods     []*Method
	validations [len(outcomes)]atomic.Uint64
	gauges      []gauge
	families    []family
}

type gauge struct {
	name, kind, help string
	value            func() float64
}

// Method is what was counted of one method.
type Method struct {
	labels  string
	started atomic.Uint64
	handled [manyCodes]atomic.Uint64
	buckets [len(bounds) + 1]atomic.Uint64
	nanos   atomic.Int64
}

// New has counted nothing.
func New() *Telemetry { return &Telemetry{} }

// Method is a further one of a service, of the type that gRPC's metrics name.
func (t *Telemetry) Method(service, name, kind string) *Method {
	method := &Method{labels: fmt.Sprintf("grpc_type=%q,grpc_service=%q,grpc_method=%q", kind, service, name)}
	t.methods = append(t.methods, method)
	return method
}

// Gauge is a further value, asked for when it is wanted.
func (t *Telemetry) Gauge(name, help string, value func() float64) {
	t.gauges = append(t.gauges, gauge{name, "gauge", help, value})
}

// Counter is a further value that only grows.
func (t *Telemetry) Counter(name, help string, value func() float64) {
	t.gauges = append(t.gauges, gauge{name, "counter", help, value})
}

// Validated counts a validation.
func (t *Telemetry) Validated(outcome Outcome) { t.validations[outcome].Add(1) }

// Begin counts a call that begins; the moment is for its End.
func (m *Method) Begin() time.Time {
	m.started.Add(1)
	return time.Now()
}

// End counts one that has ended.
func (m *Method) End(began time.Time, code codes.Code) {
	took := time.Since(began)
	m.handled[min(int(code), manyCodes-1)].Add(1)
	m.nanos.Add(int64(took))
	i := 0
	for i < len(bounds) && took.Seconds() > bounds[i] {
		i++
	}
	m.buckets[i].Add(1)
}

// Write gives everything, series that have not begun included.
func (t *Telemetry) Write(to io.Writer) {
	head(to, "sessiond_build_info", "gauge", "What runs here; the value is always 1.")
	fmt.Fprintf(to, "sessiond_build_info{%s} 1\n", t.build)
	t.writeCalls(to)
	head(to, "sessiond_agent_validations_total", "counter", "Requests for verdicts, by how they were answered.")
	for i, name := range outcomes {
		fmt.Fprintf(to, "sessiond_agent_validations_total{outcome=%q} %d\n", name, t.validations[i].Load())
	}
	for _, one := range t.families {
		one.write(to)
	}
	for _, one := range t.gauges {
		head(to, one.name, one.kind, one.help)
		fmt.Fprintf(to, "%s %v\n", one.name, one.value())
	}
}

func (t *Telemetry) writeCalls(to io.Writer) {
	head(to, "grpc_server_started_total", "counter", "Calls that have begun.")
	for _, m := range t.methods {
		fmt.Fprintf(to, "grpc_server_started_total{%s} %d\n", m.labels, m.started.Load())
	}
	head(to, "grpc_server_handled_total", "counter", "Calls that have ended, by their status.")
	for _, m := range t.methods {
		for code := range m.handled {
			fmt.Fprintf(to, "grpc_server_handled_total{%s,grpc_code=%q} %d\n",
				m.labels, codes.Code(code), m.handled[code].Load())
		}
	}
	head(to, "grpc_server_handling_seconds", "histogram", "How long calls took.")
	for _, m := range t.methods {
		t.writeSeconds(to, m)
	}
}

func (t *Telemetry) writeSeconds(to io.Writer, m *Method) {
	var count uint64
	for i, bound := range bounds {
		count += m.buckets[i].Load()
		fmt.Fprintf(to, "grpc_server_handling_seconds_bucket{%s,le=\"%v\"} %d\n", m.labels, bound, count)
	}
	count += m.buckets[len(bounds)].Load()
	fmt.Fprintf(to, "grpc_server_handling_seconds_bucket{%s,le=\"+Inf\"} %d\n", m.labels, count)
	seconds := time.Duration(m.nanos.Load()).Seconds()
	fmt.Fprintf(to, "grpc_server_handling_seconds_sum{%s} %v\n", m.labels, seconds)
	fmt.Fprintf(to, "grpc_server_handling_seconds_count{%s} %d\n", m.labels, count)
}

func head(to io.Writer, name, kind, help string) {
	fmt.Fprintf(to, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}
