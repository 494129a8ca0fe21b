package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/settings"
)

const checkTime = 2 * time.Second

// healthcheck asks the agent at an address, or where the environment says that it listens: http://HOST:PORT by
// HTTP, and anything else by gRPC in clear. The exit status is 0 if it serves.
func healthcheck(arguments []string) int {
	address := os.Getenv(settings.Prefix + "LISTEN")
	if len(arguments) > 0 {
		address = arguments[0]
	}
	if address == "" || len(arguments) > 1 {
		fmt.Fprintf(os.Stderr, "sessiond-agent healthcheck ADDRESS: unix:PATH, HOST:PORT or http://HOST:PORT, "+
			"by default %sLISTEN\n", settings.Prefix)
		return misused
	}
	ctx, cancel := context.WithTimeout(context.Background(), checkTime)
	defer cancel()
	said := ask(ctx, address)
	fmt.Println(said)
	if said != grpc_health_v1.HealthCheckResponse_SERVING.String() {
		return failed
	}
	return 0
}

func ask(ctx context.Context, address string) string {
	if strings.HasPrefix(address, "http://") {
		return askHTTP(ctx, address)
	}
	connection, err := grpc.NewClient(address,
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithNoProxy())
	if err != nil {
		return "no address: " + address
	}
	defer func() { _ = connection.Close() }()
	answer, err := grpc_health_v1.NewHealthClient(connection).Check(ctx, &grpc_health_v1.HealthCheckRequest{})
	if err != nil {
		return "no answer"
	}
	return answer.GetStatus().String()
}

func askHTTP(ctx context.Context, address string) string {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/readyz", nil)
	if err != nil {
		return "no address: " + address
	}
	client := http.Client{Transport: &http.Transport{Proxy: nil}}
	answer, err := client.Do(request)
	if err != nil {
		return "no answer"
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return grpc_health_v1.HealthCheckResponse_NOT_SERVING.String()
	}
	return grpc_health_v1.HealthCheckResponse_SERVING.String()
}
