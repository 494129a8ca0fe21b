"""Sessions with their refresh tokens, by the server's table of rotation."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sessiond.testing.claims import is_identifier
from sessiond.testing.names import (
    ABSOLUTE_LIFETIME,
    ACCESS_LIFETIME,
    AUDIENCE,
    IDLE_LIFETIME,
    ISSUER,
    principal,
    random_text,
    unpadded,
)
from sessiond.testing.refusals import field_invalid
from sessiond.v1.session_pb2 import Device, Session, SessionRecord
from sessiond.v1.session_service_pb2 import CreateSessionRequest, LocalLogin

_RESERVED: Final = frozenset(
    {
        *("iss", "sub", "aud", "exp", "nbf", "iat", "jti", "sid", "sct", "client_id", "scope", "tenant_id"),
        *("cnf", "act", "auth_time", "acr", "amr"),
    }
)


@dataclass(frozen=True, slots=True)
class Bearer:
    """What a repeated refresh is recognised by."""

    caller: str
    label: str
    user_agent: str


@dataclass(slots=True)
class Family:
    """A session; `start` is when it began for cutoffs, in milliseconds since 1970.

    `current` is the refresh token that is good, and `spent` has when those before it were spent, and by whom.
    """

    id: str
    login: LocalLogin
    further: dict[str, Any]
    device: Device
    attributes: dict[str, str]
    certificate: bytes
    start: int
    created: datetime
    refreshed: datetime
    has_ended: bool = False
    current: str = ""
    spent: list[tuple[datetime, Bearer]] = field(default_factory=list)

    @property
    def absolute_expire(self) -> datetime:
        """When it ends, however it is used."""
        return self.created + ABSOLUTE_LIFETIME

    @property
    def idle_expire(self) -> datetime:
        """When it ends unless it is used."""
        return min(self.refreshed + IDLE_LIFETIME, self.absolute_expire)

    def rotate(self) -> str:
        """The next refresh token."""
        self.current = f"sdr1_{random_text(72)}"
        return self.current

    def claims(self, now: datetime) -> dict[str, Any]:
        """Those of a new access token."""
        login, seconds = self.login, int(now.timestamp())
        bound = {"x5t#S256": unpadded(self.certificate)} if self.certificate else None
        return self.further | {
            "iss": ISSUER,
            "sub": login.subject,
            "aud": list(login.audiences),
            "client_id": login.client_id,
            "iat": seconds,
            "exp": seconds + int(ACCESS_LIFETIME.total_seconds()),
            "jti": random_text(16),
            "sid": self.id,
            "sct": self.start,
            "scope": " ".join(login.scopes) or None,
            "tenant_id": login.tenant_id or None,
            "acr": login.acr or None,
            "amr": list(login.amr) or None,
            "auth_time": login.auth_time.seconds if login.HasField("auth_time") else None,
            "cnf": bound,
        }

    def session(self) -> Session:
        """The session as it is stored."""
        login = self.login
        return Session(
            principal=principal(ISSUER, login.subject),
            issuer=ISSUER,
            subject=login.subject,
            session_id=self.id,
            tenant_id=login.tenant_id,
            client_id=login.client_id,
            audiences=login.audiences,
            scopes=login.scopes,
            auth_time=login.auth_time if login.HasField("auth_time") else None,
            acr=login.acr,
            amr=login.amr,
        )

    def record(self) -> SessionRecord:
        """The session with what is known beside it."""
        record = SessionRecord(session=self.session(), device=self.device, attributes=self.attributes)
        record.create_time.FromDatetime(self.created)
        record.last_refresh_time.FromDatetime(self.refreshed)
        record.idle_expire_time.FromDatetime(self.idle_expire)
        record.absolute_expire_time.FromDatetime(self.absolute_expire)
        return record


def begun(request: CreateSessionRequest, start: int, now: datetime) -> Family:
    """A session for a login, with what the login leaves to the issuer.

    Raises:
        RefusedError: the login says what no login may.
    """
    login = LocalLogin()
    login.CopyFrom(request.local_login)
    if not is_identifier(login.subject):
        raise field_invalid("local_login.subject", "no identifier", "1 to 255 characters")
    further = _further(login.claims_json)
    login.client_id = login.client_id or AUDIENCE
    if not login.audiences:
        login.audiences.append(AUDIENCE)
    return Family(
        id=f"sds_{random_text(16)}",
        login=login,
        further=further,
        device=request.device,
        attributes=dict(request.attributes),
        certificate=request.proof.certificate_sha256,
        start=start,
        created=now,
        refreshed=now,
    )


def _further(text: str) -> dict[str, Any]:
    name = "local_login.claims_json"
    try:
        found = json.loads(text or "{}")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise field_invalid(name, "what is no object", "a JSON object")
    for reserved in sorted(_RESERVED & found.keys()):
        raise field_invalid(name, reserved, "names that the server does not give itself")
    return found
