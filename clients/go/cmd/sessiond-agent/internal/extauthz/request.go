package extauthz

import (
	"errors"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// request is one of Envoy's, as far as it counts. Names of headers are in small letters.
type request struct {
	method, scheme, host, path string
	headers                    []header
	certificate                string // of the client at this Envoy: PEM, URL-encoded
	extensions                 map[string]string
}

type header struct{ name, value string }

// manyHeaders is room for those that a browser sends.
const manyHeaders = 24

var errNoMessage = errors.New("the message is no CheckRequest")

// toRequest reads an envoy.service.auth.v3.CheckRequest, with either of Envoy's forms for headers
// (`encode_raw_headers`). Of the many messages of Envoy's schema it needs five fields: generated code for
// them takes megabytes, and tens of microseconds for each Check.
func toRequest(raw []byte) (*request, error) {
	found := &request{headers: make([]header, 0, manyHeaders)}
	isRead := eachField(raw, func(number protowire.Number, attributes []byte) bool {
		return number != 1 || eachField(attributes, found.takeAttribute)
	})
	if !isRead {
		return nil, errNoMessage
	}
	return found, nil
}

// takeAttribute reads a field of an AttributeContext.
func (r *request) takeAttribute(number protowire.Number, value []byte) bool {
	switch number {
	case 1: // source
		return eachField(value, func(number protowire.Number, value []byte) bool {
			return number != 5 || take(&r.certificate, value)
		})
	case 4: // request
		return eachField(value, func(number protowire.Number, value []byte) bool {
			return number != 2 || eachField(value, r.takeHTTP)
		})
	case 10: // context_extensions
		extension, ok := toNamed(value)
		if r.extensions == nil {
			r.extensions = map[string]string{}
		}
		r.extensions[extension.name] = extension.value
		return ok
	default:
		return true
	}
}

// takeHTTP reads a field of an AttributeContext.HttpRequest.
func (r *request) takeHTTP(number protowire.Number, value []byte) bool {
	switch number {
	case 2:
		return take(&r.method, value)
	case 3: // headers
		return r.takeHeader(toNamed(value))
	case 4:
		return take(&r.path, value)
	case 5:
		return take(&r.host, value)
	case 6:
		return take(&r.scheme, value)
	case 13: // header_map
		return eachField(value, func(number protowire.Number, value []byte) bool {
			return number != 1 || r.takeHeader(toNamed(value))
		})
	default:
		return true
	}
}

func (r *request) takeHeader(one named, ok bool) bool {
	value := one.value
	if len(one.raw) > 0 {
		value = string(one.raw)
	}
	r.headers = append(r.headers, header{strings.ToLower(one.name), value})
	return ok
}

// named is an entry of a map of texts, or a HeaderValue, which may have raw bytes in the place of its value.
type named struct {
	name, value string
	raw         []byte
}

func toNamed(message []byte) (found named, ok bool) {
	ok = eachField(message, func(number protowire.Number, field []byte) bool {
		switch number {
		case 1:
			return take(&found.name, field)
		case 2:
			return take(&found.value, field)
		case 3:
			found.raw = field
		}
		return true
	})
	return found, ok
}

// take reads a text, which is UTF-8.
func take(to *string, value []byte) bool {
	*to = string(value)
	return utf8.ValidString(*to)
}

// eachField hands over the fields of a message that have a length, and passes others over, as long as that is
// wanted.
func eachField(message []byte, see func(number protowire.Number, value []byte) bool) bool {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return false
		}
		message = message[n:]
		if kind != protowire.BytesType {
			if n = protowire.ConsumeFieldValue(number, kind, message); n < 0 {
				return false
			}
			message = message[n:]
			continue
		}
		value, n := protowire.ConsumeBytes(message)
		if n < 0 || !see(number, value) {
			return false
		}
		message = message[n:]
	}
	return true
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
