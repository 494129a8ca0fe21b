package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/sessiond/sessiond/clients/go/sessiond"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondtest"
)

// The cases are those that clients must pass over a real server. Here the fake of package sessiondtest stands
// in its place, so that it gives the verdicts, words and errors that a server gives.
const liveCases = "../../../tests/conformance/live.json"

func TestTheFakeAnswersAsARealServer(t *testing.T) {
	text, err := os.ReadFile(liveCases)
	if os.IsNotExist(err) {
		t.Skip("the suite is not here")
	} else if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []struct {
			Name  string
			Steps []object
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) < 20 {
		t.Fatalf("found %d cases", len(file.Cases))
	}
	for _, one := range file.Cases {
		t.Run(one.Name, func(t *testing.T) {
			t.Parallel()
			s := &stage{t: t, fake: sessiondtest.New(t), named: object{}}
			for i, step := range one.Steps {
				s.carryOut(fmt.Sprintf("steps[%d]", i), step)
			}
		})
	}
}

// stage is where a case is carried out; named is what its steps may speak of.
type stage struct {
	t      *testing.T
	fake   *sessiondtest.Fake
	client *sessiond.Client
	named  object
}

func (s *stage) carryOut(where string, step object) {
	step = s.resolved(step).(object)
	name, _ := step["as"].(string)
	var c command
	text, err := json.Marshal(without(step, "expect"))
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	switch {
	case err != nil:
		s.t.Fatalf("%s: %v", where, err)
	case step["server"] == "sign":
		s.named[name] = object{"token": s.sign(step)}
	case c.Do == "new":
		s.client = s.fake.Client(c.options()...)
	case c.Do == "":
		s.t.Fatalf("%s: found what this runner does not carry out", where)
	default:
		result := plainly(s.t, carryOut(s.t.Context(), s.client, &c))
		s.named[name] = result
		expected, ok := step["expect"]
		if !ok {
			expected = object{"error": object{"$absent": true}}
		}
		for _, difference := range differences(where, expected, result) {
			s.t.Error(difference)
		}
	}
}

func (s *stage) sign(step object) string {
	token := sessiondtest.Token{Header: map[string]any{}, Claims: map[string]any{"jti": "token-1"}}
	header, _ := step["header"].(object)
	claims, _ := step["claims"].(object)
	maps.Copy(token.Header, header)
	for claim, value := range claims {
		if when, ok := value.(object); ok && when["now"] != nil {
			value = s.fake.Now().Unix() + int64(when["now"].(float64))
		}
		token.Claims[claim] = value
	}
	signed := s.fake.Sign(token)
	if step["forged"] == true {
		signed = signed[:len(signed)-20] + strings.Repeat("A", 20)
	}
	return signed
}

// resolved has what has a name in the place of the name, and long texts as they are.
func (s *stage) resolved(value any) any {
	switch value := value.(type) {
	case string:
		if path, ok := strings.CutPrefix(value, "$"); ok {
			return s.find(strings.Split(path, "."))
		}
	case []any:
		all := make([]any, len(value))
		for i, item := range value {
			all[i] = s.resolved(item)
		}
		return all
	case object:
		if parts, ok := value["$text"].([]any); ok {
			return longText(parts)
		}
		all := object{}
		for name, member := range value {
			all[name] = s.resolved(member)
		}
		return all
	}
	return value
}

func (s *stage) find(path []string) any {
	var found any = s.named
	for _, name := range path {
		found = found.(object)[name]
	}
	if found == nil {
		s.t.Fatalf("nothing has the name %v", path)
	}
	return found
}

func longText(parts []any) string {
	var text strings.Builder
	for _, part := range parts {
		pair := part.([]any)
		text.WriteString(strings.Repeat(pair[0].(string), int(pair[1].(float64))))
	}
	return text.String()
}

func without(step object, name string) object {
	rest := maps.Clone(step)
	delete(rest, name)
	return rest
}

// plainly is a result as it would be read from standard output.
func plainly(t *testing.T, result object) object {
	text, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	var plain object
	if err := json.Unmarshal(text, &plain); err != nil {
		t.Fatal(err)
	}
	return plain
}

// differences are where a value is not as expected, by the rules of the suite.
func differences(where string, expected, found any) []string {
	rules, isObject := expected.(object)
	list, isList := expected.([]any)
	switch {
	case isObject:
		return differencesOfMembers(where, rules, found)
	case isList:
		items, _ := found.([]any)
		if len(items) != len(list) {
			return []string{fmt.Sprintf("%s: found %d items, expected are %d", where, len(items), len(list))}
		}
		var all []string
		for i := range list {
			all = append(all, differences(fmt.Sprintf("%s[%d]", where, i), list[i], items[i])...)
		}
		return all
	case !reflect.DeepEqual(expected, found):
		return []string{fmt.Sprintf("%s: found %v, expected is %v", where, found, expected)}
	}
	return nil
}

func differencesOfMembers(where string, rules object, found any) []string {
	var all []string
	for name, rule := range rules {
		isGood := false
		switch name {
		case "$absent":
			isGood = (found == nil) == rule.(bool)
		case "$contains":
			text, isText := found.(string)
			isGood = isText && strings.Contains(text, rule.(string))
		case "$at_least":
			number, isNumber := found.(float64)
			isGood = isNumber && number >= rule.(float64)
		default:
			members, _ := found.(object)
			all = append(all, differences(where+"."+name, rule, members[name])...)
			continue
		}
		if !isGood {
			all = append(all, fmt.Sprintf("%s: found %v, expected is %s %v", where, found, name, rule))
		}
	}
	return all
}
