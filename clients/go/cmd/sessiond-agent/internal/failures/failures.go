// Package failures has the errors that the agent gives by itself, as a server gives them, and makes those of the
// transport fit to be passed on.
package failures

import (
	"math/rand/v2"
	"strconv"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Stopping is the reason of who is about to stop, and has begun nothing.
const Stopping = "SHUTTING_DOWN"

const (
	domain = "sessiond"
	// noRetry is the span of who is not told when to come again.
	noRetry    = time.Duration(-1)
	retryAfter = 500 * time.Millisecond
	// Who is sent away comes back within this time from then on, and not all at once.
	shedFor, shedForMore = 500 * time.Millisecond, time.Second
	pushback             = "grpc-retry-pushback-ms"
)

// TooManyHealthWatches has a code by which clients do not take the agent for unhealthy.
var TooManyHealthWatches = status.Error(codes.Unimplemented, "too many watches at a time: use Check")

// MethodUnknown is for what neither the agent nor a server has.
var MethodUnknown = status.Error(codes.Unimplemented, "no service has this method")

// The errors that a server has too; their texts are the server's where they mean the same.
var (
	CallerUnknown = failure(codes.PermissionDenied, "CALLER_UNKNOWN",
		"the caller is not known: send the key of a configured caller", noRetry)
	MessageMalformed = failure(codes.InvalidArgument, "MESSAGE_MALFORMED",
		"the request is not a message of this method's type", noRetry)
	RevocationViewStale = failure(codes.Unavailable, "REVOCATION_VIEW_STALE",
		"no server has told of revocations yet: open the stream again", retryAfter)
	WatchersExhausted = failure(codes.ResourceExhausted, "WATCHERS_EXHAUSTED",
		"there are too many watchers, in all or of this caller: watch less, or at another server", time.Second)
	WatchFellBehind = failure(codes.ResourceExhausted, "WATCH_FELL_BEHIND",
		"the watcher did not take what it was sent: open the stream again from the last revision", 0)
	ShuttingDown = failure(codes.Unavailable, Stopping,
		"the agent is about to stop: open the stream again", 0)
)

// Overloaded is for a call that was not begun, because there are too many or because it has not come in time.
func Overloaded() error {
	return failure(codes.Unavailable, "OVERLOADED",
		"the agent has too much to do, or the message has not come in time: nothing was begun, repeat the same call later",
		shedFor+rand.N(shedForMore))
}

// Pushback is what gRPC itself reads of when to come back.
func Pushback(err error) metadata.MD {
	after, ok := RetryAfter(err)
	if !ok {
		return nil
	}
	return metadata.Pairs(pushback, strconv.FormatInt(after.Milliseconds(), 10))
}

func failure(code codes.Code, reason, message string, retry time.Duration) error {
	details := []protoadapt.MessageV1{&errdetails.ErrorInfo{Domain: domain, Reason: reason}}
	if retry != noRetry {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(retry)})
	}
	detailed, err := status.New(code, message).WithDetails(details...)
	if err != nil {
		panic(err) // none of these is made of what somebody sent
	}
	return detailed.Err()
}

// Reason is sessiond's own; empty where the error is the transport's.
func Reason(err error) string {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.GetDomain() == domain {
			return info.GetReason()
		}
	}
	return ""
}

// RetryAfter is when to try again, if the error says so.
func RetryAfter(err error) (time.Duration, bool) {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			return info.GetRetryDelay().AsDuration(), true
		}
	}
	return 0, false
}

// PassedOn is the error of a call as its caller gets it: sessiond's as it is, details included. The transport's
// keeps its code alone, by which callers tell that no sessiond has answered; its text tells of addresses.
func PassedOn(err error) error {
	if err == nil || Reason(err) != "" {
		return err
	}
	return status.Error(status.Code(err), "no server has answered this call")
}
