package sessiond

import (
	"context"
	"maps"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	ourDomain    = "sessiond"
	errorInfo    = "type.googleapis.com/google.rpc.ErrorInfo"
	retryInfo    = "type.googleapis.com/google.rpc.RetryInfo"
	passingPause = 500 * time.Millisecond
)

// Is says that a call has ended with its context, for errors.Is.
func (e *CallError) Is(target error) bool {
	switch e.Code {
	case codes.Canceled:
		return target == context.Canceled && e.isOurs
	case codes.DeadlineExceeded:
		return target == context.DeadlineExceeded
	default:
		return false
	}
}

// toError is what gRPC returned, by its meaning. isOurs says that this side gave the call up: its CANCELLED
// tells nothing of a server.
func toError(err error, isOurs bool) error {
	found := status.Convert(err)
	failure := CallError{Code: found.Code(), Message: found.Message(), isOurs: isOurs}
	for _, detail := range found.Proto().GetDetails() {
		switch detail.GetTypeUrl() {
		case errorInfo:
			failure.readInfo(detail.GetValue())
		case retryInfo:
			failure.readRetry(detail.GetValue())
		}
	}
	return failure.byMeaning()
}

func (e CallError) byMeaning() error {
	switch e.Code {
	case codes.Canceled:
		if e.isOurs {
			return &e
		}
		return e.passing() // gRPC makes it by itself where too many calls come at once
	case codes.Unavailable:
		return e.passing()
	case codes.DeadlineExceeded, codes.ResourceExhausted:
		return &Unavailable{e}
	case codes.Unauthenticated:
		if e.Reason == "" {
			return &e // a proxy's word is about the caller's own credentials: it logs nobody out
		}
		return &RefreshRefused{e}
	case codes.InvalidArgument:
		return &InvalidArgument{e, e.Metadata["field"]}
	case codes.FailedPrecondition:
		return &LoginRefused{e, e.Metadata["rejection"]}
	case codes.NotFound:
		return &NotFound{e}
	case codes.PermissionDenied:
		return &PermissionDenied{e}
	case codes.Unimplemented:
		return &Unsupported{e}
	case codes.Internal:
		return &Internal{e}
	default:
		return &e
	}
}

// passing is worth repeating, a little later where nobody says when.
func (e CallError) passing() error {
	if !e.saysWhen {
		e.RetryAfter = passingPause
	}
	return &Unavailable{e}
}

// readInfo reads a google.rpc.ErrorInfo, if it is sessiond's own. Its package is one that this client does
// without.
func (e *CallError) readInfo(raw []byte) {
	var reason, domain string
	metadata := map[string]string{}
	isRead := eachField(raw, func(number protowire.Number, value []byte) {
		switch number {
		case 1:
			reason = string(value)
		case 2:
			domain = string(value)
		case 3:
			maps.Copy(metadata, readEntry(value))
		}
	})
	if isRead && domain == ourDomain {
		e.Reason, e.Metadata = reason, metadata
	}
}

func readEntry(raw []byte) map[string]string {
	var name, content string
	eachField(raw, func(number protowire.Number, value []byte) {
		switch number {
		case 1:
			name = string(value)
		case 2:
			content = string(value)
		}
	})
	return map[string]string{name: content}
}

// readRetry reads a google.rpc.RetryInfo.
func (e *CallError) readRetry(raw []byte) {
	eachField(raw, func(number protowire.Number, value []byte) {
		var delay durationpb.Duration
		if number == 1 && proto.Unmarshal(value, &delay) == nil && delay.IsValid() {
			e.RetryAfter, e.saysWhen = max(0, delay.AsDuration()), true
		}
	})
}

// eachField hands over the fields of a message that have a length; others are passed over.
func eachField(raw []byte, see func(protowire.Number, []byte)) bool {
	for len(raw) > 0 {
		number, kind, size := protowire.ConsumeTag(raw)
		if size < 0 {
			return false
		}
		raw = raw[size:]
		if kind == protowire.BytesType {
			value, size := protowire.ConsumeBytes(raw)
			if size < 0 {
				return false
			}
			see(number, value)
			raw = raw[size:]
		} else if size = protowire.ConsumeFieldValue(number, kind, raw); size < 0 {
			return false
		} else {
			raw = raw[size:]
		}
	}
	return true
}
