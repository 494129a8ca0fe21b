package sessiondprometheus_test

import (
	"fmt"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sessiond/sessiond/clients/go/prometheus"
	"github.com/sessiond/sessiond/clients/go/sessiond"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondtest"
)

// gathered is each number by its name and labels; of a histogram it is the count.
func gathered(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]float64{}
	for _, family := range families {
		for _, one := range family.GetMetric() {
			var labels []string
			for _, label := range one.GetLabel() {
				labels = append(labels, label.GetName()+"="+label.GetValue())
			}
			sort.Strings(labels)
			value := one.GetCounter().GetValue() + one.GetGauge().GetValue()
			value += float64(one.GetHistogram().GetSampleCount())
			found[family.GetName()+"{"+strings.Join(labels, ",")+"}"] = value
		}
	}
	return found
}

func TestWhatAClientDoesIsTold(t *testing.T) {
	registry := prometheus.NewRegistry()
	metrics, err := sessiondprometheus.New(registry)
	if err != nil {
		t.Fatal(err)
	}
	fake := sessiondtest.New(t)
	client := fake.Client(sessiond.WithObserver(metrics.Observer()))
	if err := metrics.Follow(client); err != nil {
		t.Fatal(err)
	}
	if early := gathered(t, registry); early["sessiond_client_cache_entries{}"] != 0 || len(early) != 1 {
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
	_, _ = client.Refresh(t.Context(), "none", sessiond.Bearer{})
	found, numbers := gathered(t, registry), client.Numbers()
	hits, misses := float64(numbers.Hits), float64(numbers.Misses)
	for name, value := range map[string]float64{
		"sessiond_client_validations_total{accepted=true,outcome=HIT,reason=}":                                 hits,
		"sessiond_client_validations_total{accepted=true,outcome=MISS,reason=}":                                misses,
		"sessiond_client_validations_total{accepted=false,outcome=BYPASSED,reason=MALFORMED}":                  3,
		"sessiond_client_calls_total{code=OK,method=ValidateToken,reason=}":                                    misses + 3,
		"sessiond_client_calls_duration_seconds{code=OK,method=ValidateToken}":                                 misses + 3,
		"sessiond_client_watch_changes_total{state=FRESH}":                                                     1,
		"sessiond_client_cache_entries{}":                                                                      1,
		"sessiond_client_calls_total{code=UNAUTHENTICATED,method=RefreshSession,reason=REFRESH_TOKEN_INVALID}": 1,
	} {
		if found[name] != value {
			t.Errorf("%s: found %v, expected is %v", name, found[name], value)
		}
	}
	if age, ok := found["sessiond_client_watch_age_seconds{}"]; !ok || age < 0 || age > 10 {
		t.Errorf("found the age %v", age)
	}
}

func TestTwoClientsNeedNamesOfTheirOwn(t *testing.T) {
	registry := prometheus.NewRegistry()
	if _, err := sessiondprometheus.New(registry); err != nil {
		t.Fatal(err)
	}
	if _, err := sessiondprometheus.New(registry); err == nil {
		t.Error("nobody noticed that two clients count as one")
	}
	for _, name := range []string{"orders", "carts"} {
		named := prometheus.WrapRegistererWith(prometheus.Labels{"client": name}, prometheus.NewRegistry())
		if _, err := sessiondprometheus.New(named); err != nil {
			t.Error(err)
		}
	}
}

func Example() {
	registry := prometheus.NewRegistry() // or prometheus.DefaultRegisterer
	metrics, err := sessiondprometheus.New(registry)
	if err != nil {
		panic(err)
	}
	client, err := sessiond.New("unix:/run/sessiond/sessiond.sock", sessiond.WithObserver(metrics.Observer()))
	if err != nil {
		panic(err)
	}
	defer client.Close()
	fmt.Println(metrics.Follow(client))
	// Output: <nil>
}
