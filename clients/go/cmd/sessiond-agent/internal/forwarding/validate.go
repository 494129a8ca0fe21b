package forwarding

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/callers"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/failures"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/frames"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/memory"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/servers"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/telemetry"
)

const (
	// flightTime is that of a call for which many may wait, whose own times may be shorter.
	flightTime = 5 * time.Second
	// attempts are made of a question where no server has answered: one of several may just have gone.
	attempts = 2
)

// validate answers from memory, or by a call that others share who ask the same in the same name.
func (s *Service) validate(ctx context.Context, request *frames.Message) (*frames.Message, error) {
	authorization, err := s.Callers.Authorization(ctx, callers.Validate)
	if err != nil {
		return nil, err
	}
	question := memory.Ask(authorization, request.Bytes())
	if found, ok := s.Memory.Find(question); ok {
		request.Free()
		s.Telemetry.Validated(telemetry.Hit)
		return found, nil
	}
	token, mayBeKept := memory.TokenOf(request.Bytes())
	if !mayBeKept || len(authorization) > 1 {
		s.Telemetry.Validated(telemetry.Bypassed)
		return s.question(ctx, "ValidateToken", authorization, request)
	}
	return s.shared(ctx, question, token, authorization, request)
}

func (s *Service) shared(
	ctx context.Context, question memory.Question, token string, authorization []string, request *frames.Message,
) (*frames.Message, error) {
	began := s.Memory.Asked()
	flight, isJoined, landed := s.Memory.Board(question, token)
	if landed != nil {
		s.Telemetry.Validated(telemetry.Joined)
		return landed, nil
	}
	if !isJoined {
		go s.fly(flight, onward(context.WithoutCancel(ctx), authorization), request)
	}
	select {
	case <-flight.Done:
	case <-ctx.Done():
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	if flight.Err == nil && isJoined {
		answer, ok := s.Memory.Joined(flight, began)
		if !ok { // it was decided too early for who came later
			s.Telemetry.Validated(telemetry.Miss)
			return s.question(ctx, "ValidateToken", authorization, request)
		}
		s.Telemetry.Validated(telemetry.Joined)
		return answer, nil
	}
	s.Telemetry.Validated(telemetry.Miss)
	passBack(ctx, flight.Answer)
	if flight.Err != nil {
		return nil, failures.PassedOn(flight.Err)
	}
	return &flight.Answer.Message, nil
}

// fly makes a call that goes on when the one that began it is given up: others wait for it too.
func (s *Service) fly(flight *memory.Flight, ctx context.Context, request *frames.Message) {
	ctx, cancel := context.WithTimeout(ctx, flightTime)
	defer cancel()
	asked := s.Memory.Asked()
	answer, err := s.attempt(ctx, "ValidateToken", request)
	s.Memory.Land(flight, answer, err, asked)
}

// validateAll answers from memory where everything that is asked for is there.
func (s *Service) validateAll(ctx context.Context, request *frames.Message) (*frames.Message, error) {
	authorization, err := s.Callers.Authorization(ctx, callers.Validate)
	if err != nil {
		return nil, err
	}
	requests, mayBeKept := memory.Tokens(request.Bytes())
	if !mayBeKept || len(authorization) > 1 {
		s.Telemetry.Validated(telemetry.Bypassed)
		return s.question(ctx, "ValidateTokens", authorization, request)
	}
	questions := make([]memory.Question, len(requests))
	for i, one := range requests {
		questions[i] = memory.Ask(authorization, one)
	}
	if found, ok := s.Memory.FindAll(questions); ok && len(questions) > 0 {
		s.Telemetry.Validated(telemetry.Hit)
		return found, nil
	}
	s.Telemetry.Validated(telemetry.Miss)
	asked := s.Memory.Asked()
	answer, err := s.question(ctx, "ValidateTokens", authorization, request)
	if err == nil {
		s.Memory.KeepAll(questions, requests, answer.Bytes(), asked)
	}
	return answer, err
}

// question is asked for one caller alone.
func (s *Service) question(
	ctx context.Context, name string, authorization []string, request *frames.Message,
) (*frames.Message, error) {
	answer, err := s.attempt(onward(ctx, authorization), name, request)
	passBack(ctx, answer)
	if err != nil {
		return nil, failures.PassedOn(err)
	}
	return &answer.Message, nil
}

// attempt asks once more where no server has answered; what a server has refused its caller asks again.
func (s *Service) attempt(ctx context.Context, name string, request *frames.Message) (*servers.Answer, error) {
	for left := attempts - 1; ; left-- {
		answer, err := s.Upstream.Call(ctx, method(name), request)
		if left == 0 || !isUnanswered(ctx, err) {
			return answer, err
		}
	}
}

// isUnanswered says whether it was the transport that failed. A server that stops cancels what it has not looked at.
func isUnanswered(ctx context.Context, err error) bool {
	code := status.Code(err)
	return failures.Reason(err) == "" && (code == codes.Unavailable || code == codes.Canceled && ctx.Err() == nil)
}
