package dial_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"google.golang.org/grpc/connectivity"

	"github.com/sessiond/sessiond/clients/go/internal/dial"
)

const inChild = "DIAL_IN_CHILD"

// The environment of a process is read once, and so another process has the proxy in it.
func TestAProxyOfTheEnvironmentGetsNoConnection(t *testing.T) {
	if os.Getenv(inChild) != "" {
		dialWhatIsNotThere(t)
		return
	}
	proxy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = proxy.Close() }()
	used := make(chan struct{}, 100)
	go func() {
		for connection, err := proxy.Accept(); err == nil; connection, err = proxy.Accept() {
			used <- struct{}{}
			_ = connection.Close()
		}
	}()
	child := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	child.Env = append(os.Environ(), inChild+"=1", "HTTPS_PROXY=http://"+proxy.Addr().String(), "NO_PROXY=")
	if said, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	if len(used) > 0 {
		t.Fatal("it got one")
	}
}

// dialWhatIsNotThere fails at once by name, or at the proxy, which would have to know the name.
func dialWhatIsNotThere(t *testing.T) {
	connection, err := dial.Connect("sessiond.invalid:1", dial.Security{Insecure: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for state := connection.GetState(); state != connectivity.TransientFailure; state = connection.GetState() {
		if !connection.WaitForStateChange(ctx, state) {
			t.Fatalf("it is still %v", state)
		}
	}
}
