package settings

import (
	"flag"
	"fmt"
)

const introduction = `sessiond-agent stands beside a backend, and answers sessiond's calls there: verdicts on access
tokens from memory, everything else by the servers. It has no issuer, no secret of theirs, and no store.

Usage:
  sessiond-agent --servers ADDRESS [flags]
  sessiond-agent healthcheck [ADDRESS]    exits with 0 if the agent serves

Examples:
  # In a pod, with the service account's token, for everybody who may enter the socket:
  sessiond-agent --servers dns:///sessiond.sessiond.svc:50051 --ca-file /run/sessiond/ca.pem \
    --token-file /run/secrets/tokens/sessiond --listen unix:/run/sessiond/agent.sock

  # On a developer's machine, in front of "sessiond dev":
  sessiond-agent --servers localhost:50051 --listen localhost:50052 --http localhost:8081

  # In front of two servers, for callers with keys of their own:
  sessiond-agent --servers a.example:50051,b.example:50051 --ca-file ca.pem --listen 0.0.0.0:50051 \
    --tls-cert-file agent.pem --tls-key-file agent-key.pem

Flags, each of which may be given in the environment too (--ca-file as SESSIOND_AGENT_CA_FILE):
`

func usage(set *flag.FlagSet) {
	_, _ = fmt.Fprint(set.Output(), introduction)
	set.PrintDefaults()
}
