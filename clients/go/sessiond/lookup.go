package sessiond

import (
	"context"
	"iter"

	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

// ListOption is how sessions are to be listed: a [PageSize], or a [Timeout], which is that of each page.
type ListOption interface{ applyToList(*listing) }

// PageSize is how many sessions come with one call; 100 is the default, and the most.
type PageSize int32

type listing struct {
	callOptions
	pageSize int32
}

func (p PageSize) applyToList(l *listing) { l.pageSize = int32(p) }

// GetSession is what is known of a live session; one that is unknown or has ended is [*NotFound].
func (c *Client) GetSession(
	ctx context.Context, sessionID string, options ...CallOption,
) (*SessionRecord, error) {
	p, err := c.plan("GetSession", c.settings.timeout, options)
	if err != nil {
		return nil, err
	}
	request := &sessiondv1.GetSessionRequest{SessionId: sessionID}
	response, err := call(ctx, c.caller, p, c.caller.stub.GetSession, request)
	if err != nil {
		return nil, err
	}
	return toRecord(response.GetSession()), nil
}

// ListSessions is the live sessions of a subject, newest first, page after page. An error is the last of the
// sequence.
func (c *Client) ListSessions(
	ctx context.Context, issuer, subject string, options ...ListOption,
) iter.Seq2[*SessionRecord, error] {
	wanted := listing{callOptions: callOptions{timeout: c.settings.timeout}}
	for _, option := range options {
		option.applyToList(&wanted)
	}
	return func(yield func(*SessionRecord, error) bool) {
		request := &sessiondv1.ListSessionsRequest{
			Subject: &sessiondv1.Subject{Issuer: issuer, Subject: subject}, PageSize: wanted.pageSize,
		}
		for {
			response, err := c.page(ctx, wanted.callOptions, request)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, record := range response.GetSessions() {
				if !yield(toRecord(record), nil) {
					return
				}
			}
			if request.PageToken = response.GetNextPageToken(); request.PageToken == "" {
				return
			}
		}
	}
}

func (c *Client) page(
	ctx context.Context, options callOptions, request *sessiondv1.ListSessionsRequest,
) (*sessiondv1.ListSessionsResponse, error) {
	p, err := c.planFor("ListSessions", options)
	if err != nil {
		return nil, err
	}
	return call(ctx, c.caller, p, c.caller.stub.ListSessions, request)
}
