package extauthz

import (
	"encoding/json"
	"strconv"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protowire"
)

// Fields of envoy.service.auth.v3.CheckResponse, and of what it is made of.
const (
	statusField         = 1
	deniedField         = 2
	okField             = 3
	metadataField       = 4
	statusCodeField     = 1
	headersField        = 2
	bodyField           = 3
	removedHeadersField = 5
	headerField         = 1
	appendActionField   = 3
	// overwrite has a header take the place of those that a request has; without an action it stands beside them.
	overwrite = 2
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

// Error names a denial that is the outcome of a judgement.
func (d denial) Error() string { return d.reason }

// allowed lets a request go on, with the fields of an OkHttpResponse, and metadata.
func allowed(ok, metadata []byte) []byte {
	answer := make([]byte, 0, len(ok)+len(metadata)+16)
	answer = appendMessage(answer, statusField, nil) // its code is OK
	answer = appendMessage(answer, okField, ok)
	return append(answer, metadata...)
}

// denied is the answer to a request that does not go on. Envoy lets it pass where the code is OK, whatever else
// the answer says.
func denied(r *request, d denial) []byte {
	if d.code == codes.OK || d.status < 400 {
		panic("extauthz: a denial that lets the request pass")
	}
	told := appendMessage(nil, statusField, appendNumber(nil, statusCodeField, d.status))
	told = appendHeader(told, header{"cache-control", "no-store"}, 0)
	for _, challenge := range d.challenges {
		told = appendHeader(told, header{"www-authenticate", challenge}, 0)
	}
	if d.code == codes.Unavailable {
		told = appendHeader(told, header{"retry-after", wholeSeconds(d.retryAfter)}, 0)
	}
	body, kind := d.body(r)
	told = appendHeader(told, header{"content-type", kind}, 0)
	told = appendText(told, bodyField, body)
	answer := appendMessage(nil, statusField, appendNumber(nil, statusCodeField, int(d.code)))
	answer = appendMessage(answer, deniedField, told)
	return appendMetadata(answer, "verdict", "REJECTED", "reason", d.reason)
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

// appendHeader appends a HeaderValueOption.
func appendHeader(to []byte, told header, action int) []byte {
	value := appendText(appendText(nil, 1, told.name), 2, told.value)
	option := appendMessage(nil, headerField, value)
	if action != 0 {
		option = appendNumber(option, appendActionField, action)
	}
	return appendMessage(to, headersField, option)
}

// appendMetadata appends the dynamic metadata, a google.protobuf.Struct, of names and their texts.
func appendMetadata(to []byte, texts ...string) []byte {
	return appendMessage(to, metadataField, appendTexts(nil, texts...))
}

// appendTexts appends fields of a Struct that are texts.
func appendTexts(to []byte, texts ...string) []byte {
	for i := 0; i < len(texts); i += 2 {
		to = appendEntry(to, texts[i], appendText(nil, 3, texts[i+1]))
	}
	return to
}

// appendList appends a field of a Struct that is a list of texts.
func appendList(to []byte, name string, items []string) []byte {
	var list []byte
	for _, item := range items {
		list = appendMessage(list, 1, appendText(nil, 3, item))
	}
	return appendEntry(to, name, appendMessage(nil, 6, list))
}

// appendEntry appends a field of a Struct: its name, and its google.protobuf.Value.
func appendEntry(to []byte, name string, value []byte) []byte {
	return appendMessage(to, 1, appendMessage(appendText(nil, 1, name), 2, value))
}

func appendMessage(to []byte, field protowire.Number, message []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(to, field, protowire.BytesType), message)
}

func appendText(to []byte, field protowire.Number, text string) []byte {
	return protowire.AppendString(protowire.AppendTag(to, field, protowire.BytesType), text)
}

func appendNumber(to []byte, field protowire.Number, number int) []byte {
	return protowire.AppendVarint(protowire.AppendTag(to, field, protowire.VarintType), uint64(number))
}
