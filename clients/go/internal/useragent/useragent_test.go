package useragent_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sessiond/sessiond/clients/go/internal/useragent"
	"github.com/sessiond/sessiond/clients/go/internal/vectors"
)

func TestAUserAgentIsMadeWhatAServerTakes(t *testing.T) {
	var file struct {
		UserAgents []struct {
			Name           string
			Header, Device vectors.Text
		} `json:"user_agents"`
	}
	vectors.Read(t, "browser-texts.json", &file)
	for _, row := range file.UserAgents {
		if found := useragent.Readable(string(row.Header)); found != string(row.Device) {
			t.Errorf("%s: found %q", row.Name, found)
		}
	}
}

func FuzzWhateverComesAServerTakesIt(f *testing.F) {
	for _, seed := range []string{"a\tb", "\xff\xfe", strings.Repeat("ü", 200), "\u0085"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		found := useragent.Readable(header)
		isControl := func(c rune) bool { return c < 0x20 || 0x7f <= c && c <= 0x9f }
		if len(found) > 256 || !utf8.ValidString(found) || strings.ContainsFunc(found, isControl) {
			t.Errorf("%q became %q", header, found)
		}
	})
}
