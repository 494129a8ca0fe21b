"""RevokeSession between the wire and the domain."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from sessiond.v1 import session_pb2, session_service_pb2
from sessiond_server.domain.failures import Input
from sessiond_server.domain.revocation import RevocationType
from sessiond_server.domain.session import Cause
from sessiond_server.service.sessions.revoke import (
    ByAccessToken,
    ByRefreshToken,
    BySession,
    BySubject,
    SessionsEnded,
    Target,
)
from sessiond_server.service.storage.cutoffs import Shared
from sessiond_server.transport.codec import fields, revocations, wire
from sessiond_server.transport.codec.refusals import FieldInvalidError

# What many sessions share: its type, and the name of its own id in its message.
_SHARED: Final = MappingProxyType(
    {
        "provider_session": (RevocationType.PROVIDER_SESSION, "session_id"),
        "tenant": (RevocationType.TENANT, "tenant_id"),
        "client": (RevocationType.CLIENT, "client_id"),
        "key": (RevocationType.KEY, "key_id"),
    }
)
_ALLOWED: Final = ", ".join(
    ("exactly one of session_id", "refresh_token", "access_token", "subject", "issuer", *_SHARED)
)


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


def names_in(request: session_service_pb2.RevokeSessionRequest) -> Mapping[Input, str]:
    """The names under which this request has the inputs that a service may refuse."""
    target = request.WhichOneof("target")
    issuer = target if target == "issuer" else f"{target}.issuer"
    return {Input.ISSUER: issuer, Input.SPARED_SESSION: "except_session_id"}


def encode(ended: SessionsEnded) -> bytes:
    """The response that says what ended."""
    told = [revocations.encode(one) for one in ended.revocations]
    response = session_service_pb2.RevokeSessionResponse(
        revision=ended.revision, sessions_ended=ended.count, revocations=told
    )
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
        case "issuer":
            return Shared(RevocationType.ISSUER, fields.identifier(request.issuer, field="issuer"))
        case None:
            raise FieldInvalidError("target", found="nothing", allowed=_ALLOWED)
        case _:
            return _shared(chosen, getattr(request, chosen))


def _shared(
    field: str,
    target: session_service_pb2.ProviderSession
    | session_service_pb2.Tenant
    | session_service_pb2.ClientApplication
    | session_service_pb2.SigningKey,
) -> Shared:
    type_, name = _SHARED[field]
    read = fields.key_id if type_ is RevocationType.KEY else fields.identifier
    issuer = fields.identifier(target.issuer, field=f"{field}.issuer")
    return Shared(type_, issuer, read(getattr(target, name), field=f"{field}.{name}"))
