// Package web answers the probes of orchestrators and the questions of Prometheus over HTTP.
package web

import (
	"net/http"
	"time"

	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/telemetry"
)

// NewServer has /healthz, which is well as long as it answers; /readyz, which is as well as gRPC's health; and
// /metrics.
func NewServer(isServing func() bool, counted *telemetry.Telemetry) *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, true) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { say(w, isServing()) })
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		counted.Write(w)
	})
	return &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       5 * time.Second,
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    8 << 10,
	}
}

func say(w http.ResponseWriter, isWell bool) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if !isWell {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte("no server can be reached, or this agent is about to stop\n"))
		return
	}
	_, _ = w.Write([]byte("ok\n"))
}
