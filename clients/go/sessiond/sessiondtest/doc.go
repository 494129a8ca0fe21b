// Package sessiondtest has a sessiond for tests. It speaks the real protocol within the process, so that
// clients, what they keep, and middleware run as in production.
//
//	fake := sessiondtest.New(t)
//	protect := sessiondhttp.New(fake.Client())
//	tokens := fake.Login("alice", "orders:read")
//
// When a function of a [Fake] returns that changes what tokens are worth, every client of [Fake.Client] knows
// it: a test need not wait. Tokens are judged in the server's order, with its reasons, words and challenges.
// They are JWTs, signed by a key that nobody has but the fake.
//
// What it does not carry out is UNIMPLEMENTED, as at a server: logins at a provider, and refresh tokens of
// one. A token that is bound by DPoP is BINDING_MISMATCH, whatever proof there is.
package sessiondtest
