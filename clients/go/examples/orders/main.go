// Orders is a backend of one route, which needs a token that may read orders.
//
//	go run ./examples/orders 127.0.0.1:50051 127.0.0.1:8000
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/sessiond/sessiond/clients/go/sessiond"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondhttp"
)

func main() {
	client, err := sessiond.New(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	orders := sessiond.Require(sessiond.Policy{Scopes: []string{"orders:read"}})
	http.Handle("GET /orders", sessiondhttp.New(client).Require(orders)(http.HandlerFunc(listOrders)))
	log.Fatal(http.ListenAndServe(os.Args[2], nil))
}

func listOrders(w http.ResponseWriter, r *http.Request) {
	session, _ := sessiond.FromContext(r.Context())
	fmt.Fprintln(w, "orders of", session.Subject)
}
