package main

import (
	"time"

	"github.com/sessiond/sessiond/clients/go/sessiond"
)

func plainSession(s *sessiond.Session) object {
	return object{
		"principal":           s.Principal,
		"issuer":              s.Issuer,
		"subject":             s.Subject,
		"session_id":          s.SessionID,
		"provider_session_id": s.ProviderSessionID,
		"tenant_id":           s.TenantID,
		"client_id":           s.ClientID,
		"token_id":            s.TokenID,
		"key_id":              s.KeyID,
		"audiences":           list0(s.Audiences),
		"scopes":              list0(s.Scopes),
		"roles":               list0(s.Roles),
		"permissions":         list0(s.Permissions),
		"issue_time":          plainTime(s.IssueTime),
		"expire_time":         plainTime(s.ExpireTime),
		"auth_time":           plainTime(s.AuthTime),
		"acr":                 s.ACR,
		"amr":                 list0(s.AMR),
		"actor":               plainActor(s.Actor),
		"claims_json":         s.ClaimsJSON,
		"cache_for":           plainSpan(s.CacheFor),
		"stale":               s.Stale,
	}
}

// list0 is an empty list where there is none.
func list0(values []string) []string {
	if values == nil {
		return []string{}
	}
	return values
}

func plainActor(actor *sessiond.Actor) any {
	if actor == nil {
		return nil
	}
	return object{"issuer": actor.Issuer, "subject": actor.Subject, "actor": plainActor(actor.Actor)}
}

func plainRejection(r *sessiond.Rejected) object {
	return object{
		"reason":           r.Reason,
		"message":          r.Message,
		"next_action":      r.NextAction,
		"www_authenticate": r.WWWAuthenticate,
	}
}

func plainTokens(t *sessiond.Tokens) any {
	return object{
		"access_token":        t.AccessToken,
		"access_expire_time":  plainTime(t.AccessExpireTime),
		"refresh_token":       t.RefreshToken,
		"refresh_expire_time": plainTime(t.RefreshExpireTime),
		"session":             plainSession(&t.Session),
		"replayed":            t.Replayed,
	}
}

func plainRevocation(r *sessiond.RevocationResult) any {
	plain := object{"revision": r.Revision, "sessions_ended": nil}
	if r.SessionsEnded >= 0 {
		plain["sessions_ended"] = r.SessionsEnded
	}
	return plain
}

func plainRecords(all []*sessiond.SessionRecord) any {
	plain := []any{}
	for _, record := range all {
		plain = append(plain, plainRecord(record))
	}
	return plain
}

func plainRecord(r *sessiond.SessionRecord) any {
	attributes := r.Attributes
	if attributes == nil {
		attributes = map[string]string{}
	}
	return object{
		"session":              plainSession(&r.Session),
		"create_time":          plainTime(r.CreateTime),
		"last_refresh_time":    plainTime(r.LastRefreshTime),
		"idle_expire_time":     plainTime(r.IdleExpireTime),
		"absolute_expire_time": plainTime(r.AbsoluteExpireTime),
		"device": object{
			"ip_address": r.Device.IPAddress, "user_agent": r.Device.UserAgent, "label": r.Device.Label,
		},
		"attributes": attributes,
	}
}

// plainTime is in seconds since 1970, and nothing where it is not known.
func plainTime(at time.Time) any {
	if at.IsZero() {
		return nil
	}
	return float64(at.UnixMicro()) / 1e6
}

func plainSpan(span time.Duration) any {
	if span == 0 {
		return nil
	}
	return span.Seconds()
}
