package browser

import "strings"

// Self is where a browser is sent that is to make the same request again: a reference relative to its own
// address (RFC 3986 section 5.2), which leads to no other host whatever the target is. It holds behind a
// proxy too that puts something in front of the path.
func Self(target string) string {
	path, query, hasQuery := strings.Cut(target, "?")
	reference := "./" + path[strings.LastIndexByte(path, '/')+1:]
	if hasQuery {
		reference += "?" + query
	}
	return reference
}
