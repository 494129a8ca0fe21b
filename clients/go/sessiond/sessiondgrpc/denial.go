package sessiondgrpc

import (
	"context"
	"log/slog"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/sessiond/sessiond/clients/go/internal/denial"
)

// row is how a kind of denial is told; the text is for people.
type row struct {
	code codes.Code
	text string
}

var statuses = map[denial.Kind]row{
	denial.NoCredentials:  {codes.Unauthenticated, "the call has no token"},
	denial.InvalidRequest: {codes.Unauthenticated, "the call has several tokens, or none of the form of a token"},
	denial.NoPolicy:       {codes.PermissionDenied, "nothing says who may call this method"},
	denial.Insufficient:   {codes.PermissionDenied, "the token may not do this"},
	denial.Rejected:       {codes.Unauthenticated, "the token is not accepted"},
	denial.Unavailable:    {codes.Unavailable, "there is no verdict on the token for now"},
	denial.Misconfigured:  {codes.Internal, "the call could not be judged"},
}

func (i *Interceptors) refuse(ctx context.Context, method string, denied *denial.Denial) error {
	denied.Log(ctx, i.logger, slog.String("method", method))
	told := statuses[denied.Kind]
	found := status.New(told.code, told.text+": "+denied.Reason).Proto()
	if denied.Kind == denial.Unavailable {
		found.Details = append(found.Details, retryInfo(durationpb.New(denied.RetryAfter)))
	}
	return status.FromProto(found).Err()
}

func trailer(denied *denial.Denial) metadata.MD {
	return metadata.MD{"www-authenticate": denied.Challenges}
}

// retryInfo is a google.rpc.RetryInfo. Its package is one that this client does without.
func retryInfo(delay *durationpb.Duration) *anypb.Any {
	encoded, err := proto.Marshal(delay)
	if err != nil {
		panic(err) // a span can be encoded
	}
	value := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), encoded)
	return &anypb.Any{TypeUrl: "type.googleapis.com/google.rpc.RetryInfo", Value: value}
}
