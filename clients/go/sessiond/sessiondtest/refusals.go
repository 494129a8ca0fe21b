package sessiondtest

import (
	"fmt"

	"google.golang.org/grpc/codes"

	"github.com/sessiond/sessiond/clients/go/internal/details"
)

func refuse(code codes.Code, reason, text string, metadata map[string]string) error {
	return details.Status(code, text, details.ErrorInfo(reason, "sessiond", metadata))
}

func fieldInvalid(field, found, allowed string) error {
	return refuse(
		codes.InvalidArgument, "FIELD_INVALID", fmt.Sprintf("%s: found %s, allowed is %s", field, found, allowed),
		map[string]string{"field": field, "found": found, "allowed": allowed},
	)
}

func unsupported(field string) error {
	return refuse(
		codes.Unimplemented, "FEATURE_UNSUPPORTED", field+": this fake does not carry it out",
		map[string]string{"field": field},
	)
}

var refreshRefusals = map[string]string{
	"REFRESH_TOKEN_INVALID":    "this is not a refresh token that sessiond gave out: log in again",
	"REFRESH_TOKEN_SUPERSEDED": "a newer refresh token was given out for this one: use that; the session lives",
	"REFRESH_TOKEN_REUSED": "the refresh token had been used before, so its session has been ended: " +
		"log in again",
	"SESSION_REVOKED":           "the session has been ended: log in again",
	"SESSION_IDLE_TIMEOUT":      "the session was not used for too long: log in again",
	"SESSION_LIFETIME_EXCEEDED": "the session has reached its longest life: log in again",
	"BINDING_MISMATCH": "the session is bound to a key whose possession was not proven: " +
		"bring a new proof; the session lives",
}

func refreshRefused(reason string) error {
	return refuse(codes.Unauthenticated, reason, refreshRefusals[reason], nil)
}

func sessionNotFound() error {
	return refuse(codes.NotFound, "SESSION_NOT_FOUND", "no live session has this id", nil)
}

// nobodyThere is what gRPC says by itself where it does not get to a server.
func nobodyThere() error { return details.Status(codes.Unavailable, "nobody is there") }
