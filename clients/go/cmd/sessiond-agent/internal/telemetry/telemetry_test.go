package telemetry

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// kept takes the services that are registered, and serves nobody.
type kept struct{ desc *grpc.ServiceDesc }

func (k *kept) RegisterService(desc *grpc.ServiceDesc, _ any) { k.desc = desc }

func shown(t *Telemetry) string {
	var text bytes.Buffer
	t.Write(&text)
	return text.String()
}

func require(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("found no line %s", line)
		}
	}
}

func TestEverythingIsShownBeforeItHappens(t *testing.T) {
	counted := New()
	counted.Method("S", "M", "unary")
	counted.Verdicts("Check", func(yield func(string, uint64) bool) { yield("ACCEPTED", 0) })
	labels := `grpc_type="unary",grpc_service="S",grpc_method="M"`
	text := shown(counted)
	require(t, text,
		`grpc_server_started_total{`+labels+`} 0`,
		`grpc_server_handling_seconds_count{`+labels+`} 0`,
		`sessiond_verdicts_total{method="Check",verdict="ACCEPTED"} 0`,
		`sessiond_agent_validations_total{outcome="joined"} 0`,
	)
	for code := codes.OK; code <= codes.Unauthenticated; code++ {
		require(t, text, `grpc_server_handled_total{`+labels+`,grpc_code="`+code.String()+`"} 0`)
	}
}

func TestCallsOfRegisteredServicesAreCounted(t *testing.T) {
	counted, registrar := New(), &kept{}
	refused := status.Error(codes.NotFound, "no")
	counted.Counted(registrar).RegisterService(&grpc.ServiceDesc{
		ServiceName: "S",
		Methods: []grpc.MethodDesc{{MethodName: "M", Handler: func(
			any, context.Context, func(any) error, grpc.UnaryServerInterceptor,
		) (any, error) {
			return nil, refused
		}}},
		Streams: []grpc.StreamDesc{{StreamName: "W", Handler: func(any, grpc.ServerStream) error { return nil }}},
	}, nil)
	if _, err := registrar.desc.Methods[0].Handler(nil, t.Context(), nil, nil); !errors.Is(err, refused) {
		t.Fatal(err)
	}
	if err := registrar.desc.Streams[0].Handler(nil, nil); err != nil {
		t.Fatal(err)
	}
	require(t, shown(counted),
		`grpc_server_started_total{grpc_type="unary",grpc_service="S",grpc_method="M"} 1`,
		`grpc_server_handled_total{grpc_type="unary",grpc_service="S",grpc_method="M",grpc_code="NotFound"} 1`,
		`grpc_server_handled_total{grpc_type="server_stream",grpc_service="S",grpc_method="W",grpc_code="OK"} 1`,
	)
}

func TestWhatTheProcessTakesIsShown(t *testing.T) {
	counted := New()
	counted.Process("1.2.3")
	text := shown(counted)
	for _, name := range []string{
		"process_start_time_seconds", "process_cpu_seconds_total", "process_resident_memory_bytes",
		"process_open_fds", "process_max_fds",
	} {
		if !regexp.MustCompile(`(?m)^` + name + ` [0-9.e+]+$`).MatchString(text) {
			t.Errorf("found no %s", name)
		}
	}
	if !strings.Contains(text, `sessiond_build_info{version="1.2.3",go="go1`) {
		t.Error("found no sessiond_build_info")
	}
	if residentBytes() < 1<<20 || openDescriptors() < 3 || mostDescriptors() < openDescriptors() {
		t.Errorf("found %v bytes, %v descriptors of %v", residentBytes(), openDescriptors(), mostDescriptors())
	}
}
