package forwarding

import (
	"context"

	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/callers"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/frames"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/memory"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/telemetry"
)

// Verdict answers within this process what ValidateToken would answer to the caller whose context that is.
func (s *Service) Verdict(ctx context.Context, request []byte) (memory.Verdict, error) {
	authorization, err := s.Callers.Authorization(ctx, callers.Validate)
	if err != nil {
		return memory.Verdict{}, err
	}
	if kept, ok := s.Memory.Verdict(memory.Ask(authorization, request)); ok {
		s.Telemetry.Validated(telemetry.Hit)
		return kept, nil
	}
	message, err := s.validate(ctx, frames.Of(request))
	if err != nil {
		return memory.Verdict{}, err
	}
	return memory.Verdict{Answer: message.Bytes()}, nil
}
