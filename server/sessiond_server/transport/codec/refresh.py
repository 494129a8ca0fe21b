"""RefreshSession between the wire and the domain."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from sessiond.v1 import session_service_pb2
from sessiond_server.domain.failures import Input
from sessiond_server.service.sessions.create import RequestContext
from sessiond_server.service.sessions.issued_tokens import IssuedTokens
from sessiond_server.service.storage.adoptions import ProviderRefreshToken
from sessiond_server.transport.codec import fields
from sessiond_server.transport.codec.possession_proof import decode_proof
from sessiond_server.transport.codec.refusals import FieldInvalidError
from sessiond_server.transport.codec.secrets import provider_refresh_token
from sessiond_server.transport.codec.tokens import decode_device, to_tokens

NAMES: Final = MappingProxyType({Input.ISSUER: "issuer"})


def decode(
    request: session_service_pb2.RefreshSessionRequest,
) -> tuple[str | ProviderRefreshToken, RequestContext]:
    """The presented refresh token, ours or a provider's, and what presents it; raises a named failure."""
    if not request.refresh_token:
        raise FieldInvalidError("refresh_token", found="nothing", allowed="a refresh token")
    presented = _provider_token(request) if request.issuer else request.refresh_token
    return presented, RequestContext(decode_device(request.device), proof=decode_proof(request))


def _provider_token(request: session_service_pb2.RefreshSessionRequest) -> ProviderRefreshToken:
    return ProviderRefreshToken(
        fields.identifier(request.issuer, field="issuer"),
        provider_refresh_token(request.refresh_token, field="refresh_token"),
    )


def encode(issued: IssuedTokens) -> bytes:
    """The response that holds what a refresh gives out."""
    response = session_service_pb2.RefreshSessionResponse(tokens=to_tokens(issued), replayed=issued.replayed)
    return response.SerializeToString()
