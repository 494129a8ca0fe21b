"""GetSession and ListSessions between the wire and the domain."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from sessiond.v1 import session_pb2, session_service_pb2
from sessiond_server.domain.base64url import decode_text, to_base64url
from sessiond_server.domain.failures import Input
from sessiond_server.domain.identifiers import SESSION_ID_BYTES, SessionId, principal
from sessiond_server.domain.revocation import FOREVER_MS
from sessiond_server.domain.session import StoredSession
from sessiond_server.service.storage.sessions import SessionCursor, SessionPage
from sessiond_server.transport.codec import fields
from sessiond_server.transport.codec.refusals import FieldInvalidError

NAMES: Final = MappingProxyType({Input.ISSUER: "subject.issuer"})
_MAX_PAGE: Final = 100
_CURSOR: Final = struct.Struct(f">Q{SESSION_ID_BYTES}s")


@dataclass(frozen=True, slots=True)
class ListQuery:
    """Whose sessions are listed, how many, and from where on."""

    issuer: str
    subject: str
    limit: int
    after: SessionCursor | None


def decode_get(request: session_service_pb2.GetSessionRequest) -> SessionId:
    """Which session is asked for; raises a named failure."""
    return fields.session_id(request.session_id, field="session_id")


def encode_got(session: StoredSession) -> bytes:
    """The response that holds a stored session."""
    return session_service_pb2.GetSessionResponse(session=_to_record(session)).SerializeToString()


def decode_list(request: session_service_pb2.ListSessionsRequest) -> ListQuery:
    """Whose sessions are asked for; raises a named failure."""
    if not 0 <= request.page_size <= _MAX_PAGE:
        raise FieldInvalidError("page_size", found=str(request.page_size), allowed=f"0 to {_MAX_PAGE}")
    issuer, subject = fields.subject(request.subject)
    return ListQuery(issuer, subject, limit=request.page_size or _MAX_PAGE, after=_cursor(request.page_token))


def encode_list(page: SessionPage) -> bytes:
    """The response that holds a page of stored sessions."""
    after = page.next
    token = to_base64url(_CURSOR.pack(after.absolute_expire_ms, after.session.raw)) if after else ""
    sessions = [_to_record(session) for session in page.sessions]
    return session_service_pb2.ListSessionsResponse(
        sessions=sessions, next_page_token=token
    ).SerializeToString()


def _cursor(token: str) -> SessionCursor | None:
    if not token:
        return None
    try:
        expire_ms, session = _CURSOR.unpack(decode_text(token))
    except (struct.error, ValueError):
        raise _wrong_page_token(token) from None
    if expire_ms > FOREVER_MS:
        raise _wrong_page_token(token)
    return SessionCursor(expire_ms, SessionId(session))


def _wrong_page_token(token: str) -> FieldInvalidError:
    found, allowed = f"{len(token)} characters", "next_page_token of a page before"
    return FieldInvalidError("page_token", found=found, allowed=allowed)


def _to_record(stored: StoredSession) -> session_pb2.SessionRecord:
    device = stored.login.device
    return session_pb2.SessionRecord(
        session=_to_stored_session(stored),
        create_time=_time(stored.created_ms),
        last_refresh_time=_time(stored.refreshed_ms),
        idle_expire_time=_time(stored.idle_expire_ms),
        absolute_expire_time=_time(stored.absolute_expire_ms),
        device=session_pb2.Device(
            ip_address=device.ip_address, user_agent=device.user_agent, label=device.label
        ),
        attributes=dict(stored.login.attributes),
    )


def _to_stored_session(stored: StoredSession) -> session_pb2.Session:
    login = stored.login
    return session_pb2.Session(
        principal=principal(login.issuer, login.subject),
        issuer=login.issuer,
        subject=login.subject,
        session_id=str(stored.id),
        provider_session_id=login.provider_session,
        tenant_id=login.tenant_id,
        client_id=login.client_id,
        audiences=login.audiences,
        scopes=login.scopes,
        auth_time=None if login.auth_time is None else _time(login.auth_time * 1000),
        acr=login.acr,
        amr=login.amr,
    )


def _time(milliseconds: int) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromMilliseconds(milliseconds)
    return timestamp
