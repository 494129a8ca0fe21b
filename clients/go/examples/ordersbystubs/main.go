// Ordersbystubs is the backend of ../orders without the client: what a service has to do by itself that has
// nothing but generated stubs, to answer alike. It keeps nothing, and asks about every request.
//
//	go run ./examples/ordersbystubs 127.0.0.1:50051 127.0.0.1:8000
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"regexp"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

var bearer = regexp.MustCompile(`^(?i:bearer) +([A-Za-z0-9\-._~+/]+=*)$`)

func main() {
	// Otherwise a server that was away for long is found again after two minutes.
	quick := backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second}
	connection, err := grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithNoProxy(), grpc.WithConnectParams(grpc.ConnectParams{Backoff: quick}))
	if err != nil {
		log.Fatal(err)
	}
	stub := sessiondv1.NewSessionServiceClient(connection)
	http.HandleFunc("GET /orders", func(w http.ResponseWriter, r *http.Request) {
		if session := admit(stub, w, r, "orders:read"); session != nil {
			fmt.Fprintln(w, "orders of", session.GetSubject())
		}
	})
	log.Fatal(http.ListenAndServe(os.Args[2], nil))
}

// admit is the session of a request that may go on; any other has been answered.
func admit(
	stub sessiondv1.SessionServiceClient, w http.ResponseWriter, r *http.Request, scope string,
) *sessiondv1.Session {
	challenge := fmt.Sprintf("Bearer scope=%q", scope)
	values := r.Header.Values("Authorization")
	if len(values) == 0 {
		deny(w, http.StatusUnauthorized, challenge)
		return nil
	}
	found := bearer.FindStringSubmatch(values[0])
	if len(values) > 1 || found == nil {
		deny(w, http.StatusBadRequest, `Bearer error="invalid_request"`)
		return nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), time.Second)
	defer cancel()
	answer, err := stub.ValidateToken(ctx, &sessiondv1.ValidateTokenRequest{
		Token:        found[1],
		Requirements: &sessiondv1.Requirements{Scopes: []string{scope}},
	})
	if err != nil {
		fail(w, err)
		return nil
	}
	if session := answer.GetSession(); session != nil {
		return session
	}
	rejection := answer.GetRejection() // an answer without a verdict is none either
	if rejection.GetReason() == sessiondv1.Rejection_REASON_SCOPE_INSUFFICIENT {
		deny(w, http.StatusForbidden, rejection.GetWwwAuthenticate())
	} else {
		deny(w, http.StatusUnauthorized, rejection.GetWwwAuthenticate())
	}
	return nil
}

// fail answers where there is no verdict: that is not the user's fault, who need not log in again.
func fail(w http.ResponseWriter, err error) {
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.ResourceExhausted, codes.Canceled:
		w.Header().Set("Retry-After", "1")
		deny(w, http.StatusServiceUnavailable, "")
	default:
		log.Print("sessiond: ", status.Code(err))
		deny(w, http.StatusInternalServerError, "")
	}
}

func deny(w http.ResponseWriter, code int, challenge string) {
	w.Header().Set("Cache-Control", "no-store")
	if challenge != "" {
		w.Header().Set("WWW-Authenticate", challenge)
	}
	w.WriteHeader(code)
}
