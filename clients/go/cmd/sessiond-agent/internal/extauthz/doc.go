// Package extauthz answers Envoy's envoy.service.auth.v3.Authorization/Check by verdicts of sessiond.
//
// A filter's route says by its context extensions what it requires. What a request carries is found, judged, and
// either goes on with headers that tell who its session is, or is denied with a status, a challenge and a body.
// Every answer is explicit: one of zero bytes, or one that denies with the status 0, would let a request pass.
package extauthz
