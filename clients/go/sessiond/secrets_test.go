package sessiond

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestNothingShowsASecret(t *testing.T) {
	const secret = "s3cr3t"
	own := []slog.LogValuer{
		Tokens{AccessToken: secret, RefreshToken: secret},
		ProviderTokens{AccessToken: secret, RefreshToken: secret, IDToken: secret},
		AuthorizationCode{Code: secret, CodeVerifier: secret, Nonce: secret},
		DPoP{Proof: secret},
	}
	values := []any{
		&Tokens{AccessToken: secret, RefreshToken: secret},
		Bearer{Proof: DPoP{Proof: secret}},
		struct{ Given Tokens }{Tokens{AccessToken: secret}},
		[]Tokens{{AccessToken: secret}},
	}
	for _, value := range own {
		values = append(values, value)
	}
	for _, value := range values {
		var shown bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&shown, verb, value)
		}
		slog.New(slog.NewTextHandler(&shown, nil)).Info("text", "value", value)
		if _, isOwn := value.(slog.LogValuer); isOwn {
			slog.New(slog.NewJSONHandler(&shown, nil)).Info("json", "value", value)
		}
		text, encoded := shown.String(), fmt.Sprintf("%x", secret)
		if strings.Contains(text, secret) || strings.Contains(text, encoded) {
			t.Errorf("%T shows it: %s", value, text)
		}
	}
}
