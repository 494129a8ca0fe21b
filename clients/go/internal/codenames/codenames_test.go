package codenames_test

import (
	"fmt"
	"math"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/sessiond/sessiond/clients/go/internal/codenames"
)

func TestEachCodeHasTheNameThatGRPCReads(t *testing.T) {
	for code := codes.OK; code <= codes.Unauthenticated; code++ {
		var read codes.Code
		name := codenames.Of(code)
		if err := read.UnmarshalJSON(fmt.Appendf(nil, "%q", name)); err != nil || read != code {
			t.Errorf("%v: found %s, which is %v (%v)", code, name, read, err)
		}
	}
}

func TestACodeOfNoMeaningIsUnknown(t *testing.T) {
	for _, code := range []codes.Code{17, math.MaxUint32} {
		if name := codenames.Of(code); name != "UNKNOWN" {
			t.Errorf("%d: found %s", uint32(code), name)
		}
	}
}
