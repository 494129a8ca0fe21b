package sessiondhttp

import (
	"io"
	"net/http"
	"slices"

	"github.com/sessiond/sessiond/clients/go/internal/browser"
)

// answer adds cookies to the head of an answer when that is written, whatever its handler does to the
// headers.
type answer struct {
	http.ResponseWriter
	style     browser.Style
	lines     []string
	isWritten bool
}

// begin adds them, once.
func (a *answer) begin() {
	if !a.isWritten {
		a.isWritten = true
		setCookies(a.Header(), a.style, a.lines)
	}
}

// WriteHeader writes the head; one that is only a hint (RFC 9110 section 15.2) brings no cookies.
func (a *answer) WriteHeader(status int) {
	if status >= http.StatusOK || status == http.StatusSwitchingProtocols {
		a.begin()
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(body []byte) (int, error) {
	a.begin()
	return a.ResponseWriter.Write(body)
}

// ReadFrom keeps the way on which a file goes out without being copied.
func (a *answer) ReadFrom(body io.Reader) (int64, error) {
	a.begin()
	return io.Copy(a.ResponseWriter, body)
}

// FlushError is what a [http.ResponseController] calls.
func (a *answer) FlushError() error {
	a.begin()
	return http.NewResponseController(a.ResponseWriter).Flush()
}

// Unwrap is for a [http.ResponseController].
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// alike can do what the writer beneath can, for handlers that ask by a type assertion.
func (a *answer) alike() http.ResponseWriter {
	_, flushes := a.ResponseWriter.(http.Flusher)
	hijacker, hijacks := a.ResponseWriter.(http.Hijacker)
	switch {
	case flushes && hijacks:
		return struct {
			flusher
			http.Hijacker
		}{flusher{a}, hijacker}
	case flushes:
		return flusher{a}
	case hijacks:
		return struct {
			*answer
			http.Hijacker
		}{a, hijacker}
	default:
		return a
	}
}

type flusher struct{ *answer }

func (f flusher) Flush() { _ = f.FlushError() }

// setCookies gives an answer cookies of a session in place of any that it has; such an answer is for nobody
// else (RFC 9111 section 7.3).
func setCookies(header http.Header, style browser.Style, lines []string) {
	if lines == nil {
		return
	}
	header["Set-Cookie"] = append(slices.DeleteFunc(header["Set-Cookie"], style.IsOurs), lines...)
	header.Set("Cache-Control", "no-store")
	varyByCookie(header)
}

func varyByCookie(header http.Header) {
	if !slices.Contains(header["Vary"], "Cookie") {
		header.Add("Vary", "Cookie")
	}
}
