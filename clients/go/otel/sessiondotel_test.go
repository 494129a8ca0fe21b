package sessiondotel_test

import (
	"fmt"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric/noop"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/sessiond/sessiond/clients/go/otel"
	"github.com/sessiond/sessiond/clients/go/sessiond"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondtest"
)

// collected is each number by its name and attributes; of a histogram it is the count.
func collected(t *testing.T, reader sdk.Reader) map[string]float64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	found := map[string]float64{}
	note := func(name string, set attribute.Set, value float64) {
		found[name+"{"+set.Encoded(attribute.DefaultEncoder())+"}"] = value
	}
	for _, scope := range all.ScopeMetrics {
		for _, one := range scope.Metrics {
			switch data := one.Data.(type) {
			case metricdata.Sum[int64]:
				for _, point := range data.DataPoints {
					note(one.Name, point.Attributes, float64(point.Value))
				}
			case metricdata.Gauge[int64]:
				for _, point := range data.DataPoints {
					note(one.Name, point.Attributes, float64(point.Value))
				}
			case metricdata.Gauge[float64]:
				for _, point := range data.DataPoints {
					note(one.Name, point.Attributes, point.Value)
				}
			case metricdata.Histogram[float64]:
				for _, point := range data.DataPoints {
					note(one.Name, point.Attributes, float64(point.Count))
				}
			}
		}
	}
	return found
}

func TestWhatAClientDoesIsTold(t *testing.T) {
	reader := sdk.NewManualReader()
	provider := sdk.NewMeterProvider(sdk.WithReader(reader))
	metrics, err := sessiondotel.New(provider, attribute.String("client", "orders"))
	if err != nil {
		t.Fatal(err)
	}
	fake := sessiondtest.New(t)
	client := fake.Client(sessiond.WithObserver(metrics.Observer()))
	stop, err := metrics.Follow(client)
	if err != nil {
		t.Fatal(err)
	}
	early := collected(t, reader)
	if early["sessiond.client.cache.entries{client=orders}"] != 0 || len(early) != 1 {
		t.Errorf("before anything: found %v", early)
	}
	tokens := fake.Login("alice")
	deadline := time.Now().Add(10 * time.Second)
	for client.Numbers().Hits == 0 && time.Now().Before(deadline) {
		if _, err := client.Validate(t.Context(), tokens.AccessToken, nil); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		_, _ = client.Validate(t.Context(), "none", nil, sessiond.Server)
	}
	found, numbers := collected(t, reader), client.Numbers()
	hits, misses := float64(numbers.Hits), float64(numbers.Misses)
	for name, value := range map[string]float64{
		"sessiond.client.validations{accepted=true,client=orders,outcome=HIT,reason=}":                hits,
		"sessiond.client.validations{accepted=true,client=orders,outcome=MISS,reason=}":               misses,
		"sessiond.client.validations{accepted=false,client=orders,outcome=BYPASSED,reason=MALFORMED}": 3,
		"sessiond.client.calls{client=orders,code=OK,method=ValidateToken,reason=}":                   misses + 3,
		"sessiond.client.calls.duration{client=orders,code=OK,method=ValidateToken}":                  misses + 3,
		"sessiond.client.watch.changes{client=orders,state=FRESH}":                                    1,
		"sessiond.client.cache.entries{client=orders}":                                                1,
	} {
		if found[name] != value {
			t.Errorf("%s: found %v, expected is %v", name, found[name], value)
		}
	}
	if age, ok := found["sessiond.client.watch.age{client=orders}"]; !ok || age < 0 || age > 10 {
		t.Errorf("found the age %v", age)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if _, ok := collected(t, reader)["sessiond.client.cache.entries{client=orders}"]; ok {
		t.Error("a client is observed that is not to be")
	}
}

func TestACallThatFailsIsTold(t *testing.T) {
	reader := sdk.NewManualReader()
	metrics, err := sessiondotel.New(sdk.NewMeterProvider(sdk.WithReader(reader)))
	if err != nil {
		t.Fatal(err)
	}
	fake := sessiondtest.New(t)
	client := fake.Client(sessiond.WithObserver(metrics.Observer()), sessiond.WithoutCache())
	_, _ = client.Refresh(t.Context(), "none", sessiond.Bearer{})
	const name = "sessiond.client.calls{code=UNAUTHENTICATED,method=RefreshSession,reason=REFRESH_TOKEN_INVALID}"
	if found := collected(t, reader); found[name] != 1 {
		t.Errorf("found %v", found)
	}
}

func Example() {
	metrics, err := sessiondotel.New(noop.NewMeterProvider()) // or otel.GetMeterProvider()
	if err != nil {
		panic(err)
	}
	client, err := sessiond.New("unix:/run/sessiond/sessiond.sock", sessiond.WithObserver(metrics.Observer()))
	if err != nil {
		panic(err)
	}
	defer client.Close()
	stop, err := metrics.Follow(client)
	if err != nil {
		panic(err)
	}
	fmt.Println(stop())
	// Output: <nil>
}

func BenchmarkValidated(b *testing.B) {
	metrics, err := sessiondotel.New(sdk.NewMeterProvider(sdk.WithReader(sdk.NewManualReader())))
	if err != nil {
		b.Fatal(err)
	}
	observer := metrics.Observer()
	b.ReportAllocs()
	for b.Loop() {
		observer.Validated(sessiond.Validation{Outcome: sessiond.OutcomeHit, Accepted: true})
	}
}
