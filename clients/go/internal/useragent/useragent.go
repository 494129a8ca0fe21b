// Package useragent makes what a browser says of itself into what a server takes.
package useragent

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const longest = 256 // bytes; browsers within apps send more

// Readable is a header's value as text: what is no UTF-8 becomes U+FFFD, and a control character a blank, as
// a server refuses both, and whoever visits can send them. More than 256 bytes are cut off, on a character.
func Readable(header string) string {
	text := strings.Map(withoutControl, strings.ToValidUTF8(header, "\uFFFD"))
	if len(text) <= longest {
		return text
	}
	end := longest
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

func withoutControl(character rune) rune {
	if unicode.IsControl(character) {
		return ' '
	}
	return character
}
