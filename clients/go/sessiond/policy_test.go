package sessiond

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

func TestNeitherOrderNorRepetitionMakesAnotherPolicy(t *testing.T) {
	claims, reversed := map[string][]string{}, map[string][]string{}
	for i := range 20 { // so many that no map has them in this order by chance
		claims[fmt.Sprint(i)], reversed[fmt.Sprint(i)] = []string{"1", "2"}, []string{"2", "1"}
	}
	one := Require(Policy{Scopes: []string{"a", "b"}, Claims: claims})
	same := Require(Policy{Scopes: []string{"b", "a", "b"}, Claims: reversed})
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
		compiled := Require(policy).compiled
		if before, ok := seen[compiled.number]; ok {
			t.Errorf("policies %d and %d share what is kept", before, i)
		}
		if (compiled.message == nil) != (i == 0) {
			t.Errorf("policy %d requires %v", i, compiled.message)
		}
		seen[compiled.number] = i
	}
}

func TestAllThatIsRequiredIsSent(t *testing.T) {
	sent := Require(Policy{
		Issuers: []string{"i"}, Audiences: []string{"a"}, Scopes: []string{"s"}, Permissions: []string{"p"},
		Claims: map[string][]string{"c": {"v", "w"}}, MaxAuthAge: time.Hour, ACRValues: []string{"r"},
	}).compiled.message
	if wanted := (&sessiondv1.Requirements{
		Issuers: []string{"i"}, Audiences: []string{"a"}, Scopes: []string{"s"}, Permissions: []string{"p"},
		Claims:     map[string]*sessiondv1.ClaimValues{"c": {Values: []string{"v", "w"}}},
		MaxAuthAge: durationpb.New(time.Hour), AcrValues: []string{"r"},
	}); !proto.Equal(sent, wanted) {
		t.Fatalf("it is %v", sent)
	}
}

func TestWhatAServerWouldRefuseIsRefused(t *testing.T) {
	many := make([]string, 65)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	claims := map[string][]string{}
	for _, name := range many {
		claims[name] = []string{"a"}
	}
	for _, refused := range []struct {
		field  string
		policy Policy
	}{
		{"issuers[0]", Policy{Issuers: []string{""}}},
		{"audiences", Policy{Audiences: many}},
		{"audiences[1]", Policy{Audiences: []string{"a", strings.Repeat("ü", 256)}}},
		{"scopes[0]", Policy{Scopes: []string{"a b"}}},
		{"scopes[0]", Policy{Scopes: []string{"ü"}}},
		{"scopes[0]", Policy{Scopes: []string{`\`}}},
		{"scopes[0]", Policy{Scopes: []string{strings.Repeat("a", 257)}}},
		{"acr_values[0]", Policy{ACRValues: []string{`"`}}},
		{"permissions[0]", Policy{Permissions: []string{"a\x00"}}},
		{"permissions[0]", Policy{Permissions: []string{"a\u0085"}}},
		{"permissions[0]", Policy{Permissions: []string{"a\xff"}}},
		{"claims", Policy{Claims: claims}},
		{`claims[""]`, Policy{Claims: map[string][]string{"": {"a"}}}},
		{`claims["a"]`, Policy{Claims: map[string][]string{"a": nil}}},
		{`claims["a"][0]`, Policy{Claims: map[string][]string{"a": {""}}}},
		{"max_auth_age", Policy{MaxAuthAge: -1}},
	} {
		var invalid *InvalidArgument
		if _, err := Compile(refused.policy); !errors.As(err, &invalid) || invalid.Field != refused.field {
			t.Errorf("%s: found %v", refused.field, err)
		}
	}
	if _, err := Compile(Policy{Scopes: append(many[:64:64], many[:10]...)}); err != nil {
		t.Errorf("64 scopes, of which some come twice: %v", err)
	}
	longest := Policy{Audiences: []string{strings.Repeat("ü", 255)}, Scopes: []string{strings.Repeat("a", 256)}}
	if _, err := Compile(longest); err != nil {
		t.Errorf("255 characters, and a scope of 256: %v", err)
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
