package sessiondgrpc

import (
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/sessiond/sessiond/clients/go/internal/denial"
)

// A kind without a row would be OK.
func TestEachKindOfDenialIsAFailure(t *testing.T) {
	for kind := denial.NoCredentials; kind <= denial.Misconfigured; kind++ {
		if row := statuses[kind]; row.code == codes.OK || row.text == "" {
			t.Errorf("kind %d has no row", kind)
		}
	}
}
