package forwarding

import (
	"context"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/callers"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/servers"
)

// isOfTheHop says whether metadata is about one connection, and written anew for the next. When to repeat a call
// is not: the agent leaves that to its caller.
func isOfTheHop(key string) bool {
	switch key {
	case "content-type", "user-agent", "te", "connection", "host":
		return true
	case "grpc-trace-bin", "grpc-retry-pushback-ms":
		return false
	default:
		return strings.HasPrefix(key, ":") || strings.HasPrefix(key, "grpc-")
	}
}

func passedOn(from metadata.MD) metadata.MD {
	for key := range from {
		if isOfTheHop(key) {
			delete(from, key)
		}
	}
	return from
}

// onward is the context of a call that goes on: with its caller's metadata and deadline, and this authorization.
func onward(ctx context.Context, authorization []string) context.Context {
	md, _ := metadata.FromIncomingContext(ctx) // a copy
	md = passedOn(md)
	if md == nil {
		md = metadata.MD{}
	}
	if len(authorization) > 0 {
		md[callers.Header] = authorization
	}
	return metadata.NewOutgoingContext(ctx, md)
}

// passBack gives a caller the metadata of an answer.
func passBack(ctx context.Context, answer *servers.Answer) {
	// These fail where the call is over, which shows by itself.
	if header := passedOn(answer.Header.Copy()); len(header) > 0 {
		_ = grpc.SetHeader(ctx, header)
	}
	if trailer := passedOn(answer.Trailer.Copy()); len(trailer) > 0 {
		_ = grpc.SetTrailer(ctx, trailer)
	}
}
