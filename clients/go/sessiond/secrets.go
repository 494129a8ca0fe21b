package sessiond

import (
	"fmt"
	"io"
	"log/slog"
)

// What has secrets shows none of them, whatever the verb, and in no structured log. It can still be encoded.

// Format hides the tokens.
func (t Tokens) Format(state fmt.State, _ rune) {
	hide(state, fmt.Sprintf("Tokens{of %q}", t.Session.Principal))
}

// LogValue hides the tokens.
func (t Tokens) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(t)) }

// Format hides the tokens.
func (ProviderTokens) Format(state fmt.State, _ rune) { hide(state, "ProviderTokens{hidden}") }

// LogValue hides the tokens.
func (t ProviderTokens) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(t)) }

// Format hides the code and its verifier.
func (AuthorizationCode) Format(state fmt.State, _ rune) { hide(state, "AuthorizationCode{hidden}") }

// LogValue hides the code and its verifier.
func (c AuthorizationCode) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(c)) }

// Format hides the proof.
func (DPoP) Format(state fmt.State, _ rune) { hide(state, "DPoP{hidden}") }

// LogValue hides the proof.
func (d DPoP) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(d)) }

func hide(state fmt.State, instead string) { _, _ = io.WriteString(state, instead) }
