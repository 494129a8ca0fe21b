package sessiond

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestNeitherOrderNorRepetitionMakesAnotherPolicy(t *testing.T) {
	one := Require(Policy{
		Scopes: []string{"a", "b"}, Claims: map[string][]string{"x": {"1", "2"}, "y": {"3"}},
	})
	same := Require(Policy{
		Scopes: []string{"b", "a", "b"}, Claims: map[string][]string{"y": {"3"}, "x": {"2", "1"}},
	})
	if one.compiled.number != same.compiled.number {
		t.Fatal("they share nothing")
	}
}

func TestAnotherDemandIsAnotherPolicy(t *testing.T) {
	seen := map[any]int{}
	for i, policy := range []Policy{
		{}, {Issuers: []string{"a"}}, {Audiences: []string{"a"}}, {Audiences: []string{"a", "b"}},
		{Audiences: []string{"a b"}}, {Scopes: []string{"a"}}, {Permissions: []string{"a"}},
		{Permissions: []string{`a","b`}}, {Permissions: []string{"a", "b"}}, {ACRValues: []string{"a"}},
		{Claims: map[string][]string{"a": {"b"}}}, {Claims: map[string][]string{"a": {"b", "c"}}},
		{Claims: map[string][]string{"a": {"b"}, "c": {"d"}}}, {Claims: map[string][]string{"b": {"a"}}},
		{MaxAuthAge: time.Hour}, {MaxAuthAge: time.Hour + 1},
	} {
		number := Require(policy).compiled.number
		if before, ok := seen[number]; ok {
			t.Errorf("policies %d and %d share what is kept", before, i)
		}
		seen[number] = i
	}
}

func TestWhatAServerWouldRefuseIsRefused(t *testing.T) {
	many := make([]string, 65)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	for field, policy := range map[string]Policy{
		"issuers[0]":     {Issuers: []string{""}},
		"audiences":      {Audiences: many},
		"audiences[1]":   {Audiences: []string{"a", strings.Repeat("ü", 256)}},
		"scopes[0]":      {Scopes: []string{"a b"}},
		"acr_values[0]":  {ACRValues: []string{`"`}},
		"permissions[0]": {Permissions: []string{"a\x00"}},
		"claims[\"\"]":   {Claims: map[string][]string{"": {"a"}}},
		"claims[\"a\"]":  {Claims: map[string][]string{"a": nil}},
		"max_auth_age":   {MaxAuthAge: -1},
	} {
		var invalid *InvalidArgument
		if _, err := Compile(policy); !errors.As(err, &invalid) || invalid.Field != field {
			t.Errorf("%s: found %v", field, err)
		}
	}
	if _, err := Compile(Policy{Scopes: append(many[:64:64], many[:10]...)}); err != nil {
		t.Errorf("64 scopes, of which some come twice: %v", err)
	}
	if _, err := Compile(Policy{Audiences: []string{strings.Repeat("ü", 255)}}); err != nil {
		t.Errorf("255 characters: %v", err)
	}
}

func TestAMistakeInTheProgramPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Fatal("it does not")
		}
	}()
	Require(Policy{Scopes: []string{""}})
}

func TestACopyThatWasChangedIsCompiledAnew(t *testing.T) {
	lax := Require(Policy{Scopes: []string{"a"}})
	strict := *lax
	strict.Scopes = append(strict.Scopes, "b")
	compiled, err := strict.compile()
	if err != nil || compiled.number == lax.compiled.number || len(compiled.message.GetScopes()) != 2 {
		t.Fatalf("the copy requires %v (%v)", compiled.message, err)
	}
}

func TestAPolicyKeepsNothingOfWhatItWasMadeFrom(t *testing.T) {
	scopes := []string{"a"}
	policy := Require(Policy{Scopes: scopes})
	scopes[0] = "b"
	if found := policy.compiled.message.GetScopes()[0]; found != "a" {
		t.Fatalf("it requires %s", found)
	}
}

func TestNoPolicyRequiresNothing(t *testing.T) {
	compiled, err := (*Policy)(nil).compile()
	if err != nil || compiled.message != nil || compiled.number != Require(Policy{}).compiled.number {
		t.Fatalf("it requires %v (%v)", compiled.message, err)
	}
}
