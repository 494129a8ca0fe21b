package browser

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
)

const mostParts = 3

// An access token that is too large for one cookie is in two or three. The first has the name of all, and its
// value is COUNT:CHECK:TEXT; the others are called -2 and -3 behind that name, and have the rest of the text.
// CHECK is that of the whole: parts of different tokens are never taken for one. No token has a colon.

func (s Style) partName(number int) string {
	if number == 1 {
		return s.AccessName()
	}
	return s.AccessName() + "-" + strconv.Itoa(number)
}

// partNumber is 0 for what is no name of a part.
func (s Style) partNumber(name string) int {
	for number := 1; number <= mostParts; number++ {
		if name == s.partName(number) {
			return number
		}
	}
	return 0
}

// accessLines is nil for a token that does not fit.
func (s Style) accessLines(token, age string) []string {
	if whole := s.line(s.AccessName(), token, "/", age); len(whole) <= largestCookie {
		return []string{whole}
	}
	if !s.Splits {
		return nil
	}
	for count := 2; count <= mostParts; count++ {
		if lines := s.split(token, age, count); lines != nil {
			return lines
		}
	}
	return nil
}

// split is nil where a token needs more parts.
func (s Style) split(token, age string, count int) []string {
	lines := make([]string, 0, count)
	value := strconv.Itoa(count) + ":" + fingerprint(token) + ":" + token
	for number := 1; number <= count; number++ {
		room := largestCookie - len(s.line(s.partName(number), "", "/", age))
		size := min(room, len(value))
		lines = append(lines, s.line(s.partName(number), value[:size], "/", age))
		value = value[size:]
	}
	if value != "" {
		return nil
	}
	return lines
}

// clearParts takes away the parts behind so many that a request brought.
func (s Style) clearParts(brought Cookies, kept int) (lines []string) {
	for number := kept + 1; number <= mostParts; number++ {
		if brought.parts[number] {
			lines = append(lines, s.line(s.partName(number), "", "/", "; Max-Age=0"))
		}
	}
	return lines
}

// join is the token in the values of cookies, of which the first may be all; empty where the set is not
// complete.
func join(values []string) string {
	count, rest, isPart := strings.Cut(values[0], ":")
	if !isPart {
		return values[0]
	}
	check, token, _ := strings.Cut(rest, ":")
	switch count {
	case "2":
		token += values[1]
	case "3":
		token += values[1] + values[2]
	default:
		return ""
	}
	if fingerprint(token) != check {
		return ""
	}
	return token
}

// fingerprint tells tokens apart, and nothing else of them.
func fingerprint(token string) string {
	digest := sha256.Sum256([]byte(token))
	return hex.EncodeToString(digest[:8])
}
