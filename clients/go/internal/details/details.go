// Package details makes statuses with the details of google.rpc, whose package this client does without.
package details

import (
	"maps"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
)

const prefix = "type.googleapis.com/google.rpc."

// Status is an error with details.
func Status(code codes.Code, text string, details ...*anypb.Any) error {
	message := status.New(code, text).Proto()
	message.Details = details
	return status.FromProto(message).Err()
}

// RetryInfo says when to try again.
func RetryInfo(delay time.Duration) *anypb.Any {
	encoded, err := proto.Marshal(durationpb.New(delay))
	if err != nil {
		panic(err) // a span can be encoded
	}
	return &anypb.Any{TypeUrl: prefix + "RetryInfo", Value: field(nil, 1, encoded)}
}

// ErrorInfo says why, for programs.
func ErrorInfo(reason, domain string, metadata map[string]string) *anypb.Any {
	value := field(field(nil, 1, []byte(reason)), 2, []byte(domain))
	for _, name := range slices.Sorted(maps.Keys(metadata)) {
		value = field(value, 3, field(field(nil, 1, []byte(name)), 2, []byte(metadata[name])))
	}
	return &anypb.Any{TypeUrl: prefix + "ErrorInfo", Value: value}
}

func field(message []byte, number protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(message, number, protowire.BytesType), value)
}
