"""RefreshSession between the wire and the domain."""

from __future__ import annotations

from sessiond.v1 import session_service_pb2
from sessiond_server.service.sessions.create import RequestContext
from sessiond_server.service.sessions.issued_tokens import IssuedTokens
from sessiond_server.transport.codec import wire
from sessiond_server.transport.codec.possession_proof import decode_proof
from sessiond_server.transport.codec.refusals import FieldInvalidError
from sessiond_server.transport.codec.tokens import decode_device, to_tokens


def decode(request: session_service_pb2.RefreshSessionRequest) -> tuple[str, RequestContext]:
    """The presented refresh token, and what presents it; raises a named failure."""
    wire.refuse_set(request, ("issuer",))
    if not request.refresh_token:
        raise FieldInvalidError("refresh_token", found="nothing", allowed="a refresh token")
    return request.refresh_token, RequestContext(decode_device(request.device), proof=decode_proof(request))


def encode(issued: IssuedTokens) -> bytes:
    """The response that holds what a refresh gives out."""
    response = session_service_pb2.RefreshSessionResponse(tokens=to_tokens(issued), replayed=issued.replayed)
    return response.SerializeToString()
