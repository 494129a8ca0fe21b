package sessiond

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestAKeyFileIsReadAnewWhenItChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	write := func(key string) {
		if err := os.WriteFile(path, []byte(key+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	source := &keyFile{path: path}
	shows := func(wanted string) {
		t.Helper()
		source.looked = time.Time{} // as if some time had passed
		who, err := source.identity()
		if err != nil || who.authorization != "Bearer "+wanted {
			t.Fatalf("found %q, %v", who.authorization, err)
		}
	}
	write("key-1")
	shows("key-1")
	write("key-2") // of the same size, and within the same tick of the file system's clock
	shows("key-2")
	long := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, long, long); err != nil {
		t.Fatal(err)
	}
	shows("key-2")
	write("key-3")
	shows("key-3")
}

func TestAKeyFileThatIsMissingIsAnError(t *testing.T) {
	if _, err := New("127.0.0.1:1", WithKeyFile("/nowhere")); err == nil {
		t.Fatal("the client would call without a key")
	}
}

func TestTwoKeysAreTwoCallers(t *testing.T) {
	if identify("a") == identify("b") || identify("a") != identify(" a\n") || identify("").authorization != "" {
		t.Fatal("they are not told apart as they should")
	}
}
