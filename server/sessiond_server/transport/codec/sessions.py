"""CreateSession, RefreshSession, RevokeSession, GetSession and ListSessions between the wire and the domain."""

from __future__ import annotations

import base64
import binascii
import struct
from dataclasses import dataclass
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from sessiond.v1 import session_pb2, session_service_pb2
from sessiond_server.domain.failures import FeatureUnsupportedError, FieldInvalidError
from sessiond_server.domain.identifiers import SESSION_ID_BYTES, SessionId, principal, to_base64url
from sessiond_server.domain.session import Cause, Client, Login, StoredSession
from sessiond_server.service.endings import ByAccessToken, ByRefreshToken, BySession, BySubject, Target
from sessiond_server.service.opened import Opened, Revoked
from sessiond_server.service.providers import GivenCode, GivenTokens
from sessiond_server.service.session_store import SessionCursor, SessionPage
from sessiond_server.service.sessions import Device
from sessiond_server.transport.codec import fields, wire
from sessiond_server.transport.codec.bindings import decode_binding
from sessiond_server.transport.codec.validation import to_session

_MAX_PAGE: Final = 100
_MAX_CLAIMS_BYTES: Final = 4096
_MAX_ADDRESS_BYTES: Final = 64
_MAX_SECRET_BYTES: Final = 8192
_CURSOR: Final = struct.Struct(f">Q{SESSION_ID_BYTES}s")
_NO_TARGET: Final = "exactly one of session_id, refresh_token, access_token and subject"


@dataclass(frozen=True, slots=True)
class ListQuery:
    """Whose sessions are listed, how many, and from where on."""

    issuer: str
    subject: str
    limit: int
    after: SessionCursor | None


def decode_create(request: session_service_pb2.CreateSessionRequest) -> tuple[Login | GivenTokens | GivenCode, Device]:
    """What a login produced, and whose device it was; raises a named failure."""
    device = Device(_client(request.client), fields.attributes(request.attributes, field="attributes"), decode_binding(request))
    match request.WhichOneof("source"):
        case "local_login":
            return _local_login(request.local_login, device), device
        case "upstream_tokens":
            return _given_tokens(request.upstream_tokens), device
        case "authorization_code":
            return _given_code(request.authorization_code), device
        case _:
            raise FieldInvalidError("source", found="nothing", allowed="upstream_tokens, authorization_code or local_login")


def _local_login(login: session_service_pb2.LocalLogin, device: Device) -> Login:
    return Login(
        issuer="",
        subject=fields.identifier(login.subject, field="local_login.subject"),
        client_id=fields.optional_identifier(login.client_id, field="local_login.client_id"),
        tenant_id=fields.optional_identifier(login.tenant_id, field="local_login.tenant_id") or None,
        audiences=fields.items(login.audiences, field="local_login.audiences"),
        scopes=fields.scopes(login.scopes, field="local_login.scopes"),
        claims_json=_claims_json(login.claims_json),
        auth_time=login.auth_time.seconds if login.HasField("auth_time") else None,
        acr=fields.optional_identifier(login.acr, field="local_login.acr") or None,
        amr=fields.items(login.amr, field="local_login.amr"),
        client=device.client,
        attributes=device.attributes,
    )


def _given_tokens(given: session_service_pb2.UpstreamTokens) -> GivenTokens:
    if not given.refresh_token:
        allowed = "a refresh token: ask the provider for the scope offline_access"
        raise FieldInvalidError("upstream_tokens.refresh_token", found="nothing", allowed=allowed)
    return GivenTokens(
        issuer=fields.identifier(given.issuer, field="upstream_tokens.issuer"),
        access_token=_secret(given.access_token, field="upstream_tokens.access_token"),
        refresh_token=_secret(given.refresh_token, field="upstream_tokens.refresh_token"),
        id_token=given.id_token,
    )


def _given_code(given: session_service_pb2.AuthorizationCode) -> GivenCode:
    return GivenCode(
        issuer=fields.identifier(given.issuer, field="authorization_code.issuer"),
        code=_secret(given.code, field="authorization_code.code"),
        redirect_uri=given.redirect_uri,
        code_verifier=_secret(given.code_verifier, field="authorization_code.code_verifier"),
        nonce=given.nonce,
    )


def _secret(value: str, *, field: str) -> str:
    """A required secret of at most 8 KiB, of which an error tells the size alone."""
    size = len(value.encode())
    if not 1 <= size <= _MAX_SECRET_BYTES:
        raise FieldInvalidError(field, found=f"{size} bytes", allowed=f"1 to {_MAX_SECRET_BYTES} bytes")
    return value


def encode_created(opened: Opened) -> bytes:
    """What a login gives out."""
    response = session_service_pb2.CreateSessionResponse(
        access_token=opened.access_token, refresh_token=opened.refresh_token, session=to_session(opened.claims)
    )
    _set_expiries(response, opened)
    return response.SerializeToString()


def decode_refresh(request: session_service_pb2.RefreshSessionRequest) -> tuple[str, Device]:
    """The presented refresh token, and what presents it."""
    wire.refuse_set(request, ("issuer",))
    if not request.refresh_token:
        raise FieldInvalidError("refresh_token", found="nothing", allowed="a refresh token")
    return request.refresh_token, Device(_client(request.client), binding=decode_binding(request))


