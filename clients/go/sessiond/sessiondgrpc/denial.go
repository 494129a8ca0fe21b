package sessiondgrpc

import (
	"context"
	"log/slog"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"github.com/sessiond/sessiond/clients/go/internal/denial"
	"github.com/sessiond/sessiond/clients/go/internal/details"
)

// row is how a kind of denial is told; the text is for people.
type row struct {
	code codes.Code
	text string
}

var statuses = map[denial.Kind]row{
	denial.NoCredentials:  {codes.Unauthenticated, "the call has no token"},
	denial.InvalidRequest: {codes.Unauthenticated, "the call has several tokens, or none of a token's form"},
	denial.CrossSite:      {codes.PermissionDenied, "another site caused the call"},
	denial.NoPolicy:       {codes.PermissionDenied, "nothing says who may call this method"},
	denial.Insufficient:   {codes.PermissionDenied, "the token may not do this"},
	denial.Rejected:       {codes.Unauthenticated, "the token is not accepted"},
	denial.Unavailable:    {codes.Unavailable, "there is no verdict on the token for now"},
	denial.Misconfigured:  {codes.Internal, "the call could not be judged"},
}

func (i *Interceptors) refuse(ctx context.Context, method string, denied *denial.Denial) error {
	denied.Log(ctx, i.logger, slog.String("method", method))
	told := statuses[denied.Kind]
	text := told.text + ": " + denied.Reason
	if denied.Kind == denial.Unavailable {
		return details.Status(told.code, text, details.RetryInfo(denied.RetryAfter))
	}
	return details.Status(told.code, text)
}

func trailer(denied *denial.Denial) metadata.MD {
	return metadata.MD{"www-authenticate": denied.Challenges}
}
