"""RevokeSession between the wire and the domain."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from sessiond.v1 import session_pb2, session_service_pb2
from sessiond_server.domain.failures import Input
from sessiond_server.domain.session import Cause
from sessiond_server.service.sessions.revoke import (
    ByAccessToken,
    ByRefreshToken,
    BySession,
    BySubject,
    SessionsEnded,
    Target,
)
from sessiond_server.transport.codec import fields, wire
from sessiond_server.transport.codec.refusals import FeatureUnsupportedError, FieldInvalidError

NAMES: Final = MappingProxyType({Input.ISSUER: "subject.issuer", Input.SPARED_SESSION: "except_session_id"})
_NO_TARGET: Final = "exactly one of session_id, refresh_token, access_token and subject"


def decode(request: session_service_pb2.RevokeSessionRequest) -> tuple[Target, Cause, str]:
    """What is to end, why, and the caller's remark; raises a named failure."""
    wire.refuse_set(request, ("logout",))
    if request.cause not in session_pb2.RevocationCause.values():
        raise FieldInvalidError("cause", found=str(request.cause), allowed="a value of RevocationCause")
    cause = Cause(request.cause or Cause.LOGOUT)
    target = _target(request)
    if request.except_session_id and not isinstance(target, BySubject):
        found = "a target other than subject"
        raise FieldInvalidError("except_session_id", found=found, allowed="only with subject")
    return target, cause, fields.text(request.note, field="note")


def encode(ended: SessionsEnded) -> bytes:
    """The response that says what ended."""
    response = session_service_pb2.RevokeSessionResponse(revision=ended.revision, sessions_ended=ended.count)
    return response.SerializeToString()


def _target(request: session_service_pb2.RevokeSessionRequest) -> Target:
    chosen = request.WhichOneof("target")
    match chosen:
        case "session_id":
            return BySession(fields.session_id(request.session_id, field="session_id"))
        case "refresh_token":
            return ByRefreshToken(request.refresh_token)
        case "access_token":
            return ByAccessToken(request.access_token.encode())
        case "subject":
            spared = request.except_session_id
            spared_id = fields.session_id(spared, field="except_session_id") if spared else None
            return BySubject(*fields.subject(request.subject), spared_id)
        case None:
            raise FieldInvalidError("target", found="nothing", allowed=_NO_TARGET)
        case _:
            raise FeatureUnsupportedError(chosen)
