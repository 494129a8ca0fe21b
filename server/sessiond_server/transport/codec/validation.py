"""ValidateToken between the wire and the domain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, assert_never

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from sessiond.v1 import session_pb2, session_service_pb2
from sessiond_server.domain.claims import Actor, Claims
from sessiond_server.domain.failures import FeatureUnsupportedError, FieldInvalidError
from sessiond_server.domain.identifiers import principal
from sessiond_server.domain.judge import Requirements
from sessiond_server.domain.verdict import Rejected
from sessiond_server.service.token_cache import VerifiedToken
from sessiond_server.service.validation import Answer
from sessiond_server.transport.codec import fields
from sessiond_server.transport.codec.bindings import decode_binding

# The tag of `ValidateTokenResponse.session` and of `ValidateTokensResponse.results`: field 1, length-delimited.
_FIRST_FIELD: Final = b"\x0a"
# Seven bits a byte; the eighth says that more follow.
_VARINT_MORE: Final = 0x80
_MAX_TOKENS: Final = 1000
_MAX_TOKENS_BYTES: Final = 1 << 20
_TOKEN_FIELDS: Final = frozenset({"token", "tokens"})
# Protobuf's own bound of a Duration, about ten thousand years.
_MAX_DURATION_SECONDS: Final = 315_576_000_000
_NANOSECONDS: Final = 1_000_000_000


def decode_validate(
    request: session_service_pb2.ValidateTokenRequest, *, permitted: frozenset[str] | None
) -> tuple[bytes, Requirements]:
    """The token and what is required of it; raises a named failure."""
    return request.token.encode(), _requirements(request, permitted)


def decode_validate_all(
    request: session_service_pb2.ValidateTokensRequest, *, permitted: frozenset[str] | None
) -> tuple[list[bytes], Requirements]:
    """The tokens and what is required of each of them; raises a named failure."""
    tokens = [token.encode() for token in request.tokens]
    if not 1 <= len(tokens) <= _MAX_TOKENS:
        raise FieldInvalidError("tokens", found=f"{len(tokens)} tokens", allowed=f"1 to {_MAX_TOKENS}")
    size = sum(map(len, tokens))
    if size > _MAX_TOKENS_BYTES:
        raise FieldInvalidError("tokens", found=f"{size} bytes", allowed=f"at most {_MAX_TOKENS_BYTES} bytes together")
    if request.binding.HasField("dpop"):
        # A proof is for one token and good once (RFC 9449 §4.3, 12).
        raise FieldInvalidError("binding.dpop", found="a proof, for many tokens", allowed="a proof in ValidateToken")
    return tokens, _requirements(request, permitted)


def _requirements(
    request: session_service_pb2.ValidateTokenRequest | session_service_pb2.ValidateTokensRequest,
    permitted: frozenset[str] | None,
) -> Requirements:
    # Most calls demand nothing but a good token, and reading every field all the same would be a third of their cost.
    set_fields = request.ListFields()
    if len(set_fields) == 1 and set_fields[0][0].name in _TOKEN_FIELDS:
        return Requirements(permitted_issuers=permitted)
    if request.consistency.WhichOneof("requirement") not in {None, "minimize_latency"}:
        raise FeatureUnsupportedError(f"consistency.{request.consistency.WhichOneof('requirement')}")
    return Requirements(
        issuers=frozenset(fields.items(request.issuers, field="issuers")),
        audiences=frozenset(fields.items(request.audiences, field="audiences")),
        scopes=fields.scopes(request.required_scopes, field="required_scopes"),
        permissions=fields.items(request.required_permissions, field="required_permissions"),
        claims=_claim_values(request.required_claims),
        # They go into the challenge, where a quote would end what it quotes.
        acr_values=fields.scopes(request.acr_values, field="acr_values"),
        permitted_issuers=permitted,
        binding=decode_binding(request),
        max_auth_age_seconds=_seconds(request.max_auth_age) if request.HasField("max_auth_age") else None,
    )


def encode_answer(answer: Answer) -> bytes:
    """The response: what was encoded with the token, followed by what belongs to this call."""
    rest = session_service_pb2.ValidateTokenResponse(revision=answer.revision)
    _set_duration(rest.revision_age, answer.revision_age_seconds)
    if answer.cache_for_seconds is not None:
        _set_duration(rest.cache_for, answer.cache_for_seconds)
    match answer.verdict:
        case VerifiedToken(encoded=encoded):
            # Messages whose bytes are joined are merged: nothing of the session is encoded again.
            return encoded + rest.SerializeToString()
        case Rejected() as rejected:
            rest.rejection.CopyFrom(_to_rejection(rejected))
            return rest.SerializeToString()
        case _ as never:
            assert_never(never)


def encode_answers(answers: Iterable[Answer]) -> bytes:
    """The responses of many tokens, in their order."""
    return b"".join(_first_field(encode_answer(answer)) for answer in answers)


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
    """A span on the wire, to the microsecond; in place, which costs half of what a message of its own does."""
    duration.seconds, microseconds = divmod(max(0, int(seconds * 1_000_000)), 1_000_000)
    duration.nanos = microseconds * 1000


def _set_time(timestamp: Timestamp, seconds: float) -> None:
    timestamp.FromMicroseconds(int(seconds * 1_000_000))


def _to_actor(actor: Actor | None) -> session_pb2.Actor | None:
    if actor is None:
        return None
    return session_pb2.Actor(issuer=actor.issuer, subject=actor.subject, actor=_to_actor(actor.actor))


def _to_rejection(rejected: Rejected) -> session_pb2.Rejection:
    return session_pb2.Rejection(
        reason=f"REASON_{rejected.reason.name}",
        message=rejected.message,
        next_action=f"NEXT_ACTION_{rejected.next_action.name}",
        www_authenticate=rejected.challenge,
    )


def _claim_values(claims: Mapping[str, session_pb2.ClaimValues]) -> Mapping[str, tuple[str, ...]]:
    if len(claims) > fields.MAX_LIST_ITEMS:
        raise FieldInvalidError("required_claims", found=f"{len(claims)} claims", allowed=f"at most {fields.MAX_LIST_ITEMS}")
    return MappingProxyType(
        {fields.identifier(name, field="required_claims key"): _values(name, one) for name, one in claims.items()}
    )


def _values(name: str, one: session_pb2.ClaimValues) -> tuple[str, ...]:
    if not one.values:
        # No value would be matched by none, and a caller who forgot the values meant something else.
        raise FieldInvalidError(f"required_claims[{name}].values", found="no value", allowed="1 to 64 values")
    return fields.items(one.values, field=f"required_claims[{name}].values")


def _seconds(duration: Duration) -> float:
    if not (0 <= duration.seconds <= _MAX_DURATION_SECONDS and 0 <= duration.nanos < _NANOSECONDS):
        found = f"{duration.seconds} s and {duration.nanos} ns"
        raise FieldInvalidError("max_auth_age", found=found, allowed="a span of 0 s or more")
    return duration.seconds + duration.nanos / _NANOSECONDS


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
