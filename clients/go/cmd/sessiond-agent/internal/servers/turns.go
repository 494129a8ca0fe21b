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
	hasOther bool // whether there was a further server to try at the last one
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
		p.ready = append(p.ready, one)
	}
	return p
}

// picker has the servers that can be reached.
type picker struct {
	ready []balancer.SubConn
	next  atomic.Uint32
}

func (p *picker) Pick(info balancer.PickInfo) (balancer.PickResult, error) {
	first := int(p.next.Add(1) % uint32(len(p.ready)))
	found := p.ready[first]
	if own, ok := info.Ctx.Value(triesKey{}).(*tries); ok {
		found = own.pick(p.ready, first)
	}
	return balancer.PickResult{SubConn: found}, nil
}

func (t *tries) pick(ready []balancer.SubConn, first int) balancer.SubConn {
	var others []balancer.SubConn
	for i := range ready {
		if one := ready[(first+i)%len(ready)]; !slices.Contains(t.at, one) {
			others = append(others, one)
		}
	}
	if t.hasOther = len(others) > 1; len(others) == 0 {
		return ready[first]
	}
	t.at = append(t.at, others[0])
	return others[0]
}