def encode_refreshed(opened: Opened) -> bytes:
    """What a refresh gives out."""
    response = session_service_pb2.RefreshSessionResponse(
        access_token=opened.access_token,
        refresh_token=opened.refresh_token,
        session=to_session(opened.claims),
        replayed=opened.replayed,
    )
    _set_expiries(response, opened)
    return response.SerializeToString()


def decode_revoke(request: session_service_pb2.RevokeSessionRequest) -> tuple[Target, Cause, str]:
    """What is to end, why, and the caller's remark."""
    if request.cause not in session_pb2.RevocationCause.values():
        raise FieldInvalidError("cause", found=str(request.cause), allowed="a value of RevocationCause")
    cause = Cause(request.cause or Cause.LOGOUT)
    target = _target(request)
    if request.except_session_id and not isinstance(target, BySubject):
        raise FieldInvalidError("except_session_id", found="a target other than subject", allowed="only with subject")
    return target, cause, fields.text(request.note, field="note")


def encode_revoked(revoked: Revoked) -> bytes:
    """What ended."""
    response = session_service_pb2.RevokeSessionResponse(revision=revoked.revision, sessions_ended=revoked.sessions_ended)
    return response.SerializeToString()


def decode_get(request: session_service_pb2.GetSessionRequest) -> SessionId:
    """Which session is asked for."""
    return SessionId.parse(request.session_id, field="session_id")


def encode_got(session: StoredSession) -> bytes:
    """A stored session."""
    return session_service_pb2.GetSessionResponse(session=_to_record(session)).SerializeToString()


def decode_list(request: session_service_pb2.ListSessionsRequest) -> ListQuery:
    """Whose sessions are asked for."""
    if not 0 <= request.page_size <= _MAX_PAGE:
        raise FieldInvalidError("page_size", found=str(request.page_size), allowed=f"0 to {_MAX_PAGE}")
    issuer, subject = _subject(request.subject)
    return ListQuery(issuer, subject, limit=request.page_size or _MAX_PAGE, after=_cursor(request.page_token))


def encode_list(page: SessionPage) -> bytes:
    """A page of stored sessions."""
    token = to_base64url(_CURSOR.pack(page.next.absolute_expire_ms, page.next.session.raw)) if page.next else ""
    sessions = [_to_record(session) for session in page.sessions]
    return session_service_pb2.ListSessionsResponse(sessions=sessions, next_page_token=token).SerializeToString()


def _target(request: session_service_pb2.RevokeSessionRequest) -> Target:
    chosen = request.WhichOneof("target")
    match chosen:
        case "session_id":
            return BySession(SessionId.parse(request.session_id, field="session_id"))
        case "refresh_token":
            return ByRefreshToken(request.refresh_token)
        case "access_token":
            return ByAccessToken(request.access_token.encode())
        case "subject":
            spared = request.except_session_id
            return BySubject(*_subject(request.subject), SessionId.parse(spared, field="except_session_id") if spared else None)
        case None:
            raise FieldInvalidError("target", found="nothing", allowed=_NO_TARGET)
        case _:
            raise FeatureUnsupportedError(chosen)


def _subject(subject: session_pb2.Subject) -> tuple[str, str]:
    issuer = fields.identifier(subject.issuer, field="subject.issuer")
    return issuer, fields.identifier(subject.subject, field="subject.subject")


def _client(client: session_pb2.Client) -> Client:
    return Client(
        ip_address=fields.text(client.ip_address, field="client.ip_address", max_bytes=_MAX_ADDRESS_BYTES),
        user_agent=fields.text(client.user_agent, field="client.user_agent"),
        device_label=fields.text(client.device_label, field="client.device_label"),
    )


def _claims_json(text: str) -> str:
    size = len(text.encode())
    if size > _MAX_CLAIMS_BYTES:
        raise FieldInvalidError("local_login.claims_json", found=f"{size} bytes", allowed=f"at most {_MAX_CLAIMS_BYTES} bytes")
    return text


def _cursor(token: str) -> SessionCursor | None:
    if not token:
        return None
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        expire_ms, session = _CURSOR.unpack(raw)
    except (binascii.Error, struct.error, ValueError):
        raise FieldInvalidError(
            "page_token", found=f"{len(token)} characters", allowed="next_page_token of a page before"
        ) from None
    return SessionCursor(expire_ms, SessionId(session))


def _set_expiries(
    response: session_service_pb2.CreateSessionResponse | session_service_pb2.RefreshSessionResponse, opened: Opened
) -> None:
    response.access_expire_time.FromSeconds(int(opened.claims.expires_at))
    response.refresh_expire_time.FromMilliseconds(opened.refresh_expire_ms)


def _to_record(stored: StoredSession) -> session_pb2.SessionRecord:
    client = stored.login.client
    return session_pb2.SessionRecord(
        session=_to_stored_session(stored),
        create_time=_time(stored.created_ms),
        last_refresh_time=_time(stored.refreshed_ms),
        idle_expire_time=_time(stored.idle_expire_ms),
        absolute_expire_time=_time(stored.absolute_expire_ms),
        client=session_pb2.Client(ip_address=client.ip_address, user_agent=client.user_agent, device_label=client.device_label),
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
