package sessiond

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestAUserAgentIsCutOnACharacter(t *testing.T) {
	for given, wanted := range map[string]int{
		strings.Repeat("a", 256):                          256,
		strings.Repeat("a", 400):                          256,
		strings.Repeat("a", 255) + "ü":                    255,
		strings.Repeat("a", 254) + "ü":                    256,
		strings.Repeat("a", 253) + "🦉" + "more than that": 253,
		"\xff" + strings.Repeat("a", 300):                 256,
	} {
		cut := toDevice(Device{UserAgent: given}).GetUserAgent()
		if len(cut) != wanted || !utf8.ValidString(cut) {
			t.Errorf("%d bytes of %d, not %d", len(cut), len(given), wanted)
		}
	}
}

func TestWhatIsNoTextIsSentAsText(t *testing.T) {
	sent := toDevice(Device{IPAddress: "\xff", UserAgent: "\xff", Label: "\xff"})
	for _, text := range []string{sent.GetIpAddress(), sent.GetUserAgent(), sent.GetLabel()} {
		if text != "\uFFFD" {
			t.Errorf("it is sent as %q", text)
		}
	}
	if toDevice(Device{}) != nil {
		t.Error("a device of which nothing is known is sent")
	}
}

func TestAllOfAQuestionIsSent(t *testing.T) {
	policy := Require(Policy{Scopes: []string{"a"}}).compiled
	for _, options := range [][]Option{{Certificate{7}, Strict}, {DPoP{"proof", "GET", "https://a"}, AtLeast("r1")}} {
		q := &question{}
		for _, option := range options {
			option.applyTo(q)
		}
		sent := toValidateRequest("t", policy, q)
		if sent.GetToken() != "t" || len(sent.GetRequirements().GetScopes()) != 1 {
			t.Errorf("it is %v", sent)
		}
		proof, wanted := sent.GetProof(), sent.GetConsistency()
		isFirst := proof.GetCertificateSha256() != nil && proof.GetCertificateSha256()[0] == 7 &&
			wanted.GetFullyConsistent() != nil
		dpop := proof.GetDpop()
		isSecond := dpop.GetProof() == "proof" && dpop.GetMethod() == "GET" && dpop.GetUrl() == "https://a" &&
			wanted.GetAtLeastAsFresh().GetRevision() == "r1"
		if !isFirst && !isSecond {
			t.Errorf("it is %v", sent)
		}
	}
}

func TestATokenIsSentAsFarAsItCanBeRead(t *testing.T) {
	if sent := readable("a\xffb"); sent != "a\uFFFDb" {
		t.Errorf("bytes that are no text are sent as %q", sent)
	}
	long := strings.Repeat("a", 1<<20)
	if sent := readable(long); len(sent) != longestToken+1 {
		t.Errorf("of a token that no server reads %d bytes are sent", len(sent))
	}
	if digestOf(long) != digestOf(long+"b") || digestOf("a") == digestOf("b") {
		t.Error("a digest is not of what is sent")
	}
}
