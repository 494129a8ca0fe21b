"""What callers say, as messages."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict, cast

from sessiond.consistency import Consistency, to_message
from sessiond.policy import Policy, Requirements, refuse_unknown, to_policy
from sessiond.results import Cause, Device
from sessiond.v1 import session_pb2, session_service_pb2


@dataclass(frozen=True, slots=True, repr=False)
class DpopProof:
    """The `DPoP` header of a request, its method, and its URL without query and fragment (RFC 9449)."""

    proof: str
    method: str
    url: str


class PossessionProof(TypedDict, total=False):
    """What proves the possession of a key.

    It is the hash of the request's client certificate in DER (RFC 8705), or a DPoP proof (RFC 9449).
    """

    certificate_sha256: bytes
    dpop: DpopProof


class ProvenRequirements(PossessionProof, Requirements, total=False):
    """The same for one token, with the proof of possession that a token needs which is bound to a key.

    The proof is either `certificate_sha256` (of the request's client certificate in DER, RFC 8705) or `dpop`.
    """


class Bearer(PossessionProof, total=False):
    """Who presents a refresh token; a session that is bound to a key needs its proof every time."""

    device: Device


class Login(Bearer, total=False):
    """What a caller may say of any login, beside what proves the login.

    The key whose possession is proven is what the session is bound to.
    """

    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True, repr=False)
class ProviderTokens:
    """What a login at a provider gave out.

    Providers give a refresh token for the scope `offline_access` alone.
    """

    access_token: str
    refresh_token: str
    id_token: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class AuthorizationCode:
    """What a login at a provider gave out, for the server to exchange.

    RFC 7636 makes `code_verifier` a required one.
    """

    code: str
    redirect_uri: str
    code_verifier: str
    nonce: str = ""


class LocalLogin(Login, total=False):
    """What a caller may say of a login that it vouches for.

    `claims` are further claims of the access tokens.
    """

    client_id: str
    tenant_id: str
    audiences: Sequence[str]
    scopes: Sequence[str]
    claims: Mapping[str, Any]
    auth_time: datetime
    acr: str
    amr: Sequence[str]


def validate(
    token: str,
    given: ProvenRequirements,
    consistency: Consistency | None = None,
    policy: Policy | None = None,
) -> session_service_pb2.ValidateTokenRequest:
    """The question about one token."""
    return session_service_pb2.ValidateTokenRequest(
        token=token,
        requirements=policy_of(policy, given).message,
        proof=_proof(given),
        consistency=to_message(consistency),
    )


def validate_all(
    tokens: Sequence[str],
    given: Requirements,
    consistency: Consistency | None = None,
    policy: Policy | None = None,
) -> session_service_pb2.ValidateTokensRequest:
    """The question about many tokens."""
    refuse_unknown(given, Requirements)
    return session_service_pb2.ValidateTokensRequest(
        tokens=tokens, requirements=policy_of(policy, given).message, consistency=to_message(consistency)
    )


def of_one(token: str, policy: Policy) -> session_service_pb2.ValidateTokenRequest:
    """The question about one token that may be shared with others."""
    return session_service_pb2.ValidateTokenRequest(token=token, requirements=policy.message)


def of_many(tokens: Sequence[str], policy: Policy) -> session_service_pb2.ValidateTokensRequest:
    """The question about the tokens of several callers, who require the same."""
    return session_service_pb2.ValidateTokensRequest(tokens=tokens, requirements=policy.message)


def policy_of(policy: Policy | None, given: ProvenRequirements | Requirements) -> Policy:
    """What a call requires, by a policy or by its keywords, whatever it proves beside.

    Raises:
        TypeError: a keyword is not known, or there are both.
    """
    refuse_unknown(given, ProvenRequirements)
    demanded = {name: value for name, value in given.items() if name in Requirements.__optional_keys__}
    if policy is None:
        return to_policy(cast("Requirements", demanded))
    if demanded:
        raise TypeError(f"a policy and {min(demanded)!r} exclude each other: a call has one policy")
    return policy


def is_proven(given: ProvenRequirements) -> bool:
    """Whether a call brings a proof of possession, which is for this call alone."""
    return given.get("certificate_sha256") is not None or given.get("dpop") is not None


def create_local(subject: str, login: LocalLogin) -> session_service_pb2.CreateSessionRequest:
    """A login at the local issuer."""
    refuse_unknown(login, LocalLogin)
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


def create_from_tokens(
    issuer: str, tokens: ProviderTokens, login: Login
) -> session_service_pb2.CreateSessionRequest:
    """A login at a provider, with its tokens."""
    refuse_unknown(login, Login)
    given = session_service_pb2.ProviderTokens(
        issuer=issuer,
        access_token=tokens.access_token,
        refresh_token=tokens.refresh_token,
        id_token=tokens.id_token,
    )
    return session_service_pb2.CreateSessionRequest(provider_tokens=given, **_beside(login))


def create_from_code(
    issuer: str, code: AuthorizationCode, login: Login
) -> session_service_pb2.CreateSessionRequest:
    """A login at a provider, with its code."""
    refuse_unknown(login, Login)
    given = session_service_pb2.AuthorizationCode(
        issuer=issuer,
        code=code.code,
        redirect_uri=code.redirect_uri,
        code_verifier=code.code_verifier,
        nonce=code.nonce,
    )
    return session_service_pb2.CreateSessionRequest(authorization_code=given, **_beside(login))


def refresh(refresh_token: str, bearer: Bearer) -> session_service_pb2.RefreshSessionRequest:
    """A refresh token to be spent."""
    refuse_unknown(bearer, Bearer)
    return session_service_pb2.RefreshSessionRequest(
        refresh_token=refresh_token, device=_device(bearer.get("device")), proof=_proof(bearer)
    )


def adopt(issuer: str, refresh_token: str, bearer: Bearer) -> session_service_pb2.RefreshSessionRequest:
    """A refresh token that a provider gave to somebody else.

    Raises:
        ValueError: there is no issuer, which would present the token as one of sessiond's own.
    """
    if not issuer:
        raise ValueError("issuer: found '', allowed is the provider that gave the token")
    request = refresh(refresh_token, bearer)
    request.issuer = issuer
    return request


def revoke(cause: Cause, note: str, **target: Any) -> session_service_pb2.RevokeSessionRequest:
    """A revocation; `target` is the field that names what ends, with `except_session_id` for a subject."""
    value = getattr(session_pb2, f"REVOCATION_CAUSE_{cause}")
    return session_service_pb2.RevokeSessionRequest(cause=value, note=note, **target)


def subject(issuer: str, identifier: str) -> session_service_pb2.Subject:
    """A subject at its issuer."""
    return session_service_pb2.Subject(issuer=issuer, subject=identifier)


def list_sessions(issuer: str, identifier: str, page_size: int) -> session_service_pb2.ListSessionsRequest:
    """The first page of a subject's sessions."""
    return session_service_pb2.ListSessionsRequest(subject=subject(issuer, identifier), page_size=page_size)


def _beside(login: Login) -> dict[str, Any]:
    return {
        "device": _device(login.get("device")),
        "attributes": login.get("attributes", {}),
        "proof": _proof(login),
    }


def _proof(given: PossessionProof) -> session_pb2.PossessionProof | None:
    """The proof of possession, if one is given; raises `TypeError` for two."""
    certificate, dpop = given.get("certificate_sha256"), given.get("dpop")
    if certificate is not None and dpop is not None:
        raise TypeError("certificate_sha256 and dpop exclude each other: a request has one proof")
    if dpop is not None:
        proof = session_pb2.DpopProof(proof=dpop.proof, method=dpop.method, url=dpop.url)
        return session_pb2.PossessionProof(dpop=proof)
    return None if certificate is None else session_pb2.PossessionProof(certificate_sha256=certificate)


def _device(device: Device | None) -> session_pb2.Device | None:
    if device is None:
        return None
    return session_pb2.Device(ip_address=device.ip_address, user_agent=device.user_agent, label=device.label)
