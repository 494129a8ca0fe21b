package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/sessiond/sessiond/clients/go/sessiond"
)

// together is what validations cost that are made by many callers at the same time.
type together struct {
	Validations int     `json:"validations"`
	CPU         float64 `json:"cpu"`
	Latency     float64 `json:"latency"`
}

func (b *bench) together(ctx context.Context, callers int, isCoalescing bool) (together, error) {
	options := []sessiond.ClientOption{sessiond.WithTimeout(timeout), sessiond.WithoutCache()}
	if !isCoalescing {
		options = append(options, sessiond.WithoutBatching())
	}
	client, err := sessiond.New(b.address, options...)
	if err != nil {
		return together{}, err
	}
	defer client.Close()
	ready, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if err := client.Ready(ready); err != nil {
		return together{}, err
	}
	taken, failed := make([][]time.Duration, callers), make([]error, callers)
	began, until := spent(), time.Now().Add(time.Second/2)
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() { taken[i], failed[i] = b.keepAsking(ctx, client, i, callers, until) })
	}
	all.Wait()
	cpu, latencies := spent()-began, slices.Concat(taken...)
	slices.Sort(latencies)
	middle := latencies[len(latencies)/2]
	count := len(latencies)
	return together{count, microseconds(cpu, count), middle.Seconds() * 1e3}, errors.Join(failed...)
}

// keepAsking asks about the tokens of one of so many callers, again and again.
func (b *bench) keepAsking(
	ctx context.Context, client *sessiond.Client, caller, callers int, until time.Time,
) (taken []time.Duration, err error) {
	for i := caller; time.Now().Before(until); i += callers {
		began := time.Now()
		_, err := client.Validate(ctx, b.tokens[i%len(b.tokens)], nil)
		switch {
		case err == nil:
			taken = append(taken, time.Since(began))
		case !isUnavailable(err):
			return taken, err
		}
	}
	return taken, nil
}
