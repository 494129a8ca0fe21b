package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/sessiond/sessiond/clients/go/sessiond"
)

const (
	hits          = 50_000
	verifications = 500
	stride        = 7_919 // a prime: tokens follow upon each other as they do not in memory
	atOnce        = 128
	fillings      = 50
)

// filled is how many bytes an acceptance takes.
type filled struct {
	Bytes float64 `json:"bytes"`
}

func (b *bench) fill(ctx context.Context) (filled, error) {
	_, _ = b.client.Validate(ctx, "none", nil) // everything is loaded by then, and nothing of it is kept
	before := heap()
	for range fillings {
		found := b.client.Numbers().Hits
		if err := b.validateAll(ctx); err != nil {
			return filled{}, err
		}
		if b.client.Numbers().Hits-found == uint64(len(b.tokens)) {
			return filled{float64(heap()-before) / float64(len(b.tokens))}, nil
		}
	}
	return filled{}, errors.New("the client does not keep all acceptances")
}

func (b *bench) validateAll(ctx context.Context) error {
	var all sync.WaitGroup
	failed := make(chan error, atOnce)
	for i := range atOnce {
		all.Go(func() {
			for ; i < len(b.tokens); i += atOnce {
				if _, err := b.client.Validate(ctx, b.tokens[i], nil); err != nil && !isUnavailable(err) {
					failed <- err
					return
				}
			}
		})
	}
	all.Wait()
	close(failed)
	return <-failed
}

// isUnavailable is a server at times whose machine has much else to do.
func isUnavailable(err error) bool {
	var unavailable *sessiond.Unavailable
	return errors.As(err, &unavailable)
}

func heap() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.GC() // what the first has found to be finalized goes now
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// hitting is microseconds of this process for one of each.
type hitting struct {
	Digest float64            `json:"digest"`
	Hits   map[string]float64 `json:"hits"`
	Verify float64            `json:"verify"`
	Misses int64              `json:"misses"`
}

func (b *bench) hits(ctx context.Context) (hitting, error) {
	raw, before := make([][]byte, len(b.tokens)), b.client.Numbers().Hits
	for i, token := range b.tokens {
		raw[i] = []byte(token)
	}
	digest, err := b.each(hits, func(i int) error {
		_ = sha256.Sum256(raw[i])
		return nil
	})
	if err != nil {
		return hitting{}, err
	}
	hit, err := b.each(hits, func(i int) error {
		_, err := b.client.Validate(ctx, b.tokens[i], nil)
		return err
	})
	if err != nil && !isUnavailable(err) { // then not all were hits
		return hitting{}, err
	}
	misses := hits - int64(b.client.Numbers().Hits-before)
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{"ES256"}), jwt.WithIssuer(b.issuer), jwt.WithExpirationRequired(),
	)
	key := func(*jwt.Token) (any, error) { return b.key, nil }
	verify, err := b.each(verifications, func(i int) error {
		_, err := parser.ParseWithClaims(b.tokens[i], jwt.MapClaims{}, key)
		return err
	})
	return hitting{digest, map[string]float64{"validate": hit}, verify, misses}, err
}

// each does something with so many tokens, in turn, and gives the microseconds for one of them.
func (b *bench) each(times int, do func(i int) error) (float64, error) {
	began := spent()
	for n := range times {
		if err := do(n * stride % len(b.tokens)); err != nil {
			return 0, err
		}
	}
	return microseconds(spent()-began, times), nil
}

// spent is this process's time of a processor until now.
func spent() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func microseconds(span time.Duration, times int) float64 {
	return float64(span) / float64(times) / float64(time.Microsecond)
}
