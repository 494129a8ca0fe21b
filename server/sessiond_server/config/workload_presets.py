"""What is known of each kind of workload issuer: tables of settings, which the file's own settings override.

The tokens of all of them have to say whose they are, for whom, and until when (`iss`, `sub`, `aud`, `exp`),
and which key has signed them (`kid`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

Table: TypeAlias = dict[str, Any]


def with_workload_preset(table: Mapping[str, Any]) -> Table:
    """The table of a workload issuer, over that of its preset; the reader refuses an unknown preset."""
    preset = table.get("preset", "oidc")
    below = WORKLOAD_PRESETS.get(preset, {}) if isinstance(preset, str) else {}
    return {**below, **table}


# Kubernetes' service-account tokens, after its documentation of service-account token volumes and issuer
# discovery. A subject is `system:serviceaccount:NAMESPACE:NAME`; the header has no `typ`. A projected token
# has the one audience of its volume, lives an hour where the volume says nothing else, ten minutes at least,
# and is replaced by the kubelet when 80 % of that, or a day, are over. The cluster's key is an RSA or an EC
# one. Amazon EKS, Google GKE and Azure AKS publish discovery and keys of their clusters to everybody; the API
# server of any other cluster gives them, by its own authority's certificate, to callers that may have them.
_KUBERNETES: Final[Table] = {
    "algorithms": ["ES256", "ES384", "ES512", "RS256"],
    "token_types": ["absent"],
    "max_token_lifetime": "24h",
}

# SPIFFE's JWT-SVID, after its standard. A subject is a SPIFFE id; `typ` is JWT, JOSE or absent. The standard
# does not demand `iss` and `kid`, and both are needed here: SPIRE writes `iss` where its `jwt_issuer` is set,
# and its OIDC discovery provider publishes the keys there. A SPIFFE bundle, which `jwks_url` may name, marks
# the keys for JWT-SVIDs as of a use of their own, and those for X.509-SVIDs (`x509-svid`) are none here.
# SPIRE's tokens live five minutes by default.
_SPIFFE: Final[Table] = {
    "algorithms": ["ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512"],
    "key_uses": ["sig", "jwt-svid"],
    "token_types": ["jwt", "jose", "absent"],
    "max_token_lifetime": "1h",
}

# Google's ID tokens of service accounts, after its documentation of instance identity: what the metadata
# server gives to a machine, a pod or a Cloud Run service. A subject is the unique id of the service account,
# a number, and not its e-mail address. The tokens are signed with RS256 and live an hour. Users of Google get
# tokens of the same issuer: only the audience and the subject tell a service account's.
_GOOGLE: Final[Table] = {
    "issuer": "https://accounts.google.com",
    "algorithms": ["RS256"],
    "token_types": ["jwt"],
    "max_token_lifetime": "1h",
}

# AWS's outbound identity federation, after the references of IAM and STS. Where an account has enabled it,
# STS gives out a token for a role (`GetWebIdentityToken`): its issuer is the account's own, and its subject
# the role's ARN. It lives an hour at most, is signed with RS256 or ES384 as was asked, and may be asked for
# with ten audiences: only one that is for this server alone is accepted. Nothing renews it but whoever asked
# for it. Pods on EKS need none of this: their tokens are Kubernetes', and the issuer is the cluster's. A
# signed request to `GetCallerIdentity` and the identity document of an EC2 instance are no JWTs, and show no
# caller here.
_AWS: Final[Table] = {
    "algorithms": ["ES384", "RS256"],
    "token_types": ["jwt", "absent"],
    "max_token_lifetime": "1h",
}

# Any issuer with a discovery document: the defaults of the settings.
_OIDC: Final[Table] = {}

WORKLOAD_PRESETS: Final[Mapping[str, Table]] = MappingProxyType(
    {"kubernetes": _KUBERNETES, "spiffe": _SPIFFE, "google": _GOOGLE, "aws": _AWS, "oidc": _OIDC}
)
