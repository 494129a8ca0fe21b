"""The claims of an access token, typed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sessiond.middleware.credentials import is_scope
from sessiond.testing.names import KEY_ID, principal
from sessiond.testing.tokens import Parsed
from sessiond.v1 import session_pb2

REQUIRED: Final = ("iss", "sub", "aud", "exp", "iat", "jti", "client_id")
SESSION_ID: Final = re.compile(r"sds_[A-Za-z0-9_-]{21}[AQgw]", re.ASCII)
_DEEPEST_ACTOR: Final = 4
_LONGEST_IDENTIFIER: Final = 255
_LATEST: Final = 253_402_300_799


class ClaimError(ValueError):
    """A claim has not the form that its specification gives it; the message is its name."""


@dataclass(frozen=True, slots=True)
class Claims:
    """`since` is when the session began, in milliseconds since 1970."""

    session: session_pb2.Session
    expire: datetime
    issue: datetime
    not_before: datetime | None
    since: float
    certificate: str
    is_bound: bool
    is_by_dpop: bool
    all: Mapping[str, Any]


def read(parsed: Parsed) -> Claims:
    """The claims of a token that has those that are required.

    Raises:
        ClaimError: one of them has not its form.
    """
    given = _Given(parsed.claims)
    expire, issue = given.date("exp"), given.date("iat")
    if expire is None or issue is None:
        raise ClaimError("exp")
    session = _session(given, parsed.payload)
    session.expire_time.FromDatetime(expire)
    session.issue_time.FromDatetime(issue)
    if (auth_time := given.date("auth_time")) is not None:
        session.auth_time.FromDatetime(auth_time)
    if not SESSION_ID.fullmatch(session.session_id):
        raise ClaimError("sid")
    since, confirmation = parsed.claims.get("sct"), parsed.claims.get("cnf")
    bound = confirmation if isinstance(confirmation, dict) else {}
    certificate = bound.get("x5t#S256")
    return Claims(
        session=session,
        expire=expire,
        issue=issue,
        not_before=given.date("nbf"),
        since=since if isinstance(since, int | float) else 0,
        certificate=certificate if isinstance(certificate, str) else "",
        is_bound="cnf" in parsed.claims,
        is_by_dpop="jkt" in bound,
        all=parsed.claims,
    )


def is_identifier(text: Any) -> bool:
    """Whether this names somebody or something."""
    return (
        isinstance(text, str)
        and 1 <= len(text) <= _LONGEST_IDENTIFIER
        and not any(unicodedata.category(character) == "Cc" for character in text)
    )


def _session(given: _Given, payload: str) -> session_pb2.Session:
    issuer, subject = given.name("iss"), given.name("sub")
    return session_pb2.Session(
        principal=principal(issuer, subject),
        issuer=issuer,
        subject=subject,
        session_id=given.name("sid"),
        tenant_id=given.name("tenant_id"),
        client_id=given.name("client_id"),
        token_id=given.name("jti"),
        key_id=KEY_ID,
        audiences=given.one_or_many("aud"),
        scopes=given.scopes(),
        roles=given.many("roles"),
        permissions=given.many("permissions"),
        acr=given.text("acr"),
        amr=given.many("amr"),
        actor=_actor(given.all.get("act"), issuer, _DEEPEST_ACTOR),
        claims_json=payload,
    )


def _actor(value: Any, issuer: str, depth: int) -> session_pb2.Actor | None:
    if value is None:
        return None
    if not isinstance(value, dict) or depth == 0 or not is_identifier(value.get("sub")):
        raise ClaimError("act")
    own = value.get("iss")
    return session_pb2.Actor(
        issuer=own if isinstance(own, str) else issuer,
        subject=value["sub"],
        actor=_actor(value.get("act"), issuer, depth - 1),
    )


class _Given:
    """Claims by their form."""

    def __init__(self, claims: Mapping[str, Any]) -> None:
        self.all: Final = claims

    def text(self, name: str) -> str:
        value = self.all.get(name, "")
        if not isinstance(value, str):
            raise ClaimError(name)
        return value

    def name(self, name: str) -> str:
        value = self.text(name)
        if name in self.all and not is_identifier(value):
            raise ClaimError(name)
        return value

    def many(self, name: str) -> list[str]:
        value = self.all.get(name, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise ClaimError(name)
        return value

    def one_or_many(self, name: str) -> list[str]:
        value = self.all.get(name)
        return [value] if isinstance(value, str) else self.many(name)

    def scopes(self) -> list[str]:
        value = self.all.get("scope")
        found = [one for one in value.split(" ") if one] if isinstance(value, str) else self.many("scope")
        if not all(map(is_scope, found)):
            raise ClaimError("scope")
        return list(dict.fromkeys(found))

    def date(self, name: str) -> datetime | None:
        if name not in self.all:
            return None
        value = self.all[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LATEST:
            raise ClaimError(name)
        return datetime.fromtimestamp(value, UTC)
