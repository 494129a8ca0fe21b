package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/callers"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/collector"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/entrance"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/forwarding"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/listening"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/memory"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/relay"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/servers"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/settings"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/telemetry"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/web"
	"github.com/sessiond/sessiond/clients/go/internal/clock"
	"github.com/sessiond/sessiond/clients/go/internal/dial"
	"github.com/sessiond/sessiond/clients/go/internal/knowledge"
	"github.com/sessiond/sessiond/clients/go/internal/verdicts"
	"github.com/sessiond/sessiond/clients/go/internal/watch"
)

// agent is everything that runs.
type agent struct {
	given     *settings.Settings
	logger    *slog.Logger
	servers   *servers.Servers
	relay     *relay.Relay
	server    *grpc.Server
	health    *health.Server
	telemetry *telemetry.Telemetry
	entrance  *entrance.Entrance
	isServing atomic.Bool
	isDrained atomic.Bool
}

// run serves until the context ends, and then until the calls under way have ended.
func run(ctx context.Context, given *settings.Settings, logger *slog.Logger) error {
	a, err := build(given, logger)
	if err != nil {
		return err
	}
	defer a.close()
	listener, err := listening.Listen(given.Listen, given.SocketMode, given.MaxConnections)
	if err != nil {
		return fmt.Errorf("%s cannot be listened on: %w", given.Listen, err)
	}
	listener.Closed = a.entrance.Leave
	a.measureCallers(listener)
	web, err := a.serveHTTP()
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer web()
	a.relay.Start()
	following, stop := context.WithCancel(context.Background())
	defer stop()
	go collector.Follow(following)
	go a.servers.Follow(following, a.reach)
	go a.entrance.Guard(following, listener, func(fields ...any) { a.logger.Warn("callers refused", fields...) })
	ended := make(chan error, 1)
	go func() { ended <- a.server.Serve(listener) }()
	logger.Info("listening", "grpc", listening.Name(listener), "version", version)
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		a.drain()
		return nil
	}
}

func build(given *settings.Settings, logger *slog.Logger) (*agent, error) {
	a := &agent{
		given:     given,
		logger:    logger,
		health:    health.NewServer(),
		telemetry: telemetry.New(),
		entrance:  entrance.New(),
	}
	a.telemetry.Process(version)
	a.tell(grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	options, err := a.options()
	if err != nil {
		return nil, err
	}
	identity, err := identify(given)
	if err != nil {
		return nil, err
	}
	if a.servers, err = connect(given); err != nil {
		return nil, err
	}
	known := knowledge.New()
	bounds := verdicts.Bounds{MaxEntries: given.CacheEntries, MaxBytes: given.CacheBytes}
	kept := memory.New(bounds, known, &clock.System)
	a.relay = relay.New(
		a.servers, func() []string { return callers.OfAgent(identity) }, known, &clock.System, a.enter)
	service := &forwarding.Service{
		Upstream:  a.servers,
		Callers:   &callers.Callers{Identity: identity, Anonymous: given.Anonymous, Names: given.AnonymousNames},
		Memory:    kept,
		Relay:     a.relay,
		Permits:   relay.NewPermits(a.servers),
		Watchers:  &forwarding.Watchers{InAll: given.MaxWatchers, OfEach: given.MaxWatchers},
		Telemetry: a.telemetry,
	}
	a.measure(service)
	unknown := a.entrance.Unknown(forwarding.Path, service.Unknown)
	a.server = grpc.NewServer(append(options, grpc.UnknownServiceHandler(unknown))...)
	return a, a.register(service)
}

func identify(given *settings.Settings) (callers.Identity, error) {
	switch {
	case given.KeyFile != "":
		return servers.NewBearer(given.KeyFile)
	case given.TokenFile != "":
		return servers.NewBearer(given.TokenFile)
	default:
		return servers.Nobody{}, nil
	}
}

func connect(given *settings.Settings) (*servers.Servers, error) {
	files := dial.Files{
		Authorities: given.CAFile,
		Certificate: given.CertFile,
		PrivateKey:  given.CertKey,
		ServerName:  given.ServerName,
	}
	return servers.Connect(given.Servers, files, given.Insecure)
}

// reach takes note of whether a server can be reached: only then can the agent do what it is there for.
func (a *agent) reach(isReachable bool) {
	if a.isDrained.Load() || a.isServing.Swap(isReachable) == isReachable {
		return
	}
	if isReachable {
		a.tell(grpc_health_v1.HealthCheckResponse_SERVING)
		a.logger.Info("serving")
	} else {
		a.tell(grpc_health_v1.HealthCheckResponse_NOT_SERVING)
		a.logger.Warn("no server can be reached")
	}
}

func (a *agent) tell(status grpc_health_v1.HealthCheckResponse_ServingStatus) {
	a.health.SetServingStatus("", status)
	a.health.SetServingStatus(forwarding.Name, status)
}

var states = map[watch.State]string{watch.Fresh: "fresh", watch.Lost: "lost", watch.Refused: "refused"}

func (a *agent) enter(number int, state watch.State) {
	a.logger.Info("watch", "number", number, "state", states[state])
}

// drain says that this agent is about to go, and lets the calls under way end.
func (a *agent) drain() {
	a.isDrained.Store(true)
	a.isServing.Store(false)
	a.tell(grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	a.logger.Info("draining")
	time.Sleep(a.given.DrainDelay)
	a.relay.Stop()
	a.entrance.Stop()
	forced := time.AfterFunc(a.given.DrainGrace, a.server.Stop)
	defer forced.Stop()
	a.server.GracefulStop()
	a.logger.Info("stopped")
}

func (a *agent) close() {
	a.server.Stop()
	a.relay.Close()
	a.servers.Close()
}

// serveHTTP is over once its answer has been called.
func (a *agent) serveHTTP() (stop func(), err error) {
	if a.given.HTTP == "" {
		return func() {}, nil
	}
	listener, err := net.Listen("tcp", a.given.HTTP)
	if err != nil {
		return nil, fmt.Errorf("--http: %w", err)
	}
	server := web.NewServer(a.isServing.Load, a.telemetry)
	go func() {
		if err := server.Serve(listening.Bound(listener, mostOfHTTP)); !errors.Is(err, http.ErrServerClosed) {
			a.logger.Error("http has ended", "error", err.Error())
		}
	}()
	a.logger.Info("listening", "http", listener.Addr().String())
	return func() { _ = server.Close() }, nil
}
