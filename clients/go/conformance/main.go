// Conformance carries out the commands of the suite that every client must pass; tests/conformance/README.md
// has its protocol.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/sessiond/sessiond/clients/go/internal/clock"
	"github.com/sessiond/sessiond/clients/go/sessiond"
)

// object is a line of the protocol.
type object = map[string]any

var (
	groups = []string{
		"verdicts", "errors", "deadlines", "retries", "batches", "connection", "live", "cache", "watch", "flights",
		"http", "grpc", "browser",
	}
	features = []string{"cancel", "clock", "key_file", "mtls", "ready", "repeated_metadata", "tls_reload"}
)

// longestLine is that of a thousand tokens.
const longestLine = 16 << 20

// testee has the clients by name, what ends the backends of each, and what ends each command that is under
// way.
type testee struct {
	mu       sync.Mutex
	clients  map[string]*sessiond.Client
	backends map[string][]context.CancelFunc
	cancels  map[int]context.CancelFunc
	out      *json.Encoder
}

func main() {
	t := &testee{
		clients:  map[string]*sessiond.Client{},
		backends: map[string][]context.CancelFunc{},
		cancels:  map[int]context.CancelFunc{},
		out:      json.NewEncoder(os.Stdout),
	}
	t.say(object{"testee": "go " + runtime.Version(), "groups": groups, "features": features})
	if err := t.run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run carries out what comes on standard input until it ends: each command is begun when it comes.
func (t *testee) run() error {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, longestLine)
	for lines.Scan() {
		var c command
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			return err
		}
		switch c.Do {
		case "new", "cancel", "advance", "serve_http", "serve_grpc":
			t.answer(c, t.atOnce(c))
		default:
			ctx, cancel := context.WithCancel(context.Background())
			t.mu.Lock()
			t.cancels[c.ID] = cancel
			client := t.clients[c.Client]
			if c.Do == "close" {
				t.endBackends(c.Client)
			}
			t.mu.Unlock()
			go func() {
				result := carryOut(ctx, client, &c)
				t.mu.Lock()
				delete(t.cancels, c.ID)
				t.mu.Unlock()
				cancel()
				t.answer(c, result)
			}()
		}
	}
	for name, client := range t.clients {
		t.endBackends(name)
		_ = client.Close()
	}
	return lines.Err()
}

func (t *testee) endBackends(client string) {
	for _, end := range t.backends[client] {
		end()
	}
	delete(t.backends, client)
}

// atOnce is for what others rely on that come later.
func (t *testee) atOnce(c command) object {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch c.Do {
	case "cancel":
		if cancel := t.cancels[c.Of]; cancel != nil {
			cancel()
		}
	case "advance":
		span := seconds(c.Seconds)
		switch c.Clock {
		case "steady":
			clock.System.Move(span, 0)
		case "wall":
			clock.System.Move(0, span)
		default:
			clock.System.Move(span, span)
		}
	case "new":
		var target string
		read(c.Target, &target)
		client, err := sessiond.New(target, c.options()...)
		if err != nil {
			return failure(err, true)
		}
		t.clients[c.Client] = client
	case "serve_http", "serve_grpc":
		ctx, end := context.WithCancel(context.Background())
		t.backends[c.Client] = append(t.backends[c.Client], end)
		if c.Do == "serve_http" {
			return serveHTTP(ctx, t.clients[c.Client], &c)
		}
		return serveGRPC(ctx, t.clients[c.Client], &c)
	}
	return object{"done": true}
}

func (t *testee) answer(c command, result object) {
	result["id"] = c.ID
	t.say(result)
}

func (t *testee) say(result object) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.out.Encode(result); err != nil {
		panic(err)
	}
}

func seconds(span float64) time.Duration { return time.Duration(span * float64(time.Second)) }
