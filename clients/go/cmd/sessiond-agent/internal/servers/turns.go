package servers

import (
	"context"
	"slices"
	"sync/atomic"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/base"
)

// inTurn is how calls are spread over servers: each gets one in turn, and who asks again gets another one.
const inTurn = "sessiond_in_turn"

const configInTurn = `{"loadBalancingConfig": [{"` + inTurn + `": {}}]}`

func init() {
	balancer.Register(base.NewBalancerBuilder(inTurn, builder{}, base.Config{}))
}

// tries are those of one question.
type tries struct {
	at       []balancer.SubConn
	last     *server
	hasOther bool // whether there was a further server to try at the last one
}

// server is one that can be reached. It is not asked once it has said that it is about to stop, as long as there are
// others: it stops when calls have ceased to come.
type server struct {
	connection balancer.SubConn
	isLeaving  atomic.Bool
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
		p.ready = append(p.ready, &server{connection: one})
	}
	return p
}

// picker has the servers that can be reached; there is another one as soon as that changes.
type picker struct {
	ready []*server
	next  atomic.Uint32
}

func (p *picker) Pick(info balancer.PickInfo) (balancer.PickResult, error) {
	own, _ := info.Ctx.Value(triesKey{}).(*tries)
	first := int(p.next.Add(1) % uint32(len(p.ready)))
	found := p.ready[first]
	if own != nil || found.isLeaving.Load() {
		found = p.pick(own, first)
	}
	return balancer.PickResult{SubConn: found.connection}, nil
}

// pick is the next one that stays and has not been tried, or the next one.
func (p *picker) pick(own *tries, first int) *server {
	var fit []*server
	for i := range p.ready {
		one := p.ready[(first+i)%len(p.ready)]
		if !one.isLeaving.Load() && !own.has(one) {
			fit = append(fit, one)
		}
	}
	found := p.ready[first]
	if len(fit) > 0 {
		found = fit[0]
	}
	if own != nil {
		own.at, own.last, own.hasOther = append(own.at, found.connection), found, len(fit) > 1
	}
	return found
}

func (t *tries) has(one *server) bool { return t != nil && slices.Contains(t.at, one.connection) }

// leave takes note that the last one is about to stop, and says whether there is another one.
func (t *tries) leave() bool {
	if t.last != nil {
		t.last.isLeaving.Store(true)
	}
	return t.hasOther
}
