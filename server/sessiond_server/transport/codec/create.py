"""CreateSession between the wire and the domain."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from sessiond.v1 import session_service_pb2
from sessiond_server.domain.failures import Input
from sessiond_server.domain.session import Login
from sessiond_server.service.providers.logins import GivenCode, GivenTokens
from sessiond_server.service.sessions.create import RequestContext
from sessiond_server.service.sessions.issued_tokens import IssuedTokens
from sessiond_server.transport.codec import fields
from sessiond_server.transport.codec.possession_proof import decode_proof
from sessiond_server.transport.codec.refusals import FieldInvalidError
from sessiond_server.transport.codec.secrets import provider_refresh_token, secret
from sessiond_server.transport.codec.tokens import decode_device, to_tokens

_MAX_CLAIMS_BYTES: Final = 4096
_CODE_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_NAMES: Final = MappingProxyType(
    {
        Input.REDIRECT_URI: "authorization_code.redirect_uri",
        Input.LOCAL_LOGIN: "local_login",
        Input.AUDIENCES: "local_login.audiences",
        Input.AUTH_TIME: "local_login.auth_time",
        Input.CLAIMS: "local_login.claims_json",
    }
)


def decode(
    request: session_service_pb2.CreateSessionRequest,
) -> tuple[Login | GivenTokens | GivenCode, RequestContext]:
    """What a login produced, and what was said beside it; raises a named failure."""
    attributes = fields.attributes(request.attributes, field="attributes")
    context = RequestContext(decode_device(request.device), attributes, decode_proof(request))
    match request.WhichOneof("source"):
        case "local_login":
            return _local_login(request.local_login, context), context
        case "provider_tokens":
            return _given_tokens(request.provider_tokens), context
        case "authorization_code":
            return _given_code(request.authorization_code), context
        case _:
            allowed = "provider_tokens, authorization_code or local_login"
            raise FieldInvalidError("source", found="nothing", allowed=allowed)


def names_in(request: session_service_pb2.CreateSessionRequest) -> Mapping[Input, str]:
    """The names under which this request has the inputs that a service may refuse."""
    return {**_NAMES, Input.ISSUER: f"{request.WhichOneof('source')}.issuer"}


def encode(issued: IssuedTokens) -> bytes:
    """The response that holds what a login gives out."""
    return session_service_pb2.CreateSessionResponse(tokens=to_tokens(issued)).SerializeToString()


def _local_login(login: session_service_pb2.LocalLogin, context: RequestContext) -> Login:
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
        device=context.device,
        attributes=context.attributes,
    )


def _given_tokens(given: session_service_pb2.ProviderTokens) -> GivenTokens:
    return GivenTokens(
        issuer=fields.identifier(given.issuer, field="provider_tokens.issuer"),
        access_token=secret(given.access_token, field="provider_tokens.access_token"),
        refresh_token=_refresh_token(given.refresh_token),
        id_token=given.id_token,
    )


def _given_code(given: session_service_pb2.AuthorizationCode) -> GivenCode:
    return GivenCode(
        issuer=fields.identifier(given.issuer, field="authorization_code.issuer"),
        code=secret(given.code, field="authorization_code.code"),
        redirect_uri=given.redirect_uri,
        code_verifier=_code_verifier(given.code_verifier),
        nonce=given.nonce,
    )


def _refresh_token(value: str) -> str:
    field = "provider_tokens.refresh_token"
    if not value:
        allowed = "a refresh token: ask the provider for the scope offline_access"
        raise FieldInvalidError(field, found="nothing", allowed=allowed)
    return provider_refresh_token(value, field=field)


def _code_verifier(value: str) -> str:
    """A verifier as RFC 7636 §4.1 has it, of which an error tells the number of characters alone."""
    if not _CODE_VERIFIER.fullmatch(value):
        allowed = "43 to 128 letters, digits, hyphens, periods, underscores and tildes"
        field = "authorization_code.code_verifier"
        raise FieldInvalidError(field, found=f"{len(value)} characters", allowed=allowed)
    return value


def _claims_json(text: str) -> str:
    size, allowed = len(text.encode()), f"at most {_MAX_CLAIMS_BYTES} bytes"
    if size > _MAX_CLAIMS_BYTES:
        raise FieldInvalidError("local_login.claims_json", found=f"{size} bytes", allowed=allowed)
    return text
