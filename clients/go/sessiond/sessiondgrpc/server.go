package sessiondgrpc

import (
	"context"
	"crypto/x509"
	"log/slog"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	credential "github.com/sessiond/sessiond/clients/go/internal/credentials"
	"github.com/sessiond/sessiond/clients/go/internal/denial"
	"github.com/sessiond/sessiond/clients/go/sessiond"
)

// Interceptors make the interceptors of a server.
type Interceptors struct {
	validator   sessiond.Validator
	rules       *rules
	dpopOrigin  string
	certificate func(context.Context) *x509.Certificate
	logger      *slog.Logger
}

// New makes interceptors that ask a validator, such as a [sessiond.Client]. It panics on a policy that a
// server would refuse, as [sessiond.Require] does, and on what is no name of a method.
func New(validator sessiond.Validator, methods Methods, options ...Option) *Interceptors {
	i := &Interceptors{validator: validator, rules: newRules(methods), logger: slog.Default()}
	for _, option := range options {
		option(i)
	}
	return i
}

// Unary is for calls with one request and one answer.
func (i *Interceptors) Unary() grpc.UnaryServerInterceptor {
	return func(
		ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler,
	) (any, error) {
		admitted, denied := i.admit(ctx, info.FullMethod)
		if denied != nil {
			_ = grpc.SetTrailer(ctx, trailer(denied)) // it fails where there is no call
			return nil, i.refuse(ctx, info.FullMethod, denied)
		}
		return handle(admitted, request)
	}
}

// Stream is for all other calls. One that is denied does not get to its handler. One that was let through
// goes on, whatever becomes of its token.
func (i *Interceptors) Stream() grpc.StreamServerInterceptor {
	return func(
		service any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler,
	) error {
		admitted, denied := i.admit(stream.Context(), info.FullMethod)
		if denied != nil {
			stream.SetTrailer(trailer(denied))
			return i.refuse(stream.Context(), info.FullMethod, denied)
		}
		return handle(service, &admittedStream{stream, admitted})
	}
}

type admittedStream struct {
	grpc.ServerStream
	ctx context.Context
}

// Context is that of the call, with its session.
func (s *admittedStream) Context() context.Context { return s.ctx }

// admit is the context for the handler, or what the call is told instead.
func (i *Interceptors) admit(ctx context.Context, method string) (context.Context, *denial.Denial) {
	required, ok := i.rules.of(method)
	if !ok {
		return nil, of(denial.OfNoPolicy())
	}
	if required.isPublic {
		return ctx, nil
	}
	incoming, _ := metadata.FromIncomingContext(ctx)
	found, err := credential.FromAuthorization(incoming["authorization"])
	if err != nil {
		return nil, of(denial.OfInvalid(err))
	}
	if found.Token == "" {
		return nil, of(denial.OfMissing(required.policy, i.dpopOrigin != ""))
	}
	proof, err := i.proof(ctx, method, found.Scheme, incoming["dpop"])
	if err != nil {
		return nil, of(denial.OfInvalid(err))
	}
	question := denial.Question{
		Validator: i.validator, Credential: found, Proof: proof, Policy: required.policy, Options: required.options,
	}
	return question.Ask(ctx)
}

func of(denied denial.Denial) *denial.Denial { return &denied }

// proof is what shows that the bearer has the key of a bound token; nil for none. Which proof a token needs
// is for the server to say. A call is a POST to the path that its method has.
func (i *Interceptors) proof(
	ctx context.Context, method string, scheme credential.Scheme, proofs []string,
) (sessiond.Proof, error) {
	if scheme == credential.DPoP {
		return credential.ProofOf(proofs, "POST", i.dpopOrigin, method)
	}
	if i.certificate == nil {
		return nil, nil
	}
	if certificate := i.certificate(ctx); certificate != nil {
		return sessiond.CertificateOf(certificate), nil
	}
	return nil, nil
}

// PeerCertificate is the client certificate of the connection that a call came by; nil if there is none.
func PeerCertificate(ctx context.Context) *x509.Certificate {
	from, ok := peer.FromContext(ctx)
	if !ok {
		return nil
	}
	secure, ok := from.AuthInfo.(credentials.TLSInfo)
	if !ok || len(secure.State.PeerCertificates) == 0 {
		return nil
	}
	return secure.State.PeerCertificates[0]
}
