"""Proofs of possession on the wire."""

from __future__ import annotations

from typing import Final, TypeAlias

from sessiond.v1 import session_pb2, session_service_pb2
from sessiond_server.domain.confirmation import (
    MAX_PROOF_BYTES,
    ClientCertificate,
    DpopProof,
    PossessionProof,
    is_request_url,
)
from sessiond_server.domain.failures import quoted
from sessiond_server.transport.codec import fields
from sessiond_server.transport.codec.refusals import FieldInvalidError

_SHA256_BYTES: Final = 32

_Request: TypeAlias = (
    session_service_pb2.ValidateTokenRequest
    | session_service_pb2.CreateSessionRequest
    | session_service_pb2.RefreshSessionRequest
)


def decode_proof(request: _Request) -> PossessionProof | None:
    """The proof of possession that came with a request, if one did; raises a named failure."""
    return _proof(request.proof) if request.HasField("proof") else None


def _proof(given: session_pb2.PossessionProof) -> PossessionProof:
    match given.WhichOneof("proof"):
        case "certificate_sha256":
            size, allowed = len(given.certificate_sha256), f"{_SHA256_BYTES} bytes"
            if size != _SHA256_BYTES:
                raise FieldInvalidError("proof.certificate_sha256", found=f"{size} bytes", allowed=allowed)
            return ClientCertificate(given.certificate_sha256)
        case "dpop":
            return _dpop(given.dpop)
        case _:
            raise FieldInvalidError("proof", found="nothing", allowed="certificate_sha256 or dpop")


def _dpop(given: session_pb2.DpopProof) -> DpopProof:
    size, allowed = len(given.proof.encode()), f"1 to {MAX_PROOF_BYTES} bytes"
    if not 1 <= size <= MAX_PROOF_BYTES:
        raise FieldInvalidError("proof.dpop.proof", found=f"{size} bytes", allowed=allowed)
    if not is_request_url(given.url):
        allowed = "an absolute http or https address without query and fragment"
        raise FieldInvalidError("proof.dpop.url", found=quoted(given.url), allowed=allowed)
    return DpopProof(
        given.proof.encode(), fields.identifier(given.method, field="proof.dpop.method"), given.url
    )
