package sessiondhttp

import (
	"testing"

	"github.com/sessiond/sessiond/clients/go/internal/denial"
)

func TestEachKindOfDenialIsAFailure(t *testing.T) {
	for kind := denial.NoCredentials; kind <= denial.Misconfigured; kind++ {
		if status := statuses[kind]; status < 400 {
			t.Errorf("kind %d has no row", kind)
		}
	}
}
