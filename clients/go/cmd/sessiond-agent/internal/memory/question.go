package memory

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/sessiond/sessiond/clients/go/internal/verdicts"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

// Fields of the requests for verdicts.
const (
	tokenField               = 1
	tokensField              = 1
	requirementsField        = 2
	consistencyOfTokensField = 3
)

const (
	// minimizeLatency is a consistency that asks for what is known.
	minimizeLatency = "\x0a\x00"
	// mostScratch is the most memory that is kept for the next question.
	mostScratch = 64 << 10
)

// Question is one request for a verdict, of one caller, under whose key its answer may be kept.
type Question struct{ key verdicts.Key }

var scratches = sync.Pool{New: func() any { return new([]byte) }}

// Ask is the question of a request as it is on the wire, with the authorization as it goes on: whether it may be
// answered from memory shows when it is answered for the first time, as another spelling of it is another key.
func Ask(authorization []string, request []byte) Question {
	scratch := scratches.Get().(*[]byte)
	framed := append((*scratch)[:0], byte(len(authorization)))
	for _, one := range authorization {
		framed = binary.BigEndian.AppendUint32(framed, uint32(len(one)))
		framed = append(framed, one...)
	}
	framed = binary.BigEndian.AppendUint32(framed, uint32(len(request)))
	framed = append(framed, request...)
	question := Question{verdicts.Key{Digest: sha256.Sum256(framed)}}
	clear(framed) // a token stays in memory no longer than it has to
	if cap(framed) <= mostScratch {
		*scratch = framed
		scratches.Put(scratch)
	}
	return question
}

// TokenOf is the token of a request whose answer may be kept: one that asks at minimum latency, without a proof,
// and for nothing that is not known here.
func TokenOf(request []byte) (token string, mayBeKept bool) {
	var asked sessiondv1.ValidateTokenRequest
	if proto.Unmarshal(request, &asked) != nil || asked.GetProof() != nil {
		return "", false
	}
	consistency := asked.GetConsistency()
	isQuick := consistency == nil || consistency.GetRequirement() == nil || consistency.GetMinimizeLatency() != nil
	known := len(asked.ProtoReflect().GetUnknown())+
		len(consistency.ProtoReflect().GetUnknown())+
		len(consistency.GetMinimizeLatency().ProtoReflect().GetUnknown())+
		len(asked.GetRequirements().ProtoReflect().GetUnknown()) == 0
	return asked.GetToken(), isQuick && known
}

// Tokens are the requests that a request for many verdicts is made of, one for each token, as a client would send
// them. There are none where its answers may not be kept.
func Tokens(request []byte) (each [][]byte, mayBeKept bool) {
	var tokens [][]byte
	var requirements []byte
	has := map[protowire.Number]bool{}
	for rest := request; len(rest) > 0; {
		number, kind, n := protowire.ConsumeTag(rest)
		if n < 0 || kind != protowire.BytesType {
			return nil, false
		}
		rest = rest[n:]
		value, n := protowire.ConsumeBytes(rest)
		if n < 0 || number != tokensField && has[number] {
			return nil, false // what is there twice is merged
		}
		rest, has[number] = rest[n:], true
		switch {
		case number == tokensField:
			tokens = append(tokens, value)
		case number == requirementsField:
			requirements = value
		case number == consistencyOfTokensField && (len(value) == 0 || string(value) == minimizeLatency):
		default:
			return nil, false
		}
	}
	for _, token := range tokens {
		each = append(each, alone(token, requirements, has[requirementsField]))
	}
	return each, true
}

func alone(token, requirements []byte, hasRequirements bool) []byte {
	request := make([]byte, 0, len(token)+len(requirements)+12)
	if len(token) > 0 {
		request = protowire.AppendTag(request, tokenField, protowire.BytesType)
		request = protowire.AppendBytes(request, token)
	}
	if hasRequirements {
		request = protowire.AppendTag(request, requirementsField, protowire.BytesType)
		request = protowire.AppendBytes(request, requirements)
	}
	return request
}
