"""Proofs of possession on the wire."""

from __future__ import annotations

from typing import Final, TypeAlias

from sessiond.v1 import session_pb2, session_service_pb2
from sessiond_server.domain.binding import MAX_PROOF_BYTES, Binding, CertificateBinding, DpopBinding, is_request_url
from sessiond_server.domain.failures import FieldInvalidError, quoted
from sessiond_server.transport.codec import fields

_SHA256_BYTES: Final = 32

_Request: TypeAlias = (
    session_service_pb2.ValidateTokenRequest
    | session_service_pb2.ValidateTokensRequest
    | session_service_pb2.CreateSessionRequest
    | session_service_pb2.RefreshSessionRequest
)


def decode_binding(request: _Request) -> Binding | None:
    """What came with a request to prove a key, if anything did; raises a named failure."""
    return _binding(request.binding) if request.HasField("binding") else None


def _binding(binding: session_pb2.Binding) -> Binding:
    match binding.WhichOneof("proof"):
        case "certificate_sha256":
            size = len(binding.certificate_sha256)
            if size != _SHA256_BYTES:
                raise FieldInvalidError("binding.certificate_sha256", found=f"{size} bytes", allowed=f"{_SHA256_BYTES} bytes")
            return CertificateBinding(binding.certificate_sha256)
        case "dpop":
            return _dpop(binding.dpop)
        case _:
            raise FieldInvalidError("binding.proof", found="nothing", allowed="certificate_sha256 or dpop")


def _dpop(given: session_pb2.DpopProof) -> DpopBinding:
    size = len(given.proof)
    if not 1 <= size <= MAX_PROOF_BYTES:
        raise FieldInvalidError("binding.dpop.proof", found=f"{size} bytes", allowed=f"1 to {MAX_PROOF_BYTES} bytes")
    if not is_request_url(given.url):
        allowed = "an absolute http or https address without query and fragment"
        raise FieldInvalidError("binding.dpop.url", found=quoted(given.url), allowed=allowed)
    return DpopBinding(given.proof.encode(), fields.identifier(given.method, field="binding.dpop.method"), given.url)
