// Package sessiondgrpc lets calls through to handlers of gRPC only with a good access token, and sends tokens
// with calls.
//
//	methods := sessiondgrpc.Methods{
//		"/shop.v1.Orders/ListOrders": orders,
//		"/shop.v1.Catalogue/*":       sessiondgrpc.Public,
//	}
//	protect := sessiondgrpc.New(client, methods)
//	server := grpc.NewServer(grpc.UnaryInterceptor(protect.Unary()), grpc.StreamInterceptor(protect.Stream()))
//
// A handler finds who calls in its context, by [sessiond.FromContext]. What nothing is said about is denied;
// health and reflection are public, unless something is said about them. What a call is told that does not
// get through:
//
//	no token, several, or what has no token's form      UNAUTHENTICATED
//	SCOPE_INSUFFICIENT                                  PERMISSION_DENIED
//	every other rejection, STEP_UP_REQUIRED among them  UNAUTHENTICATED
//	a method that nothing is said about                 PERMISSION_DENIED, and an error in the log
//	no verdict for now                                  UNAVAILABLE, with RetryInfo
//	what this service's operator has to mend            INTERNAL, and an error in the log
//
// What HTTP has in its WWW-Authenticate header is in the trailer www-authenticate.
package sessiondgrpc
