package servers

import (
	"context"
	"slices"
	"sync/atomic"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/base"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// inTurn is how calls are spread over servers: each gets one in turn, and who asks again gets another one.
const inTurn = "sessiond_in_turn"

const configInTurn = `{"loadBalancingConfig": [{"` + inTurn + `": {}}]}`

func init() {
	balancer.Register(base.NewBalancerBuilder(inTurn, builder{}, base.Config{}))
}

var errNoOther = status.Error(codes.Unavailable, "there is no other server")

// tries are those of one question.
type tries struct {
	at   []balancer.SubConn
	last *server
	// Once a server has said that it is about to stop only another one is asked. Whether there is one is seen when
	// it is asked: it may have come while the first one was.
	onlyOthers, hasNoOther bool
}

type triesKey struct{}

// Elsewhere is a context in which each call goes to another server than those before, as long as there is one.
func Elsewhere(ctx context.Context) context.Context {
	ctx, _ = withTries(ctx)
	return ctx
}

func withTries(ctx context.Context) (context.Context, *tries) {
	own := &tries{}
	return context.WithValue(ctx, triesKey{}, own), own
}

type builder struct{}

func (builder) Build(info base.PickerBuildInfo) balancer.Picker {
	if len(info.ReadySCs) == 0 {
		return base.NewErrPicker(balancer.ErrNoSubConnAvailable)
	}
	p := &picker{}
	for one := range info.ReadySCs {
		p.ready = append(p.ready, reached{serverOf(one), one})
	}
	return p
}

// reached is a server that can be reached, and over which connection.
type reached struct {
	*server
	connection balancer.SubConn
}

// picker has the servers that can be reached; there is another one as soon as that changes.
type picker struct {
	ready []reached
	next  atomic.Uint32
}

func (p *picker) Pick(info balancer.PickInfo) (balancer.PickResult, error) {
	own, _ := info.Ctx.Value(triesKey{}).(*tries)
	first := int(p.next.Add(1) % uint32(len(p.ready)))
	found := p.ready[first]
	if own != nil || !found.isFit() {
		var isOther bool
		found, isOther = p.pick(own, first)
		if own != nil && own.note(found, isOther) {
			return balancer.PickResult{}, errNoOther
		}
	}
	return balancer.PickResult{SubConn: found.connection}, nil
}

// pick is the next one that serves, stays and has not been tried; where there is none, one that stays and has not been
// tried; and where there is none of these either the next one, which is no other one.
func (p *picker) pick(own *tries, first int) (found reached, isOther bool) {
	found = p.ready[first]
	for i := range p.ready {
		one := p.ready[(first+i)%len(p.ready)]
		if one.isLeaving.Load() || own.has(one) {
			continue
		}
		if one.isFit() {
			return one, true
		}
		if !isOther {
			found, isOther = one, true
		}
	}
	return found, isOther
}

func (t *tries) has(one reached) bool { return t != nil && slices.Contains(t.at, one.connection) }

// note takes note of which one is tried, unless it may not be: only others are, and it is none.
func (t *tries) note(one reached, isOther bool) (isRefused bool) {
	if t.onlyOthers && !isOther {
		t.hasNoOther = true
		return true
	}
	t.at, t.last = append(t.at, one.connection), one.server
	return false
}

// leave takes note that the last one is about to stop.
func (t *tries) leave() {
	t.onlyOthers = true
	if t.last != nil {
		t.last.isLeaving.Store(true)
	}
}
