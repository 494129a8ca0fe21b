package sessiond

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sessiond/sessiond/clients/go/internal/hashedid"
	"github.com/sessiond/sessiond/clients/go/internal/knowledge"
)

// BenchmarkHit is an answer from memory, of a token as long as those of a provider.
func BenchmarkHit(b *testing.B) {
	for _, entries := range []int{1, 10_000} {
		b.Run(strconv.Itoa(entries), func(b *testing.B) {
			client, tokens := full(b, entries)
			ctx, i := context.Background(), 0
			b.ReportAllocs()
			for b.Loop() {
				if _, err := client.Validate(ctx, tokens[i%entries], nil); err != nil {
					b.Fatal(err)
				}
				i += 7
			}
		})
	}
}

// BenchmarkHitParallel is the same for one token from all sides.
func BenchmarkHitParallel(b *testing.B) {
	client, tokens := full(b, 1)
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
func full(b *testing.B, entries int) (*Client, []string) {
	b.Helper()
	client, err := New("unix:/nowhere")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = client.Close() })
	who, _ := client.identity()
	tokens := make([]string, entries)
	for i := range tokens {
		tokens[i] = strconv.Itoa(i) + strings.Repeat("t", 800)
		answer := &knowledge.Answer{
			Asked:    knowledge.Asked{At: client.clock.Now()},
			CacheFor: 5 * time.Minute,
			IDs:      []hashedid.ID{hashedid.Of(hashedid.Subject, "issuer", tokens[i])},
		}
		session := &Session{Subject: "alice"}
		client.memory.cache.Insert(ask(tokens[i], nothing.compiled, who).key, session, answer, 900, answer.Since())
	}
	return client, tokens
}
