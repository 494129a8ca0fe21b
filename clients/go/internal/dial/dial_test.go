package dial_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/sessiond/sessiond/clients/go/internal/dial"
)

func TestOnlyTargetsOnThisMachineAreLocal(t *testing.T) {
	for target, wanted := range map[string]bool{
		"unix:/run/s.sock": true, "unix-abstract:s": true, "unix:///run/s.sock": true,
		"127.0.0.1:1": true, "127.8.8.8:1": true, "localhost:1": true, "[::1]:1": true,
		"[::ffff:127.0.0.1]:1": true,
		"dns:///127.0.0.1:1":   true, "dns:localhost:1": true, "passthrough:///127.0.0.1:1": true,
		"sessiond.example:1": false, "192.0.2.1:1": false, "[2001:db8::1]:1": false, "localhost.example:1": false,
		"127.0.0.1.example:1": false, "dns://192.0.2.1/localhost:1": false, "xds:///localhost:1": false,
		"127.0.0.1:1,192.0.2.1:1": false, "": false, "::1": false,
	} {
		if dial.IsLocal(target) != wanted {
			t.Errorf("%q: it is not %v", target, wanted)
		}
	}
}

func TestNothingGoesInClearBeyondThisMachineUnlessOneSaysSo(t *testing.T) {
	if _, err := dial.Connect("192.0.2.1:1", dial.Security{}); !errors.Is(err, dial.ErrInClear) {
		t.Fatalf("found %v", err)
	}
	for _, security := range []dial.Security{{Insecure: true}, {Files: &dial.Files{}}} {
		connection, err := dial.Connect("192.0.2.1:1", security)
		if err != nil {
			t.Fatal(err)
		}
		_ = connection.Close()
	}
}

func TestFilesThatCannotBeReadAreRefusedAtOnce(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, files := range []dial.Files{
		{Authorities: "/nowhere"}, {Authorities: empty},
		{Certificate: empty, PrivateKey: empty}, {Certificate: empty},
	} {
		if _, err := dial.Connect("127.0.0.1:1", dial.Security{Files: &files}); err == nil {
			t.Errorf("%+v is taken", files)
		}
	}
}
