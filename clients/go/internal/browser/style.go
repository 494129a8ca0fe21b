// Package browser has the rules of sessions that browsers keep in cookies: what the cookies look like, what a
// request is told that brings them, and that a refresh token is spent once. Clients in other languages have
// the same rules: tests/vectors/browser-*.json holds them.
package browser

import (
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/sessiond/sessiond/clients/go/sessiond"
)

// largestCookie is what browsers take of a cookie's name, value and attributes together (RFC 6265 section
// 6.1). They drop a larger one, and tell nobody.
const largestCookie = 4096

// markLifetime is longer than whoever is told that a session has ended takes to make another request.
const markLifetime = time.Hour

// Style is how the cookies of a site are made.
type Style struct {
	IsDevelopment bool   // for http://localhost: without __Host- and Secure, which not every browser takes there
	RefreshPath   string // the one path to which the refresh token is sent; empty for all
	Splits        bool   // an access token that is too large for one cookie goes into several
}

// AccessName is the name of the cookie with the access token. The prefix binds it to its host: no subdomain
// can set it (RFC 6265bis section 4.1.3.2).
func (s Style) AccessName() string { return s.prefix() + "session" }

// RefreshName is the name of the cookie with the refresh token. A path of its own costs it the better prefix,
// which wants the path to be /.
func (s Style) RefreshName() string {
	if s.RefreshPath != "" && !s.IsDevelopment {
		return "__Secure-session-refresh"
	}
	return s.prefix() + "session-refresh"
}

// MarkName is the name of the cookie that says about which refresh token a browser has had an answer.
func (s Style) MarkName() string { return s.prefix() + "session-mark" }

// prefix is a name's beginning. A browser has one cookie of a name for all ports of localhost, and frameworks
// call their own session.
func (s Style) prefix() string {
	if s.IsDevelopment {
		return "dev-"
	}
	return "__Host-"
}

// AllowsHost says whether cookies may be set for the host of a request: those of development for this machine
// alone.
func (s Style) AllowsHost(host string) bool {
	if !s.IsDevelopment {
		return true
	}
	name := strings.ToLower(host)
	if bare, _, err := net.SplitHostPort(name); err == nil {
		name = bare
	}
	name = strings.Trim(name, "[]")
	return name == "localhost" || strings.HasSuffix(name, ".localhost") || name == "127.0.0.1" || name == "::1"
}

// Refreshes says whether a browser sends the refresh token along with requests for a path (RFC 6265 section
// 5.1.4).
func (s Style) Refreshes(path string) bool {
	behind, isBelow := strings.CutPrefix(path, s.RefreshPath)
	return isBelow && (behind == "" || behind[0] == '/')
}

// Set is the values of Set-Cookie that give a browser its tokens, and take away the parts of an access token
// that it brought and needs no more. They are in the order in which a browser takes them: a request in
// between has the new access token, and so does not spend the new refresh token.
//
// The access token is left as it is where it does not fit.
func (s Style) Set(tokens *sessiond.Tokens, now time.Time, brought Cookies) (lines []string, fits bool) {
	access := s.accessLines(tokens.AccessToken, maxAge(tokens.AccessExpireTime, now))
	if access != nil {
		lines = append(access, s.clearParts(brought, len(access))...)
	}
	age := maxAge(tokens.RefreshExpireTime, now)
	return append(lines, s.line(s.RefreshName(), tokens.RefreshToken, s.refreshPath(), age)), access != nil
}

// Clear is the values of Set-Cookie that take everything from a browser.
func (s Style) Clear(brought Cookies) []string {
	lines := []string{s.line(s.AccessName(), "", "/", "; Max-Age=0")}
	lines = append(lines, s.clearParts(brought, 1)...)
	lines = append(lines, s.line(s.RefreshName(), "", s.refreshPath(), "; Max-Age=0"))
	if brought.mark != "" {
		lines = append(lines, s.line(s.MarkName(), "", "/", "; Max-Age=0"))
	}
	return lines
}

// Mark is the value of Set-Cookie that says about which refresh token this is an answer. Who brings both
// again has had it, and has nothing newer.
func (s Style) Mark(brought Cookies) string {
	age := "; Max-Age=" + strconv.Itoa(int(markLifetime.Seconds()))
	return s.line(s.MarkName(), fingerprint(brought.RefreshToken), "/", age)
}

// IsOurs says whether a value of Set-Cookie is one of a session's own.
func (s Style) IsOurs(line string) bool {
	name, _, _ := strings.Cut(line, "=")
	return name == s.RefreshName() || name == s.MarkName() || s.partNumber(name) > 0
}

func (s Style) refreshPath() string {
	if s.RefreshPath != "" {
		return s.RefreshPath
	}
	return "/"
}

func (s Style) line(name, value, path, age string) string {
	secure := "; Secure"
	if s.IsDevelopment {
		secure = ""
	}
	return name + "=" + value + "; Path=" + path + age + "; HttpOnly" + secure + "; SameSite=Lax"
}

// maxAge is the attribute of what expires: whole seconds, so that a cookie goes before its token does. It is
// a second at least: a clock that is wrong deletes nothing. What expires nobody knows when goes with the
// browser.
func maxAge(expires, now time.Time) string {
	if expires.IsZero() {
		return ""
	}
	return "; Max-Age=" + strconv.FormatInt(max(1, int64(expires.Sub(now)/time.Second)), 10)
}
