// Validate asks a sessiond about the access token in the environment variable ACCESS_TOKEN.
//
//	ACCESS_TOKEN=eyJ... go run ./examples/validate -addr 127.0.0.1:50051
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	sessiondv1 "github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:50051", "where sessiond listens: host:port or unix:PATH")
	flag.Parse()

	conn, err := grpc.NewClient(*addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	answer, err := sessiondv1.NewSessionServiceClient(conn).ValidateToken(ctx, &sessiondv1.ValidateTokenRequest{
		Token: os.Getenv("ACCESS_TOKEN"),
	})
	if err != nil {
		log.Fatal(err)
	}

	// Anything but a session, an unset verdict included, means that the token is not accepted.
	session := answer.GetSession()
	if session == nil {
		fmt.Println("rejected:", answer.GetRejection().GetReason())
		os.Exit(1)
	}
	fmt.Println("accepted:", session.GetSubject())
}
