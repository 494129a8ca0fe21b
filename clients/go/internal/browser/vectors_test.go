package browser

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sessiond/sessiond/clients/go/internal/vectors"
	"github.com/sessiond/sessiond/clients/go/sessiond"
)

type style struct {
	Development bool
	RefreshPath string `json:"refresh_path"`
	Split       bool
}

func (s style) made() Style { return Style{s.Development, s.RefreshPath, s.Split} }

type file struct {
	Set []struct {
		Name             string
		Style            style
		AccessToken      vectors.Text `json:"access_token"`
		AccessExpiresIn  *float64     `json:"access_expires_in"`
		RefreshToken     string       `json:"refresh_token"`
		RefreshExpiresIn *float64     `json:"refresh_expires_in"`
		Brought          []string
		Fits             bool
		Lines            []vectors.Text
	}
	Clear []struct {
		Name    string
		Style   style
		Brought []string
		Lines   []string
	}
	Mark []struct {
		Name         string
		Style        style
		RefreshToken string `json:"refresh_token"`
		Line         string
	}
	Read []struct {
		Name            string
		Style           style
		Headers         []string
		Access, Refresh string
		AccessToken     string `json:"access_token"`
		RefreshToken    string `json:"refresh_token"`
		Marked          bool
	}
	DevelopmentHosts []struct {
		Host    string
		Allowed bool
	} `json:"development_hosts"`
	RefreshPaths []struct {
		RefreshPath string `json:"refresh_path"`
		Path        string
		Sent        bool
	} `json:"refresh_paths"`
}

func cookies(t *testing.T) (read file) {
	t.Helper()
	vectors.Read(t, "browser-cookies.json", &read)
	return read
}

func TestCookiesAreSetAsTheVectorsSay(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	in := func(seconds *float64) time.Time {
		if seconds == nil {
			return time.Time{}
		}
		return now.Add(time.Duration(*seconds * float64(time.Second)))
	}
	for _, row := range cookies(t).Set {
		t.Run(row.Name, func(t *testing.T) {
			made := row.Style.made()
			tokens := sessiond.Tokens{
				AccessToken: string(row.AccessToken), AccessExpireTime: in(row.AccessExpiresIn),
				RefreshToken: row.RefreshToken, RefreshExpireTime: in(row.RefreshExpiresIn),
			}
			lines, fits := made.Set(&tokens, now, made.Read(row.Brought))
			wanted := make([]string, len(row.Lines))
			for i, line := range row.Lines {
				wanted[i] = string(line)
			}
			if fits != row.Fits || !slices.Equal(lines, wanted) {
				t.Errorf("fits %v, found %q", fits, lines)
			}
			for _, line := range lines {
				if len(line) > 4096 || !made.IsOurs(line) {
					t.Errorf("a browser does not take %q", line)
				}
			}
		})
	}
}

func TestCookiesAreClearedAsTheVectorsSay(t *testing.T) {
	for _, row := range cookies(t).Clear {
		made := row.Style.made()
		if lines := made.Clear(made.Read(row.Brought)); !slices.Equal(lines, row.Lines) {
			t.Errorf("%s: found %q", row.Name, lines)
		}
	}
	for _, row := range cookies(t).Mark {
		line := row.Style.made().Mark(Cookies{RefreshToken: row.RefreshToken})
		if line != row.Line || !row.Style.made().IsOurs(line) {
			t.Errorf("%s: found %q", row.Name, line)
		}
	}
}

func TestCookiesAreReadAsTheVectorsSay(t *testing.T) {
	numbers := map[string]Number{"none": None, "one": One, "several": Several}
	for _, row := range cookies(t).Read {
		found := row.Style.made().Read(row.Headers)
		if found.Access != numbers[row.Access] || found.Refresh != numbers[row.Refresh] {
			t.Errorf("%s: found %d and %d", row.Name, found.Access, found.Refresh)
		}
		if found.AccessToken != row.AccessToken || found.RefreshToken != row.RefreshToken {
			t.Errorf("%s: found %q and %q", row.Name, found.AccessToken, found.RefreshToken)
		}
		if found.IsMarked() != row.Marked {
			t.Errorf("%s: is marked: %v", row.Name, found.IsMarked())
		}
	}
}

func TestWhatIsSetIsReadAgain(t *testing.T) {
	for _, row := range cookies(t).Set {
		made := row.Style.made()
		tokens := sessiond.Tokens{AccessToken: string(row.AccessToken), RefreshToken: row.RefreshToken}
		lines, fits := made.Set(&tokens, time.Now(), Cookies{})
		found := made.Read(lines) // attributes are cookies of no interest
		if found.RefreshToken != tokens.RefreshToken || fits && found.AccessToken != tokens.AccessToken {
			t.Errorf("%s: found %q", row.Name, found.AccessToken)
		}
	}
}

// Whatever a browser or a stranger sends, a token that is taken stands there, in one cookie or in parts that
// are all there.
func FuzzNoTokenIsTakenThatIsNotThere(f *testing.F) {
	f.Add("__Host-session=h.p.s", "__Host-session-refresh=sdr1_a")
	f.Add("__Host-session=2:ed039663170eb7d7:aaaaaaaaaa", "__Host-session-2=bbbbbbbbbb")
	f.Fuzz(func(t *testing.T, first, second string) {
		found := Style{}.Read([]string{first, second})
		if (found.AccessToken != "") != (found.Access == One) {
			t.Errorf("%d access tokens, %q", found.Access, found.AccessToken)
		}
		isWhole := strings.Contains(first+";"+second, "__Host-session="+found.AccessToken)
		if found.Access == One && !isWhole && !strings.Contains(first+second, fingerprint(found.AccessToken)) {
			t.Errorf("%q and %q gave %q", first, second, found.AccessToken)
		}
	})
}

func TestHostsAndPathsAreToldApart(t *testing.T) {
	for _, row := range cookies(t).DevelopmentHosts {
		if (Style{IsDevelopment: true}).AllowsHost(row.Host) != row.Allowed {
			t.Errorf("%q: allowed is %v", row.Host, !row.Allowed)
		}
		if !(Style{}).AllowsHost(row.Host) {
			t.Errorf("%q is not allowed outside of development", row.Host)
		}
	}
	for _, row := range cookies(t).RefreshPaths {
		if (Style{RefreshPath: row.RefreshPath}).Refreshes(row.Path) != row.Sent {
			t.Errorf("%q under %q: sent is %v", row.Path, row.RefreshPath, !row.Sent)
		}
	}
}

func TestTextsAreMadeAsTheVectorsSay(t *testing.T) {
	var texts struct {
		Self     []struct{ Target, Location string }
		Sessions []struct {
			Name   string
			Tokens [2]string
			Same   bool
		} `json:"same_session"`
		RefreshTokens []struct {
			Name  string
			Token vectors.Text
			Asked bool
		} `json:"refresh_tokens"`
	}
	vectors.Read(t, "browser-texts.json", &texts)
	for _, row := range texts.Self {
		if found := Self(row.Target); found != row.Location {
			t.Errorf("%s: found %s", row.Target, found)
		}
	}
	for _, row := range texts.RefreshTokens {
		if (Cookies{RefreshToken: string(row.Token)}).HasRefreshForm() != row.Asked {
			t.Errorf("%s: asked is %v", row.Name, !row.Asked)
		}
	}
	for _, row := range texts.Sessions {
		if IsSameSession(row.Tokens[0], row.Tokens[1]) != row.Same {
			t.Errorf("%s: found %v", row.Name, !row.Same)
		}
	}
}
