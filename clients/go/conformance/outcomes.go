package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/sessiond/sessiond/clients/go/internal/codenames"
	"github.com/sessiond/sessiond/clients/go/sessiond"
)

// shown is a value as programs print it.
func shown(value any) string { return fmt.Sprintf("%v %+v %#v %q", value, value, value, value) }

func done(err error) object {
	if err != nil {
		return failure(err, false)
	}
	return object{"done": true}
}

// result is what a command gave, under its name.
func result[Value any](name string, value Value, err error, plain func(Value) any) object {
	if err != nil {
		return failure(err, false)
	}
	return object{name: plain(value), "shown": shown(value)}
}

func verdict(session *sessiond.Session, err error, readsClaims bool) object {
	var rejected *sessiond.Rejected
	if errors.As(err, &rejected) {
		return object{"rejection": plainRejection(rejected), "shown": shown(err)}
	}
	if err != nil {
		return failure(err, false)
	}
	plain := plainSession(session)
	if readsClaims {
		claims, err := session.Claims()
		if plain["claims"] = claims; err != nil {
			plain["claims"] = "unreadable"
		}
	}
	return object{"session": plain, "shown": shown(session)}
}

func verdicts(all []sessiond.Verdict) any {
	plain := []object{}
	for _, one := range all {
		var undecided *sessiond.Undecided
		if errors.As(one.Err, &undecided) {
			plain = append(plain, object{"undecided": object{
				"reason": undecided.Reason, "retry_after": undecided.RetryAfter.Seconds(),
			}})
			continue
		}
		plain = append(plain, verdict(one.Session, one.Err, false))
	}
	return plain
}

// failure is what went wrong; isUsage says that there was no call.
func failure(err error, isUsage bool) object {
	var call *sessiond.CallError
	if errors.Is(err, context.Canceled) {
		return object{"cancelled": true, "shown": shown(err)}
	}
	if isUsage || !errors.As(err, &call) || call.Metadata["field"] == "timeout" {
		return object{"error": object{"kind": "usage", "text": err.Error()}, "shown": shown(err)}
	}
	told := object{
		"kind":        kindOf(err),
		"code":        codenames.Of(call.Code),
		"reason":      call.Reason,
		"metadata":    call.Metadata,
		"retry_after": nil,
		"text":        err.Error(),
	}
	if call.Metadata == nil {
		told["metadata"] = object{}
	}
	if call.RetryAfter > 0 {
		told["retry_after"] = call.RetryAfter.Seconds()
	}
	var refused *sessiond.RefreshRefused
	if errors.As(err, &refused) {
		told["session_lives"] = refused.SessionLives()
	}
	return object{"error": told, "shown": shown(err)}
}

func kindOf(err error) string {
	switch err.(type) {
	case *sessiond.RefreshRefused:
		return "refresh_refused"
	case *sessiond.LoginRefused:
		return "login_refused"
	case *sessiond.InvalidArgument:
		return "invalid_argument"
	case *sessiond.NotFound:
		return "not_found"
	case *sessiond.PermissionDenied:
		return "permission_denied"
	case *sessiond.Unavailable:
		return "unavailable"
	case *sessiond.Unsupported:
		return "unsupported"
	case *sessiond.Internal:
		return "internal"
	default:
		return "other"
	}
}
