// Command verifier is what a Go team would write by itself: a gRPC service that verifies access tokens with a
// well-known library, with or without a cache of its own. It knows nothing of revocations.
package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"math/big"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

type verifier struct {
	sessiondv1.UnimplementedSessionServiceServer

	keys   map[string]*ecdsa.PublicKey
	parser *jwt.Parser
	caches bool
	cache  sync.Map // of token to kept
}

type kept struct {
	answer  *sessiondv1.ValidateTokenResponse
	expires time.Time
}

// ValidateToken accepts a token whose signature, issuer, audience and times are right.
func (v *verifier) ValidateToken(
	_ context.Context, request *sessiondv1.ValidateTokenRequest,
) (*sessiondv1.ValidateTokenResponse, error) {
	token := request.GetToken()
	if found, ok := v.cache.Load(token); ok && time.Now().Before(found.(kept).expires) {
		return found.(kept).answer, nil
	}
	claims := jwt.MapClaims{}
	parsed, err := v.parser.ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) {
		kid, _ := t.Header["kid"].(string)
		if key := v.keys[kid]; key != nil {
			return key, nil
		}
		return nil, fmt.Errorf("no key %q", kid)
	})
	if err != nil {
		return &sessiondv1.ValidateTokenResponse{
			Verdict: &sessiondv1.ValidateTokenResponse_Rejection{Rejection: &sessiondv1.Rejection{}},
		}, nil
	}
	answer, expires := accepted(parsed, claims)
	if v.caches {
		v.cache.Store(token, kept{answer, expires})
	}
	return answer, nil
}

func accepted(token *jwt.Token, claims jwt.MapClaims) (*sessiondv1.ValidateTokenResponse, time.Time) {
	text := func(name string) string { value, _ := claims[name].(string); return value }
	issued, _ := claims.GetIssuedAt()
	expires, _ := claims.GetExpirationTime()
	audiences, _ := claims.GetAudience()
	raw, _ := json.Marshal(claims)
	session := &sessiondv1.Session{
		Issuer: text("iss"), Subject: text("sub"), SessionId: text("sid"), TokenId: text("jti"),
		ClientId: text("client_id"), Audiences: audiences, ClaimsJson: string(raw),
		IssueTime: timestamppb.New(issued.Time), ExpireTime: timestamppb.New(expires.Time),
	}
	session.KeyId, _ = token.Header["kid"].(string)
	return &sessiondv1.ValidateTokenResponse{
		Verdict: &sessiondv1.ValidateTokenResponse_Session{Session: session},
	}, expires.Time
}

func main() {
	jwks := flag.String("jwks", "", "where the issuer's keys are")
	issuer := flag.String("issuer", "", "whose tokens are accepted")
	caches := flag.Bool("cache", false, "keep what was accepted until it expires")
	flag.Parse()
	keys, err := fetch(*jwks)
	if err != nil {
		log.Fatal(err)
	}
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{"ES256"}), jwt.WithIssuer(*issuer), jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
	)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr())
	server := grpc.NewServer()
	sessiondv1.RegisterSessionServiceServer(server, &verifier{keys: keys, parser: parser, caches: *caches})
	log.Fatal(server.Serve(listener))
}

// fetch reads the P-256 keys of a key set (RFC 7517).
func fetch(address string) (map[string]*ecdsa.PublicKey, error) {
	answer, err := http.Get(address)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	var set struct {
		Keys []struct{ Kid, Crv, X, Y string }
	}
	if err := json.NewDecoder(answer.Body).Decode(&set); err != nil {
		return nil, err
	}
	keys := map[string]*ecdsa.PublicKey{}
	for _, one := range set.Keys {
		x, errX := base64.RawURLEncoding.DecodeString(one.X)
		y, errY := base64.RawURLEncoding.DecodeString(one.Y)
		if one.Crv == "P-256" && errX == nil && errY == nil {
			keys[one.Kid] = &ecdsa.PublicKey{
				Curve: elliptic.P256(), X: new(big.Int).SetBytes(x), Y: new(big.Int).SetBytes(y),
			}
		}
	}
	return keys, nil
}
