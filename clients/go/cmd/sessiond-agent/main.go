// Command sessiond-agent stands beside a backend, and answers sessiond's calls there: verdicts on access tokens
// from memory, everything else by the servers.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/settings"
)

// version is set by the build: -ldflags "-X main.version=...".
var version = "development"

const (
	failed  = 1
	misused = 2
)

func main() { os.Exit(start(os.Args[1:])) }

// start is the command line; its answer is the exit status.
func start(arguments []string) int {
	if len(arguments) > 0 && arguments[0] == "healthcheck" {
		return healthcheck(arguments[1:])
	}
	given, err := settings.Parse(arguments, os.LookupEnv, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(os.Stderr, "sessiond-agent:", err)
		return misused
	case given.PrintsTheVersion:
		fmt.Println("sessiond-agent", version)
		return 0
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	logger := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	if err := run(ctx, given, logger); err != nil {
		fmt.Fprintln(os.Stderr, "sessiond-agent:", err)
		return failed
	}
	return 0
}
