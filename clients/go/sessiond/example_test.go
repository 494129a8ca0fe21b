package sessiond_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/sessiond/sessiond/clients/go/sessiond"
)

// orders is what a route requires: compiled once, when the program starts.
var orders = sessiond.Require(sessiond.Policy{Scopes: []string{"orders:read"}})

func Example() {
	client, err := sessiond.New("unix:/run/sessiond/sessiond.sock")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = client.Close() }()

	session, err := client.Validate(context.Background(), "eyJ...", orders)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("orders of", session.Principal)
}

// An error says by its type what it means, and to whom.
func ExampleClient_Validate() {
	var client *sessiond.Client
	session, err := client.Validate(context.Background(), "eyJ...", orders)
	var rejected *sessiond.Rejected
	var unavailable *sessiond.Unavailable
	switch {
	case errors.As(err, &rejected):
		fmt.Println("401 or 403, with", rejected.WWWAuthenticate)
	case errors.As(err, &unavailable):
		fmt.Println("503, again in", unavailable.RetryAfter)
	case err != nil:
		fmt.Println("500: this program or its rights are at fault:", err)
	default:
		fmt.Println("hello", session.Subject)
	}
}

// Money is moved only by who has logged in within the hour, and by what is known of revocations everywhere.
func ExampleStrict() {
	var client *sessiond.Client
	transfers := sessiond.Require(sessiond.Policy{Scopes: []string{"transfers"}, MaxAuthAge: time.Hour})
	_, _ = client.Validate(context.Background(), "eyJ...", transfers, sessiond.Strict)
}

func ExampleClient_Refresh() {
	var client *sessiond.Client
	tokens, err := client.Refresh(context.Background(), "sdr1_...", sessiond.Bearer{
		Device: sessiond.Device{UserAgent: "Mozilla/5.0 ..."},
	})
	var refused *sessiond.RefreshRefused
	if errors.As(err, &refused) && !refused.SessionLives() {
		fmt.Println("log in again")
		return
	}
	if err == nil {
		fmt.Println("the next token is good until", tokens.AccessExpireTime)
	}
}

func ExampleClient_RevokeSubject() {
	var client *sessiond.Client
	_, _ = client.RevokeSubject(context.Background(), "https://id.example", "alice",
		sessiond.CauseCompromise, sessiond.Note("phone lost"), sessiond.Except("sds_AAECAwQFBgcICQoLDA0ODw"))
}

func ExampleClient_ListSessions() {
	var client *sessiond.Client
	for record, err := range client.ListSessions(context.Background(), "https://id.example", "alice") {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(record.Session.SessionID, record.Device.Label)
	}
}
