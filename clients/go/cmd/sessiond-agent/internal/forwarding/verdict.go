package forwarding

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/frames"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

// asTheSame has equal requests be equal bytes, under which answers are kept.
var asTheSame = proto.MarshalOptions{Deterministic: true}

// Verdict answers within this process what ValidateToken would answer to the caller whose context that is.
func (s *Service) Verdict(
	ctx context.Context, request *sessiondv1.ValidateTokenRequest,
) (*sessiondv1.ValidateTokenResponse, error) {
	raw, err := asTheSame.Marshal(request)
	if err != nil {
		return nil, err
	}
	message, err := s.validate(ctx, frames.Of(raw))
	if err != nil {
		return nil, err
	}
	defer message.Free()
	answer := &sessiondv1.ValidateTokenResponse{}
	return answer, proto.Unmarshal(message.Bytes(), answer)
}
