package relay

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

// doorkeeper is a server that says of every watcher the same: the code of its error.
type doorkeeper struct{ says atomic.Uint32 }

func (d *doorkeeper) say(code codes.Code) { d.says.Store(uint32(code)) }

type opened struct {
	grpc.ServerStreamingClient[sessiondv1.WatchRevocationsResponse]
	says error
}

func (o *opened) Recv() (*sessiondv1.WatchRevocationsResponse, error) {
	return &sessiondv1.WatchRevocationsResponse{}, o.says
}

func (d *doorkeeper) Watch(
	context.Context, []string, string,
) (grpc.ServerStreamingClient[sessiondv1.WatchRevocationsResponse], error) {
	return &opened{says: status.Error(codes.Code(d.says.Load()), "about it")}, nil
}

func TestWhoMayNotWatchAnyMoreIsToldWithinAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		servers, told := &doorkeeper{}, make(chan error, 1)
		permits := NewPermits(servers)
		if err := permits.Check(t.Context(), []string{"Bearer key"}); err != nil {
			t.Fatal(err)
		}
		go permits.Follow(t.Context(), []string{"Bearer key"}, func(err error) { told <- err })
		for _, says := range []codes.Code{codes.OK, codes.Unavailable} {
			servers.say(says)
			time.Sleep(10 * permitted)
			synctest.Wait()
			if len(told) > 0 {
				t.Fatalf("%v: found %v", says, <-told)
			}
		}
		servers.say(codes.PermissionDenied)
		time.Sleep(permitted + time.Second)
		synctest.Wait()
		if len(told) == 0 || status.Code(<-told) != codes.PermissionDenied {
			t.Error("it watches on")
		}
	})
}
