//go:build unix

package sessiond

import (
	"context"
	"crypto/sha256"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sessiond/sessiond/clients/go/internal/hashedid"
	"github.com/sessiond/sessiond/clients/go/internal/knowledge"
)

// BenchmarkHit is an answer from memory, of a token as long as our own, and as those of a provider.
func BenchmarkHit(b *testing.B) {
	for _, size := range []int{500, 800} {
		for _, entries := range []int{1, 10_000} {
			b.Run(strconv.Itoa(size)+"/"+strconv.Itoa(entries), func(b *testing.B) {
				client, tokens := full(b, size, entries)
				ctx, i, began := context.Background(), 0, spent(b)
				b.ReportAllocs()
				for b.Loop() {
					if _, err := client.Validate(ctx, tokens[i%entries], nil); err != nil {
						b.Fatal(err)
					}
					i += 7
				}
				report(b, began)
			})
		}
	}
}

// BenchmarkDigest is what an answer from memory cannot do without.
func BenchmarkDigest(b *testing.B) {
	for _, size := range []int{500, 800} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			token, began := []byte(strings.Repeat("t", size)), spent(b)
			for b.Loop() {
				_ = sha256.Sum256(token)
			}
			report(b, began)
		})
	}
}

var copied *Session

// BenchmarkCopy is what it costs that each caller has a session of its own.
func BenchmarkCopy(b *testing.B) {
	kept, began := &Session{Subject: "alice"}, spent(b)
	for b.Loop() {
		own := *kept
		copied = &own
	}
	report(b, began)
}

// BenchmarkHitParallel is an answer from memory about one token, for all sides at once.
func BenchmarkHitParallel(b *testing.B) {
	client, tokens := full(b, 800, 1)
	b.ReportAllocs()
	b.RunParallel(func(each *testing.PB) {
		for each.Next() {
			if _, err := client.Validate(context.Background(), tokens[0], nil); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// full is a client that keeps an acceptance of each token, and has nobody to ask.
func full(b *testing.B, size, entries int) (*Client, []string) {
	b.Helper()
	client, err := New("unix:/nowhere")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = client.Close() })
	who, err := client.identity()
	if err != nil {
		b.Fatal(err)
	}
	tokens := make([]string, entries)
	for i := range tokens {
		number := strconv.Itoa(i)
		tokens[i] = number + strings.Repeat("t", size-len(number))
		answer := &knowledge.Answer{
			Asked:    knowledge.Asked{At: client.clock.Now()},
			CacheFor: knowledge.Retention,
			IDs:      []hashedid.ID{hashedid.Of(hashedid.Subject, "issuer", number)},
		}
		key := ask(tokens[i], nothing.compiled, who).key
		client.memory.cache.Insert(key, &Session{Subject: "alice"}, answer, 900, answer.Since())
	}
	return client, tokens
}

// spent is the processor's time: what else the machine does is not in it.
func spent(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func report(b *testing.B, began time.Duration) {
	b.ReportMetric(float64(spent(b)-began)/float64(b.N), "cpu-ns/op")
}
