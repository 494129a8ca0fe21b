package main

import (
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/extauthz"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/forwarding"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/frames"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/listening"
)

// The limits are those of the server.
const (
	mostRequestBytes  = 1280 << 10
	mostResponseBytes = 8 << 20
	mostStreams       = 100
	mostHeaderBytes   = 16 << 10
	workers           = 128 // a few connections' worth of streams
	mostOfHTTP        = 100
	windowBytes       = 64 << 10
	handshakeTime     = 5 * time.Second
	connectionAge     = 5 * time.Minute
	connectionGrace   = 30 * time.Second
	connectionIdle    = 10 * time.Minute
	pingAfter         = time.Minute
	pingTimeout       = 10 * time.Second
	// Watchers may ping every ten seconds, to notice a dead connection before others notice them.
	pingedNoOftener = 9 * time.Second
)

func (a *agent) options() ([]grpc.ServerOption, error) {
	options := []grpc.ServerOption{
		grpc.ForceServerCodecV2(frames.Codec{}),
		grpc.MaxRecvMsgSize(mostRequestBytes),
		grpc.MaxSendMsgSize(mostResponseBytes),
		grpc.MaxConcurrentStreams(mostStreams),
		grpc.MaxHeaderListSize(mostHeaderBytes),
		// Windows stay as they are: by the probe they would grow, for strangers too.
		grpc.InitialWindowSize(windowBytes),
		grpc.InitialConnWindowSize(windowBytes),
		grpc.SharedWriteBuffer(true),
		// A goroutine that has served a call has the stack for the next one; who finds none free has a new
		// one, which takes a fifth of the time of an answer from memory to grow.
		grpc.NumStreamWorkers(workers),
		grpc.ConnectionTimeout(handshakeTime),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionIdle:     connectionIdle,
			MaxConnectionAge:      connectionAge,
			MaxConnectionAgeGrace: connectionGrace,
			Time:                  pingAfter,
			Timeout:               pingTimeout,
		}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{
			MinTime: pingedNoOftener, PermitWithoutStream: true,
		}),
	}
	secret, err := a.credentials()
	if err == nil && secret != nil {
		options = append(options, grpc.Creds(secret))
	}
	return options, err
}

func (a *agent) credentials() (credentials.TransportCredentials, error) {
	if !a.given.IsTLS() {
		return nil, nil
	}
	files := listening.Files{
		Certificate:       a.given.TLSCertFile,
		PrivateKey:        a.given.TLSKeyFile,
		ClientAuthorities: a.given.TLSClientCAFile,
	}
	secret, expires, err := listening.Credentials(files, func(error) {
		a.logger.Warn("the certificate for callers cannot be read: the last one stays", "file", a.given.TLSCertFile)
	})
	if err != nil {
		return nil, err
	}
	a.telemetry.Gauge("sessiond_certificate_expiry_timestamp_seconds",
		"When the certificate for callers expires, since 1970.",
		func() float64 { return float64(expires().Unix()) })
	return secret, nil
}

func (a *agent) register(service *forwarding.Service) error {
	service.Register(a.entrance.Calls(a.server))
	grpc_health_v1.RegisterHealthServer(a.telemetry.Counted(a.entrance.Health(a.server)), a.health)
	if a.given.Reflection {
		reflection.Register(a.entrance.Others(a.server))
	}
	if !a.given.ExtAuthz.IsOn {
		return nil
	}
	counts := extauthz.NewCounts()
	check, err := extauthz.New(a.given.ExtAuthz.Settings, service.Verdict, a.logger, counts.Add)
	if err != nil {
		return err
	}
	check.Register(a.telemetry.Counted(a.entrance.Calls(a.server)))
	a.telemetry.Verdicts("Check", counts.Each)
	return nil
}

func (a *agent) measure(service *forwarding.Service) {
	t := a.telemetry
	t.Gauge("sessiond_ready", "1 while a server can be reached, and the agent is not about to stop.", func() float64 {
		return bit(a.isServing.Load())
	})
	t.Gauge("sessiond_agent_watch_fresh", "1 while verdicts may be repeated from memory.", func() float64 {
		return bit(a.relay.IsFresh())
	})
	t.Gauge("sessiond_revocation_view_age_seconds", "How old what is known of revocations is.", func() float64 {
		return a.relay.Age().Seconds()
	})
	t.Gauge("sessiond_agent_verdicts", "Acceptances that are kept.", func() float64 {
		return float64(service.Memory.Len())
	})
	t.Gauge("sessiond_watchers", "Callers that watch revocations.", func() float64 {
		return float64(service.Watchers.Count())
	})
	t.Counter("sessiond_agent_verdicts_evicted_total", "Acceptances that had to go for others.", func() float64 {
		return float64(service.Memory.Evicted())
	})
	t.Counter("sessiond_agent_watch_reconnects_total", "Streams of servers that had to be opened again.",
		func() float64 { return float64(a.relay.Reconnects()) })
}

func (a *agent) measureCallers(listener *listening.Listener) {
	t := a.telemetry
	t.Gauge("sessiond_agent_connections", "Connections of callers.", func() float64 {
		return float64(listener.Count())
	})
	t.Gauge("sessiond_calls_without_message", "Calls of which there are headers alone.", func() float64 {
		return float64(a.entrance.Silent())
	})
	t.Gauge("sessiond_agent_held_bytes", "What calls hold, and answers that were not taken yet.", func() float64 {
		return float64(a.entrance.Held())
	})
	t.Family("sessiond_agent_refused_total", "Calls and connections that were refused, by the reason.", "reason",
		a.entrance.Refused(listener))
}

func bit(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
