package sessiondgrpc

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/sessiond/sessiond/clients/go/internal/credentials"
)

// TokenSource gives the access token that a call is made with; an empty one is none.
type TokenSource func(ctx context.Context) (string, error)

// Forwarded is the token of the request on whose behalf a call is made, as the middleware of this package and
// of sessiondhttp have accepted it: the service that is called has to be one that may act as the user. There
// is none where nobody was known, and none that is bound to a key by DPoP: only its bearer can make a proof.
func Forwarded(ctx context.Context) (string, error) {
	accepted := credentials.FromContext(ctx)
	if accepted.Scheme == credentials.DPoP {
		return "", nil
	}
	return accepted.Token, nil
}

// UnaryClient sends the token of a source with each call, as authorization. A call that has that already
// keeps it: it would be taken for none with two. Use it on connections that are encrypted, or stay on this
// machine.
func UnaryClient(source TokenSource) grpc.UnaryClientInterceptor {
	return func(
		ctx context.Context, method string, request, answer any, connection *grpc.ClientConn,
		invoke grpc.UnaryInvoker, options ...grpc.CallOption,
	) error {
		with, err := source.attach(ctx)
		if err != nil {
			return err
		}
		return invoke(with, method, request, answer, connection, options...)
	}
}

// StreamClient is [UnaryClient] for streams. The token is that of their beginning.
func StreamClient(source TokenSource) grpc.StreamClientInterceptor {
	return func(
		ctx context.Context, description *grpc.StreamDesc, connection *grpc.ClientConn, method string,
		open grpc.Streamer, options ...grpc.CallOption,
	) (grpc.ClientStream, error) {
		with, err := source.attach(ctx)
		if err != nil {
			return nil, err
		}
		return open(with, description, connection, method, options...)
	}
}

func (s TokenSource) attach(ctx context.Context) (context.Context, error) {
	outgoing, _ := metadata.FromOutgoingContext(ctx)
	if len(outgoing.Get("authorization")) > 0 {
		return ctx, nil
	}
	token, err := s(ctx)
	switch {
	case err != nil:
		return nil, fmt.Errorf("sessiondgrpc: the source of tokens: %w", err)
	case token == "":
		return ctx, nil
	case !credentials.IsToken68(token):
		return nil, status.Error(codes.Internal, "the source of tokens gave what has no token's form")
	default:
		return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token), nil
	}
}
