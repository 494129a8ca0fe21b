"""The claims of an access token, typed: the issuer's signature vouches for them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sessiond_server.domain.claim_paths import ABSENT, find_claim
from sessiond_server.domain.confirmation import Confirmation, confirmation_of
from sessiond_server.domain.identifiers import SessionId
from sessiond_server.domain.policy import IssuerPolicy
from sessiond_server.domain.token import JsonObject, ParsedToken
from sessiond_server.domain.verdict import Reason, Rejected

# 1-255 characters, none of them a control character: they end up in logs, headers and databases of callers.
_IDENTIFIER: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f]{1,255}")
# RFC 6749 §3.3: no space, which parts scopes, and nothing that ends the quotes of a WWW-Authenticate header.
SCOPE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
_MAX_ACTOR_DEPTH: Final = 4
# What a token of the local issuer says by itself (and `nbf`, `cnf`, `act`, which change its meaning): the
# further claims of a login cannot have these names.
RESERVED_CLAIMS: Final = frozenset(
    {
        "iss",
        "sub",
        "aud",
        "exp",
        "nbf",
        "iat",
        "jti",
        "sid",
        "sct",
        "client_id",
        "scope",
        "tenant_id",
        "cnf",
        "act",
    }
    | {"auth_time", "acr", "amr"}
)
# This date is later than any token can be meant to live; it keeps milliseconds and absurd numbers out (RFC
# 7519 §2, NumericDate).
_LATEST_DATE: Final = 253_402_300_799


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts for the subject (RFC 8693 §4.1)."""

    issuer: str
    subject: str
    actor: Actor | None


@dataclass(frozen=True, slots=True)
class Claims:
    """What an accepted token says; times are seconds since 1970.

    `session_id` is sessiond's own id and set for tokens of the local issuer alone; `provider_session_id` is a
    provider's `sid`. `session_start_ms` is `sct`, the creation of the session by the store's clock.
    `is_bound` says that there is a `cnf`, and `confirmation` is what it demands, None where nothing can prove
    it. `payload_json` is the payload as received.
    """

    issuer: str
    subject: str
    audiences: tuple[str, ...]
    expires_at: float
    issued_at: float | None
    not_before: float | None
    token_id: str | None
    key_id: str
    session_id: str | None
    session_start_ms: int | None
    provider_session_id: str | None
    client_id: str | None
    tenant_id: str | None
    scopes: tuple[str, ...]
    permissions: tuple[str, ...]
    roles: tuple[str, ...]
    auth_time: float | None
    acr: str | None
    amr: tuple[str, ...]
    actor: Actor | None
    is_bound: bool
    confirmation: Confirmation | None
    payload_json: str

    @property
    def payload(self) -> JsonObject:
        """The payload, read anew each time.

        Claims are kept in great numbers, and read JSON can take fifty times as much memory as its text.
        """
        payload: JsonObject = json.loads(self.payload_json)
        return payload


class _ClaimError(Exception):
    """A claim does not have the form that its specification gives it."""


def read_claims(token: ParsedToken, policy: IssuerPolicy) -> Claims | Rejected:
    """The typed claims of a token whose signature is good, or a rejection: CLAIM_MISSING or CLAIM_INVALID."""
    for name in policy.required_claims:
        if find_claim(token.payload, name) is ABSENT:
            return Rejected(Reason.CLAIM_MISSING, {"claim": name})
    try:
        return _typed(token, policy)
    except _ClaimError as error:
        return Rejected(Reason.CLAIM_INVALID, {"fault": "form", "claim": str(error)})


