package sessiond_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"
)

func TestAServerIsNotAskedForNobody(t *testing.T) {
	s := serve(t)
	s.gate = make(chan struct{})
	client := s.client(t)
	var group sync.WaitGroup
	for _, token := range []string{"a", "b"} {
		group.Go(func() {
			if _, err := client.Validate(context.Background(), token, nil); err != nil {
				t.Error(err)
			}
		})
		<-s.asked
	}
	// Two calls are under way: whoever comes now waits for the next.
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, err := client.Validate(ctx, "left", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("found %v", err)
	}
	close(s.gate)
	group.Wait()
	if _, err := client.Validate(context.Background(), "c", nil); err != nil {
		t.Fatal(err)
	}
	if slices.Contains(s.about, "left") || len(s.about) != 3 {
		t.Fatalf("it is asked about %v", s.about)
	}
}
