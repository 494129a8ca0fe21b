package sessiondtest

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

const keyID = "sessiondtest"

// signer is the issuer's only key.
type signer struct{ key ed25519.PrivateKey }

func newSigner() signer {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		panic(err) // there is always randomness
	}
	return signer{key}
}

// sign is a JWT in compact form. What is nil is left out of its header and its claims.
func (s signer) sign(header, claims map[string]any) string {
	signed := encode(header) + "." + encode(claims)
	return signed + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(s.key, []byte(signed)))
}

func (s signer) hasSigned(p *parsed) bool {
	return ed25519.Verify(s.key.Public().(ed25519.PublicKey), []byte(p.signed), p.signature)
}

func encode(part map[string]any) string {
	given := map[string]any{}
	for name, value := range part {
		if value != nil {
			given[name] = value
		}
	}
	text, err := json.Marshal(given)
	if err != nil {
		panic("sessiondtest: claims that are no JSON: " + err.Error())
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// parsed is a token that nobody has verified.
type parsed struct {
	header, claims map[string]any
	payload        string
	signed         string
	signature      []byte
}

var errForm = errors.New("this is not a signed JWT in compact form")

func parse(token string) (*parsed, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, errForm
	}
	var raw [3][]byte
	for i, part := range parts {
		decoded, err := base64.RawURLEncoding.Strict().DecodeString(part)
		if err != nil || strings.ContainsAny(part, "\r\n") {
			return nil, errForm
		}
		raw[i] = decoded
	}
	header, err := readObject(raw[0])
	if err != nil {
		return nil, errForm
	}
	claims, err := readObject(raw[1])
	if err != nil {
		return nil, errForm
	}
	return &parsed{header, claims, string(raw[1]), parts[0] + "." + parts[1], raw[2]}, nil
}

// readObject reads a JSON object that nothing follows.
func readObject(raw []byte) (map[string]any, error) {
	var object map[string]any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if err := decoder.Decode(&object); err != nil || object == nil {
		return nil, errForm
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errForm
	}
	return object, nil
}
