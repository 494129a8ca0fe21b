package extauthz

import (
	"encoding/json"
	"strconv"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/structpb"
)

// denial is why a request does not go on.
type denial struct {
	status      int
	code        codes.Code
	error       string
	description string
	nextAction  string
	challenges  []string // of WWW-Authenticate
	retryAfter  time.Duration
	reason      string // for the metadata
}

// allowed lets a request go on, with these headers in the place of its own, and without those.
func allowed(told []header, removed []string, metadata map[string]any) *authv3.CheckResponse {
	return &authv3.CheckResponse{
		Status: &statuspb.Status{Code: int32(codes.OK)},
		HttpResponse: &authv3.CheckResponse_OkResponse{OkResponse: &authv3.OkHttpResponse{
			Headers:         toOptions(told, corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD),
			HeadersToRemove: removed,
		}},
		DynamicMetadata: toStruct(metadata),
	}
}

// denied is the answer to a request that does not go on. Envoy lets it pass where the code is OK, whatever else
// the answer says.
func denied(r *request, d denial) *authv3.CheckResponse {
	if d.code == codes.OK || d.status < 400 {
		panic("extauthz: a denial that lets the request pass")
	}
	headers := []header{{"cache-control", "no-store"}}
	for _, challenge := range d.challenges {
		headers = append(headers, header{"www-authenticate", challenge})
	}
	if d.code == codes.Unavailable {
		headers = append(headers, header{"retry-after", wholeSeconds(d.retryAfter)})
	}
	body, kind := d.body(r)
	headers = append(headers, header{"content-type", kind})
	return &authv3.CheckResponse{
		Status: &statuspb.Status{Code: int32(d.code)},
		HttpResponse: &authv3.CheckResponse_DeniedResponse{DeniedResponse: &authv3.DeniedHttpResponse{
			Status:  &typev3.HttpStatus{Code: typev3.StatusCode(d.status)},
			Headers: toOptions(headers, corev3.HeaderValueOption_APPEND_IF_EXISTS_OR_ADD),
			Body:    body,
		}},
		DynamicMetadata: toStruct(map[string]any{"verdict": "REJECTED", "reason": d.reason}),
	}
}

// body is JSON, and for gRPC, where Envoy makes it the message of the status, a sentence.
func (d *denial) body(r *request) (text, kind string) {
	if r.speaksGRPC() {
		return d.description, "text/plain; charset=utf-8"
	}
	said := struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
		NextAction  string `json:"next_action,omitempty"`
	}{d.error, d.description, d.nextAction}
	body, err := json.Marshal(said)
	if err != nil {
		panic(err) // texts can be encoded
	}
	return string(body), "application/json"
}

// wholeSeconds is a Retry-After (RFC 9110 section 10.2.3), rounded up.
func wholeSeconds(span time.Duration) string {
	return strconv.FormatInt(max(1, int64((span+time.Second-1)/time.Second)), 10)
}

func toOptions(headers []header, action corev3.HeaderValueOption_HeaderAppendAction) []*corev3.HeaderValueOption {
	options := make([]*corev3.HeaderValueOption, len(headers))
	for i, one := range headers {
		options[i] = &corev3.HeaderValueOption{
			Header: &corev3.HeaderValue{Key: one.name, Value: one.value}, AppendAction: action,
		}
	}
	return options
}

func toStruct(fields map[string]any) *structpb.Struct {
	told, err := structpb.NewStruct(fields)
	if err != nil {
		return nil // what is no UTF-8 is not told: the verdict does not depend on it
	}
	return told
}
