// Validate asks a sessiond about the access token in the environment variable ACCESS_TOKEN.
//
//	ACCESS_TOKEN=eyJ... go run ./examples/validate -addr 127.0.0.1:50051
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/sessiond/sessiond/clients/go/sessiond"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:50051", "where sessiond listens: host:port or unix:PATH")
	flag.Parse()

	client, err := sessiond.New(*addr, sessiond.WithTimeout(5*time.Second))
	if err != nil {
		log.Fatal(err)
	}
	session, err := client.Validate(context.Background(), os.Getenv("ACCESS_TOKEN"), nil)
	var rejected *sessiond.Rejected
	if errors.As(err, &rejected) {
		fmt.Println("rejected:", rejected.Reason)
		os.Exit(1)
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("accepted:", session.Subject)
}
