// Package sessiond asks a sessiond whether access tokens are good, and opens, refreshes and ends sessions.
//
//	client, err := sessiond.New("unix:/run/sessiond/sessiond.sock")
//	orders := sessiond.Require(sessiond.Policy{Scopes: []string{"orders:read"}})
//	session, err := client.Validate(ctx, token, orders)
//
// Where there is no error there is a session: a token that is not accepted is a [*Rejected], a call that
// decided nothing is an [*Unavailable], and so on for each meaning.
//
// A client keeps acceptances, follows the revocations of its server from the first validation on, and repeats
// what it keeps only as long as no revocation can have been missed: a token is refused everywhere within the
// server's max_staleness, one second unless configured, of the answer to its revocation.
package sessiond
