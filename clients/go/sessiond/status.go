package sessiond

import (
	"context"
	"strings"
	"time"

	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

// RevocationStatus is what one server knows of revocations, and how it follows them.
type RevocationStatus struct {
	Server       string // which one it is, for logs
	Revision     string
	Revocations  int64
	Watchers     int
	MaxStaleness time.Duration
	Partitions   []PartitionStatus
}

// PartitionStatus is how a server follows the log of one partition of the store.
type PartitionStatus struct {
	Partition    int
	Incarnation  string // which log it is: bytes that change when the store was emptied
	Read, Behind int64
	Age          time.Duration // -1 before the log was read to its end once
	Restoring    bool
	ResyncTime   time.Time // zero where the log always went on
	ResyncReason string    // a name of ResyncReason without its prefix; empty likewise
}

// RevocationStatus is how far the server that answers has read the revocations.
func (c *Client) RevocationStatus(ctx context.Context, options ...CallOption) (*RevocationStatus, error) {
	p, err := c.plan("GetRevocationStatus", c.settings.timeout, options)
	if err != nil {
		return nil, err
	}
	request := &sessiondv1.GetRevocationStatusRequest{}
	response, err := call(ctx, c.caller, p, c.caller.stub.GetRevocationStatus, request)
	if err != nil {
		return nil, err
	}
	status := &RevocationStatus{
		Server:       response.GetServer(),
		Revision:     response.GetRevision(),
		Revocations:  response.GetRevocations(),
		Watchers:     int(response.GetWatchers()),
		MaxStaleness: toSpan(response.GetMaxStaleness()),
	}
	for _, partition := range response.GetPartitions() {
		status.Partitions = append(status.Partitions, toPartition(partition))
	}
	return status, nil
}

func toPartition(message *sessiondv1.PartitionStatus) PartitionStatus {
	status := PartitionStatus{
		Partition:   int(message.GetPartition()),
		Incarnation: string(message.GetIncarnation()),
		Read:        message.GetRead(),
		Behind:      message.GetBehind(),
		Age:         -1,
		Restoring:   message.GetRestoring(),
		ResyncTime:  toTime(message.GetResyncTime()),
	}
	if message.Age != nil {
		status.Age = toSpan(message.GetAge())
	}
	if reason := message.GetResyncReason(); reason != sessiondv1.ResyncReason_RESYNC_REASON_UNSPECIFIED {
		status.ResyncReason = strings.TrimPrefix(reason.String(), "RESYNC_REASON_")
	}
	return status
}
