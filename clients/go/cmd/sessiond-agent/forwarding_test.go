package main

import (
	"bytes"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

func TestWhatIsNotAnsweredFromMemoryIsPassedOnByteForByte(t *testing.T) {
	u := newUpstream(t)
	f := started(t, u)
	request, response := []byte("\xfa\x3f\x03abc not a message"), []byte("\x01\x02 nor this")
	u.answers(func(_ call, stream grpc.ServerStream) ([]byte, error) {
		_ = stream.SetHeader(metadata.Pairs("x-header", "h", "x-header-bin", "\x00\xff"))
		stream.SetTrailer(metadata.Pairs("x-trailer", "1", "x-trailer", "2", "x-trailer-bin", "\xfe\x00"))
		return response, nil
	})
	ctx := metadata.AppendToOutgoingContext(f.as("key"),
		"x-request-id", "7", "traceparent", "00-1", "x-bin", "\x00\x01")
	var header, trailer metadata.MD
	methods := []string{"GetSession", "RefreshSession", "CreateSession", "ANewerMethod", "RevokeSession"}
	for _, method := range methods {
		answer, err := f.raw(ctx, method, request, grpc.Header(&header), grpc.Trailer(&trailer))
		if err != nil || !bytes.Equal(answer, response) {
			t.Errorf("%s: found %q, %v", method, answer, err)
		}
		last := u.last()
		if !bytes.Equal(last.request, request) || last.method != "/sessiond.v1.SessionService/"+method {
			t.Errorf("%s: the server got %q by %s", method, last.request, last.method)
		}
		if left := last.timeLeft; !last.hasTime || left > patience || left < patience/2 {
			t.Errorf("%s: the server was given %v", method, left)
		}
		for key, value := range map[string]string{
			"authorization": "Bearer key", "x-request-id": "7", "traceparent": "00-1", "x-bin": "\x00\x01",
		} {
			if !slices.Equal(last.metadata[key], []string{value}) {
				t.Errorf("%s: the server got %s: %q", method, key, last.metadata[key])
			}
		}
	}
	if header.Get("x-header-bin")[0] != "\x00\xff" || !slices.Equal(trailer.Get("x-trailer"), []string{"1", "2"}) ||
		trailer.Get("x-trailer-bin")[0] != "\xfe\x00" {
		t.Errorf("found %v and %v", header, trailer)
	}
}

func TestAStatusKeepsItsDetailsAndOneOfTheTransportLosesItsText(t *testing.T) {
	u := newUpstream(t)
	f := started(t, u)
	detailed, err := status.New(codes.Unauthenticated, "used").WithDetails(
		&errdetails.ErrorInfo{Domain: "sessiond", Reason: "REFRESH_TOKEN_REUSED"}, &errdetails.RetryInfo{})
	if err != nil {
		t.Fatal(err)
	}
	u.answers(func(_ call, stream grpc.ServerStream) ([]byte, error) {
		stream.SetTrailer(metadata.Pairs("grpc-retry-pushback-ms", "250"))
		return nil, detailed.Err()
	})
	var trailer metadata.MD
	_, err = f.raw(f.as("key"), "RefreshSession", nil, grpc.Trailer(&trailer))
	if !proto.Equal(status.Convert(err).Proto(), detailed.Proto()) {
		t.Errorf("found %v", err)
	}
	if found := trailer.Get("grpc-retry-pushback-ms"); !slices.Equal(found, []string{"250"}) {
		t.Errorf("found the pushback %q", found)
	}
	u.answers(func(call, grpc.ServerStream) ([]byte, error) {
		return nil, status.Error(codes.Unavailable, "dial tcp 10.0.0.1:50051: refused")
	})
	_, err = f.raw(f.as("key"), "RefreshSession", nil)
	if found := status.Convert(err); found.Code() != codes.Unavailable ||
		found.Message() != "no server has answered this call" || len(found.Details()) > 0 {
		t.Errorf("found %v", found)
	}
}

func TestAKeyIsReadAgainWhenItsFileChanges(t *testing.T) {
	u := newUpstream(t)
	path := written(t, filepath.Join(t.TempDir(), "token"), "one\n")
	f := inFront(t, u, "--token-file", path)
	f.ask("a")
	if found := u.last().metadata["authorization"]; !slices.Equal(found, []string{"Bearer one"}) {
		t.Errorf("found %q", found)
	}
	written(t, path, "another\n")
	give := time.Now().Add(patience)
	for i := 0; !slices.Equal(u.last().metadata["authorization"], []string{"Bearer another"}); i++ {
		if time.Now().After(give) {
			t.Fatal("the file was not read again")
		}
		f.validate(background(t), &sessiondv1.ValidateTokenRequest{Token: string(rune('b' + i))})
	}
}

func TestTheAgentsRightsAreForNobodyWhoIsNotNamed(t *testing.T) {
	u := newUpstream(t)
	path := written(t, filepath.Join(t.TempDir(), "key"), "agent")
	for _, anonymous := range []string{"none", "watch"} {
		f := started(t, u, "--key-file", path, "--anonymous", anonymous)
		_, err := f.stub.ValidateToken(background(t), &sessiondv1.ValidateTokenRequest{Token: "a"})
		if status.Code(err) != codes.PermissionDenied {
			t.Errorf("%s: found %v", anonymous, err)
		}
	}
	f := started(t, u, "--key-file", path)
	for _, method := range []string{"CreateSession", "RevokeSession", "GetSession", "ListSessions", "RefreshSession",
		"GetRevocationStatus", "ANewerMethod"} {
		if _, err := f.raw(background(t), method, nil); status.Code(err) != codes.PermissionDenied {
			t.Errorf("%s: found %v", method, err)
		}
	}
	if u.count() > 0 {
		t.Errorf("the server was asked %d times", u.count())
	}
}

func TestOtherServicesAreNone(t *testing.T) {
	f := started(t, newUpstream(t))
	none := &sessiondv1.MinimizeLatency{}
	err := f.connection.Invoke(f.as("key"), "/some.Service/Method", none, none)
	if status.Code(err) != codes.Unimplemented {
		t.Errorf("found %v", err)
	}
	// Nobody waits for a message to say so.
	stream, err := f.connection.NewStream(background(t), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true},
		"/some.Service/Stream")
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.RecvMsg(none); status.Code(err) != codes.Unimplemented {
		t.Errorf("found %v", err)
	}
}

func TestAQuestionThatNoServerHasAnsweredIsAskedOnceMore(t *testing.T) {
	u := newUpstream(t)
	f := inFront(t, u)
	failing := errors.New("none")
	u.answers(func(c call, _ grpc.ServerStream) ([]byte, error) {
		if failing != nil {
			failing = nil
			return nil, status.Error(codes.Unavailable, "gone")
		}
		return encoded(t, accepted(tokenOf(t, c))), nil
	})
	f.ask("a")
	if u.count() != 2 {
		t.Errorf("the server was asked %d times", u.count())
	}
}
