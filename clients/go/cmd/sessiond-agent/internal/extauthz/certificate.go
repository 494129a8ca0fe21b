package extauthz

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"net/url"
	"strings"
)

// certificateOf is the SHA-256 of the client certificate of a request (RFC 8705): that of its connection to this Envoy, which
// nobody can claim, or the one that the proxies before it tell of, as far as they are trusted.
func (s *Settings) certificateOf(r *request) (digest []byte, ok bool) {
	if r.certificate != "" {
		return fromPEM(r.certificate)
	}
	return fromForwarded(r.values("x-forwarded-client-cert"), s.XFCCHops)
}

func fromPEM(encoded string) (digest []byte, ok bool) {
	text, err := url.PathUnescape(encoded)
	if err != nil {
		return nil, false
	}
	block, _ := pem.Decode([]byte(text))
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, false
	}
	whole := sha256.Sum256(block.Bytes)
	return whole[:], true
}

// fromForwarded is the Hash of the element that the outermost of so many proxies has appended. What stands
// before it anybody may have written.
func fromForwarded(headers []string, hops int) (digest []byte, ok bool) {
	if hops == 0 {
		return nil, false
	}
	elements := splitOutside(strings.Join(headers, ","), ',')
	if len(elements) < hops {
		return nil, false
	}
	var hash string
	for _, pair := range splitOutside(elements[len(elements)-hops], ';') {
		if key, value, _ := strings.Cut(strings.TrimSpace(pair), "="); strings.EqualFold(key, "hash") {
			if hash != "" {
				return nil, false
			}
			hash = value
		}
	}
	raw, err := hex.DecodeString(hash)
	if err != nil || len(raw) != sha256.Size {
		return nil, false
	}
	return raw, true
}

// splitOutside splits where the separator does not stand in quotes.
func splitOutside(text string, separator byte) (parts []string) {
	begin, isQuoted := 0, false
	for at := 0; at < len(text); at++ {
		switch {
		case text[at] == '\\' && isQuoted:
			at++
		case text[at] == '"':
			isQuoted = !isQuoted
		case text[at] == separator && !isQuoted:
			parts, begin = append(parts, text[begin:at]), at+1
		}
	}
	return append(parts, text[min(begin, len(text)):])
}
