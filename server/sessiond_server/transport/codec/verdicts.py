"""ValidateToken and ValidateTokens between the wire and the domain."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import MappingProxyType
from typing import Final, assert_never

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from sessiond.v1 import session_pb2, session_service_pb2
from sessiond_server.domain.claims import Actor, Claims
from sessiond_server.domain.confirmation import PossessionProof
from sessiond_server.domain.consistency import Consistency
from sessiond_server.domain.failures import Failure, Input
from sessiond_server.domain.identifiers import principal
from sessiond_server.domain.requirements import NO_REQUIREMENTS, Requirements
from sessiond_server.domain.verdict import Rejected
from sessiond_server.service.validation.token_cache import VerifiedToken
from sessiond_server.service.validation.validate import Undecided, ValidationResult
from sessiond_server.transport.codec.possession_proof import decode_proof
from sessiond_server.transport.codec.refusals import FieldInvalidError
from sessiond_server.transport.codec.requirements import REVISION, decode_consistency, decode_requirements
from sessiond_server.transport.engine.port import Status
from sessiond_server.transport.rejections import next_action, worded

NAMES: Final = MappingProxyType({Input.REVISION: REVISION})
# The tag of `ValidateTokenResponse.session` and of `ValidateTokensResponse.results`: field 1,
# length-delimited.
_FIRST_FIELD: Final = b"\x0a"
# Seven bits a byte; the eighth says that more follow.
_VARINT_MORE: Final = 0x80
_MAX_TOKENS: Final = 1000
_MAX_TOKENS_BYTES: Final = 1 << 20


def decode_validate(
    request: session_service_pb2.ValidateTokenRequest, *, permitted: frozenset[str] | None
) -> tuple[bytes, Requirements, PossessionProof | None]:
    """The token, what is required of it, and what came with it to prove a key; raises a named failure."""
    return request.token.encode(), _requirements(request, permitted), decode_proof(request)


def decode_validate_all(
    request: session_service_pb2.ValidateTokensRequest, *, permitted: frozenset[str] | None
) -> tuple[list[bytes], Requirements]:
    """The tokens and what is required of each of them; raises a named failure."""
    count = len(request.tokens)
    if not 1 <= count <= _MAX_TOKENS:
        raise FieldInvalidError("tokens", found=f"{count} tokens", allowed=f"1 to {_MAX_TOKENS}")
    tokens = [token.encode() for token in request.tokens]
    size = sum(map(len, tokens))
    if size > _MAX_TOKENS_BYTES:
        allowed = f"at most {_MAX_TOKENS_BYTES} bytes together"
        raise FieldInvalidError("tokens", found=f"{size} bytes", allowed=allowed)
    return tokens, _requirements(request, permitted)


def _requirements(
    request: session_service_pb2.ValidateTokenRequest | session_service_pb2.ValidateTokensRequest,
    permitted: frozenset[str] | None,
) -> Requirements:
    # Most calls demand nothing but a good token, and to read every field all the same would be a third of
    # their cost.
    if not request.HasField("requirements"):
        return Requirements(permitted_issuers=permitted) if permitted is not None else NO_REQUIREMENTS
    return decode_requirements(request.requirements, permitted=permitted)


def consistency_of(
    request: session_service_pb2.ValidateTokenRequest | session_service_pb2.ValidateTokensRequest,
) -> Consistency | None:
    """What must be known of revocations; None for what is known anyway. Raises a named failure."""
    return decode_consistency(request.consistency) if request.HasField("consistency") else None


def encode_result(result: ValidationResult, *, configuration: str) -> bytes:
    """The response: what was encoded with the token, followed by what belongs to this call.

    `configuration` is the fingerprint of the settings that the verdict depends on.
    """
    rest = session_service_pb2.ValidateTokenResponse(revision=result.revision, configuration=configuration)
    _set_duration(rest.revision_age, result.revision_age_seconds)
    if result.cache_for_seconds is not None:
        _set_duration(rest.cache_for, result.cache_for_seconds)
    if result.watched_cache_for_seconds is not None:
        _set_duration(rest.watched_cache_for, result.watched_cache_for_seconds)
    if result.is_stale:
        rest.stale = True
    match result.verdict:
        case VerifiedToken(encoded=encoded):
            # Messages whose bytes are joined are merged: nothing of the session is encoded again.
            return encoded + rest.SerializeToString()
        case Rejected() as rejected:
            rest.rejection.CopyFrom(_to_rejection(rejected))
            return rest.SerializeToString()
        case _ as never:
            assert_never(never)


def encode_results(
    results: Iterable[ValidationResult | Undecided],
    to_status: Callable[[Failure], Status],
    *,
    configuration: str,
) -> bytes:
    """The responses of many tokens, in their order; one that is undecided says what its status would."""
    return b"".join(
        _first_field(
            _encode_undecided(to_status(result.failure), configuration)
            if isinstance(result, Undecided)
            else encode_result(result, configuration=configuration)
        )
        for result in results
    )


def _encode_undecided(status: Status, configuration: str) -> bytes:
    message = session_pb2.Undecided(reason=f"ERROR_REASON_{status.reason}")
    _set_duration(message.retry_after, status.retry_after_seconds or 0.0)
    response = session_service_pb2.ValidateTokenResponse(undecided=message, configuration=configuration)
    return response.SerializeToString()


def encode_claims(claims: Claims) -> bytes:
    """The field `session` of a `ValidateTokenResponse`, tag included."""
    return _first_field(to_session(claims).SerializeToString())


def to_session(claims: Claims) -> session_pb2.Session:
    """An accepted token as callers see it."""
    session = session_pb2.Session(
        principal=principal(claims.issuer, claims.subject),
        issuer=claims.issuer,
        subject=claims.subject,
        session_id=claims.session_id,
        provider_session_id=claims.provider_session_id,
        tenant_id=claims.tenant_id,
        client_id=claims.client_id,
        token_id=claims.token_id,
        key_id=claims.key_id,
        audiences=claims.audiences,
        scopes=claims.scopes,
        roles=claims.roles,
        permissions=claims.permissions,
        acr=claims.acr,
        amr=claims.amr,
        actor=_to_actor(claims.actor),
        claims_json=claims.payload_json,
    )
    _set_time(session.expire_time, claims.expires_at)
    if claims.issued_at is not None:
        _set_time(session.issue_time, claims.issued_at)
    if claims.auth_time is not None:
        _set_time(session.auth_time, claims.auth_time)
    return session


def _set_duration(duration: Duration, seconds: float) -> None:
    """Write a span, to the microsecond.

    It is written in place, which costs half of what a message of its own does.
    """
    duration.seconds, microseconds = divmod(max(0, int(seconds * 1_000_000)), 1_000_000)
    duration.nanos = microseconds * 1000


def _set_time(timestamp: Timestamp, seconds: float) -> None:
    timestamp.FromMicroseconds(int(seconds * 1_000_000))


def _to_actor(actor: Actor | None) -> session_pb2.Actor | None:
    if actor is None:
        return None
    return session_pb2.Actor(issuer=actor.issuer, subject=actor.subject, actor=_to_actor(actor.actor))


def _to_rejection(rejected: Rejected) -> session_pb2.Rejection:
    message, challenge = worded(rejected)
    return session_pb2.Rejection(
        reason=f"REASON_{rejected.reason.name}",
        message=message,
        next_action=f"NEXT_ACTION_{next_action(rejected).name}",
        www_authenticate=challenge,
    )


def _first_field(message: bytes) -> bytes:
    return _FIRST_FIELD + _varint(len(message)) + message


def _varint(value: int) -> bytes:
    """The protobuf encoding of an unsigned number."""
    encoded = bytearray()
    while value >= _VARINT_MORE:
        encoded.append(value % _VARINT_MORE | _VARINT_MORE)
        value //= _VARINT_MORE
    encoded.append(value)
    return bytes(encoded)
