// Command client measures the Go client; bench/clients/programs.py says what it is asked, and what it answers.
package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log"
	"math/big"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/sessiond/sessiond/clients/go/sessiond"
)

const timeout = 10 * time.Second

// bench is a client, and the tokens that it is asked about.
type bench struct {
	address string
	client  *sessiond.Client
	tokens  []string
	issuer  string
	key     *ecdsa.PublicKey
}

func main() {
	address, file := os.Args[1], os.Args[2]
	b, err := newBench(address, file)
	if err != nil {
		log.Fatal(err)
	}
	answers, commands := json.NewEncoder(os.Stdout), bufio.NewScanner(os.Stdin)
	for commands.Scan() {
		answer, err := b.answer(strings.Fields(commands.Text()))
		if err != nil {
			log.Fatal(err)
		}
		if err := answers.Encode(answer); err != nil {
			log.Fatal(err)
		}
	}
}

func newBench(address, file string) (*bench, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var given struct {
		Issuer string
		JWK    struct{ X, Y string }
		Tokens []string
	}
	if err := json.Unmarshal(raw, &given); err != nil {
		return nil, err
	}
	x, errX := base64.RawURLEncoding.DecodeString(given.JWK.X)
	y, errY := base64.RawURLEncoding.DecodeString(given.JWK.Y)
	if errX != nil || errY != nil {
		return nil, fmt.Errorf("the key cannot be read")
	}
	client, err := sessiond.New(address, sessiond.WithTimeout(timeout))
	if err != nil {
		return nil, err
	}
	key := &ecdsa.PublicKey{
		Curve: elliptic.P256(), X: new(big.Int).SetBytes(x), Y: new(big.Int).SetBytes(y),
	}
	return &bench{address, client, given.Tokens, given.Issuer, key}, nil
}

func (b *bench) answer(command []string) (any, error) {
	ctx := context.Background()
	switch command[0] {
	case "fill":
		return b.fill(ctx)
	case "hits":
		return b.hits(ctx)
	default:
		callers, err := strconv.Atoi(command[2])
		if err != nil {
			return nil, err
		}
		return b.together(ctx, callers, command[3] == "on")
	}
}
