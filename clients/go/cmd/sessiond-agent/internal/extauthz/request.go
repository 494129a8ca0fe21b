package extauthz

import (
	"strings"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
)

// request is one of Envoy's, as far as it counts. Names of headers are in small letters.
type request struct {
	method, scheme, host, path string
	headers                    []header
	certificate                string // of the client at this Envoy: PEM, URL-encoded
	extensions                 map[string]string
}

type header struct{ name, value string }

// toRequest reads what Envoy tells, in either of its forms for headers (`encode_raw_headers`).
func toRequest(message *authv3.CheckRequest) *request {
	attributes := message.GetAttributes()
	http := attributes.GetRequest().GetHttp()
	found := &request{
		method: http.GetMethod(), scheme: http.GetScheme(), host: http.GetHost(), path: http.GetPath(),
		certificate: attributes.GetSource().GetCertificate(),
		extensions:  attributes.GetContextExtensions(),
	}
	for name, value := range http.GetHeaders() {
		found.headers = append(found.headers, header{strings.ToLower(name), value})
	}
	for _, one := range http.GetHeaderMap().GetHeaders() {
		value := one.GetValue()
		if raw := one.GetRawValue(); len(raw) > 0 {
			value = string(raw)
		}
		found.headers = append(found.headers, header{strings.ToLower(one.GetKey()), value})
	}
	return found
}

// values is what all headers of a name have, in their order.
func (r *request) values(name string) (values []string) {
	for _, one := range r.headers {
		if one.name == name {
			values = append(values, one.value)
		}
	}
	return values
}

// value is what the one header of a name has; of several none counts.
func (r *request) value(name string) string {
	if values := r.values(name); len(values) == 1 {
		return values[0]
	}
	return ""
}

// speaksGRPC says whether a body is read by a gRPC library, as the message of a status.
func (r *request) speaksGRPC() bool {
	return strings.HasPrefix(strings.ToLower(r.value("content-type")), "application/grpc")
}