def _typed(token: ParsedToken, policy: IssuerPolicy) -> Claims:
    payload, mapping = token.payload, policy.claims
    session = _local_session(payload) if policy.is_local else None
    provider_session = None
    if not policy.is_local and mapping.provider_session:
        provider_session = _identifier(payload, mapping.provider_session)
    subject = _identifier(payload, "sub")
    expires_at = _date(payload, "exp")
    if subject is None or expires_at is None:
        raise _ClaimError("sub" if subject is None else "exp")
    return Claims(
        issuer=policy.issuer,
        subject=subject,
        audiences=_audiences(payload, mapping.audience),
        expires_at=expires_at,
        issued_at=_date(payload, "iat"),
        not_before=_date(payload, "nbf"),
        token_id=_identifier(payload, mapping.token_id),
        key_id=token.key_id or "",
        session_id=session,
        session_start_ms=_milliseconds(payload, "sct") if policy.is_local else None,
        provider_session_id=provider_session,
        client_id=next(filter(None, (_identifier(payload, name) for name in mapping.client)), None),
        tenant_id=_identifier(payload, mapping.tenant) if mapping.tenant else None,
        scopes=_merged(_scopes(payload, name) for name in mapping.scopes),
        permissions=_merged(_strings(payload, name) for name in mapping.permissions),
        roles=_merged(_strings(payload, name) for name in mapping.roles),
        auth_time=_date(payload, "auth_time"),
        acr=_string(payload, "acr"),
        amr=_strings(payload, "amr"),
        actor=_actor(payload.get("act"), default_issuer=policy.issuer, depth=_MAX_ACTOR_DEPTH),
        is_bound="cnf" in payload,
        confirmation=confirmation_of(payload),
        payload_json=token.payload_json,
    )


def _identifier(payload: JsonObject, name: str) -> str | None:
    value = _string(payload, name)
    if value is not None and not _IDENTIFIER.fullmatch(value):
        raise _ClaimError(name)
    return value


def _local_session(payload: JsonObject) -> str:
    """The session of a token of the local issuer: without it no end of the session would reach the token."""
    value = _string(payload, "sid")
    if value is None or SessionId.find(value) is None:
        raise _ClaimError("sid")
    return value


def _string(payload: JsonObject, name: str) -> str | None:
    value = find_claim(payload, name)
    if value is ABSENT:
        return None
    if not isinstance(value, str):
        raise _ClaimError(name)
    return value


def numeric_date(value: object) -> float | None:
    """A NumericDate: a JSON number within bounds, never a string or a bool (RFC 7519 §2).

    It is None for anything else.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= _LATEST_DATE else None  # so written, it refuses NaN too


def _date(payload: JsonObject, name: str) -> float | None:
    if name not in payload:
        return None
    date = numeric_date(payload[name])
    if date is None:
        raise _ClaimError(name)
    return date


def _milliseconds(payload: JsonObject, name: str) -> int:
    value = payload.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise _ClaimError(name)
    return value


def _audiences(payload: JsonObject, name: str) -> tuple[str, ...]:
    """`aud` is one string or an array of strings (RFC 7519 §4.1.3)."""
    value = find_claim(payload, name)
    return (value,) if isinstance(value, str) else _strings(payload, name)


def _scopes(payload: JsonObject, name: str) -> tuple[str, ...]:
    """Scopes, which some issuers send as one space-separated string and others as an array.

    A member of an array is one scope: if it held a space, whoever joins them again would make two of it.
    """
    value = find_claim(payload, name)
    # Spaces alone part them (RFC 6749 §3.3): split() would part at whatever looks like one.
    found = tuple(filter(None, value.split(" "))) if isinstance(value, str) else _strings(payload, name)
    if not all(map(SCOPE.fullmatch, found)):
        raise _ClaimError(name)
    return found


def _strings(payload: JsonObject, name: str) -> tuple[str, ...]:
    value = find_claim(payload, name)
    if value is ABSENT:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _ClaimError(name)
    return tuple(value)


def _merged(lists: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """All lists as one, in order, each item once."""
    return tuple(dict.fromkeys(item for items in lists for item in items))


def _actor(value: Any, *, default_issuer: str, depth: int) -> Actor | None:
    if value is None:
        return None
    if not isinstance(value, dict) or depth == 0:
        raise _ClaimError("act")
    subject, issuer = _identifier(value, "sub"), _identifier(value, "iss") or default_issuer
    if subject is None:
        raise _ClaimError("act")
    # Each actor without `iss` is one of the token's issuer, whoever else stands between them (RFC 8693 §4.1).
    return Actor(issuer, subject, _actor(value.get("act"), default_issuer=default_issuer, depth=depth - 1))
