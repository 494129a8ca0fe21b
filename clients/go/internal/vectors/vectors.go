// Package vectors reads the cases that tests in all languages have in common.
package vectors

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// Read decodes a file of tests/vectors for a package that is two folders below the module's.
func Read(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile("../../../../tests/vectors/" + name)
	if os.IsNotExist(err) {
		t.Skip("the vectors are in the repository, and not in the module")
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

// Text is written as it is, or as pairs of a text and how often it stands there.
type Text string

// UnmarshalJSON reads either form.
func (t *Text) UnmarshalJSON(raw []byte) error {
	if err := json.Unmarshal(raw, (*string)(t)); err == nil {
		return nil
	}
	var pairs [][2]any
	if err := json.Unmarshal(raw, &pairs); err != nil {
		return err
	}
	var all strings.Builder
	for _, pair := range pairs {
		text, _ := pair[0].(string)
		times, _ := pair[1].(float64)
		all.WriteString(strings.Repeat(text, int(times)))
	}
	*t = Text(all.String())
	return nil
}
