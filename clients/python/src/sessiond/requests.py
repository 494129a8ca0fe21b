"""What callers say, as messages."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypedDict

from google.protobuf.duration_pb2 import Duration

from sessiond.results import Cause, Device
from sessiond.v1 import session_pb2, session_service_pb2

# Only questions are repeated: a command may have been carried out although its answer was lost. No `timeout` here: grpcio takes
# it for too short a one, and the server does not see it.
SERVICE_CONFIG: Final = json.dumps(
    {
        "methodConfig": [
            {
                "name": [
                    {"service": "sessiond.v1.SessionService", "method": "ValidateToken"},
                    {"service": "sessiond.v1.SessionService", "method": "ValidateTokens"},
                ],
                "retryPolicy": {
                    "maxAttempts": 3,
                    "initialBackoff": "0.05s",
                    "maxBackoff": "0.5s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ]
    }
)


@dataclass(frozen=True, slots=True, repr=False)
class DpopProof:
    """The `DPoP` header of a request, its method, and its URL without query and fragment (RFC 9449)."""

    proof: str
    method: str
    url: str


class Binding(TypedDict, total=False):
    """What proves a key: the hash of the request's client certificate in DER (RFC 8705), or a DPoP proof (RFC 9449)."""

    certificate_sha256: bytes
    dpop: DpopProof


class Requirements(Binding, total=False):
    """What is required of a token beyond being good; all of it must hold.

    Of `issuers`, `audiences` and `acr_values` any one will do, and of each claim any one of its values; `max_auth_age` is how
    long ago the user may have proved who they are (RFC 9470). A token that is bound to a key needs one of
    `certificate_sha256` (of the request's client certificate in DER, RFC 8705) and `dpop`.
    """

    issuers: Sequence[str]
    audiences: Sequence[str]
    required_scopes: Sequence[str]
    required_permissions: Sequence[str]
    required_claims: Mapping[str, Sequence[str]]
    acr_values: Sequence[str]
    max_auth_age: timedelta


class Bearer(Binding, total=False):
    """Who presents a refresh token; a session that is bound to a key needs its proof every time."""

    device: Device


class Login(Bearer, total=False):
    """What a caller may say of any login beside what proves it; the key that it proves is what the session is bound to."""

    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True, repr=False)
class ProviderTokens:
    """What a login at a provider gave out; providers give a refresh token for the scope `offline_access` alone."""

    access_token: str
    refresh_token: str
    id_token: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class AuthorizationCode:
    """What a login at a provider gave out, to be exchanged by the server (RFC 7636: `code_verifier` is required)."""

    code: str
    redirect_uri: str
    code_verifier: str
    nonce: str = ""


class LocalLogin(Login, total=False):
    """What a caller may say of a login that it vouches for; `claims` are further claims of the access tokens."""

    client_id: str
    tenant_id: str
    audiences: Sequence[str]
    scopes: Sequence[str]
    claims: Mapping[str, Any]
    auth_time: datetime
    acr: str
    amr: Sequence[str]


def validate(token: str, requirements: Requirements) -> session_service_pb2.ValidateTokenRequest:
    """The question about one token."""
    return session_service_pb2.ValidateTokenRequest(token=token, **_requirements(requirements))


def validate_all(tokens: Sequence[str], requirements: Requirements) -> session_service_pb2.ValidateTokensRequest:
    """The question about many tokens."""
    return session_service_pb2.ValidateTokensRequest(tokens=tokens, **_requirements(requirements))


def create_local(subject: str, login: LocalLogin) -> session_service_pb2.CreateSessionRequest:
    """A login at the local issuer."""
    claims, auth_time = login.get("claims"), login.get("auth_time")
    message = session_service_pb2.LocalLogin(
        subject=subject,
        client_id=login.get("client_id", ""),
        tenant_id=login.get("tenant_id", ""),
        audiences=login.get("audiences", ()),
        scopes=login.get("scopes", ()),
        claims_json=json.dumps(claims) if claims else "",
        acr=login.get("acr", ""),
        amr=login.get("amr", ()),
    )
    if auth_time is not None:
        message.auth_time.FromDatetime(auth_time)
    return session_service_pb2.CreateSessionRequest(local_login=message, **_beside(login))


def create_from_tokens(issuer: str, tokens: ProviderTokens, login: Login) -> session_service_pb2.CreateSessionRequest:
    """A login at a provider, with its tokens."""
    given = session_service_pb2.UpstreamTokens(
        issuer=issuer, access_token=tokens.access_token, refresh_token=tokens.refresh_token, id_token=tokens.id_token
    )
    return session_service_pb2.CreateSessionRequest(upstream_tokens=given, **_beside(login))


def create_from_code(issuer: str, code: AuthorizationCode, login: Login) -> session_service_pb2.CreateSessionRequest:
    """A login at a provider, with its code."""
    given = session_service_pb2.AuthorizationCode(
        issuer=issuer, code=code.code, redirect_uri=code.redirect_uri, code_verifier=code.code_verifier, nonce=code.nonce
    )
    return session_service_pb2.CreateSessionRequest(authorization_code=given, **_beside(login))


def refresh(refresh_token: str, bearer: Bearer) -> session_service_pb2.RefreshSessionRequest:
    """A refresh token to be spent."""
    return session_service_pb2.RefreshSessionRequest(
        refresh_token=refresh_token, client=_client(bearer.get("device")), binding=_binding(bearer)
    )


def revoke(cause: Cause, note: str, **target: Any) -> session_service_pb2.RevokeSessionRequest:
    """An end; `target` is the one field that names what ends, and `except_session_id` beside a subject."""
    value = getattr(session_pb2, f"REVOCATION_CAUSE_{cause}")
    return session_service_pb2.RevokeSessionRequest(cause=value, note=note, **target)


def subject(issuer: str, identifier: str) -> session_pb2.Subject:
    """A subject at its issuer."""
    return session_pb2.Subject(issuer=issuer, subject=identifier)


def list_sessions(issuer: str, identifier: str, page_size: int) -> session_service_pb2.ListSessionsRequest:
    """The first page of a subject's sessions."""
    return session_service_pb2.ListSessionsRequest(subject=subject(issuer, identifier), page_size=page_size)


def _requirements(requirements: Requirements) -> dict[str, Any]:
    fields: dict[str, Any] = dict(requirements)
    claims, age = fields.pop("required_claims", None) or {}, fields.pop("max_auth_age", None)
    for name in Binding.__annotations__:
        fields.pop(name, None)
    fields["binding"] = _binding(requirements)
    fields["required_claims"] = {name: session_pb2.ClaimValues(values=values) for name, values in claims.items()}
    if age is not None:
        fields["max_auth_age"] = Duration()
        fields["max_auth_age"].FromTimedelta(age)
    return fields


def _beside(login: Login) -> dict[str, Any]:
    return {
        "client": _client(login.get("device")),
        "attributes": login.get("attributes", {}),
        "binding": _binding(login),
    }


def _binding(given: Binding) -> session_pb2.Binding | None:
    certificate, dpop = given.get("certificate_sha256"), given.get("dpop")
    if dpop is not None:
        proof = session_pb2.DpopProof(proof=dpop.proof, method=dpop.method, url=dpop.url)
        return session_pb2.Binding(dpop=proof)
    return None if certificate is None else session_pb2.Binding(certificate_sha256=certificate)


def _client(device: Device | None) -> session_pb2.Client | None:
    if device is None:
        return None
    return session_pb2.Client(ip_address=device.ip_address, user_agent=device.user_agent, device_label=device.device_label)
