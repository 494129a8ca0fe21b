"""What a request demands of a token, between the wire and the domain."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from google.protobuf.duration_pb2 import Duration

from sessiond.v1 import session_pb2
from sessiond_server.domain.consistency import AtLeastAsFresh, Consistency, FullyConsistent
from sessiond_server.domain.failures import quoted
from sessiond_server.domain.requirements import Requirements
from sessiond_server.domain.revocation import Position, from_revision
from sessiond_server.transport.codec import fields
from sessiond_server.transport.codec.refusals import FieldInvalidError

REVISION: Final = "consistency.at_least_as_fresh.revision"
# A byte places what a partition has, so there are at most 256 of them, each with 56 characters.
_MAX_REVISION_CHARACTERS: Final = 256 * 56
# Protobuf's own bound of a Duration, about ten thousand years.
_MAX_DURATION_SECONDS: Final = 315_576_000_000
_NANOSECONDS: Final = 1_000_000_000


def decode_requirements(
    message: session_pb2.Requirements, *, permitted: frozenset[str] | None
) -> Requirements:
    """What must hold; raises a named failure.

    `permitted` are the issuers whose tokens the caller may ask about.
    """
    return Requirements(
        issuers=frozenset(fields.items(message.issuers, field="requirements.issuers")),
        audiences=frozenset(fields.items(message.audiences, field="requirements.audiences")),
        scopes=fields.scopes(message.scopes, field="requirements.scopes"),
        permissions=fields.items(message.permissions, field="requirements.permissions"),
        claims=_claims(message.claims),
        # They go into the challenge, where a quote would end what it quotes.
        acr_values=fields.scopes(message.acr_values, field="requirements.acr_values"),
        max_auth_age_seconds=_seconds(message.max_auth_age) if message.HasField("max_auth_age") else None,
        permitted_issuers=permitted,
    )


def decode_consistency(message: session_pb2.Consistency) -> Consistency | None:
    """What must be known of revocations; None for what is known anyway. Raises a named failure."""
    match message.WhichOneof("requirement"):
        case "fully_consistent":
            return FullyConsistent()
        case "at_least_as_fresh":
            return AtLeastAsFresh(decode_positions(message.at_least_as_fresh.revision, field=REVISION))
        case _:
            return None


def decode_positions(revision: str, *, field: str) -> tuple[Position, ...]:
    """How far a revision reaches; raises a named failure."""
    positions = from_revision(revision) if len(revision) <= _MAX_REVISION_CHARACTERS else None
    if not positions:
        found = f"{len(revision)} characters that are no revision"
        raise FieldInvalidError(field, found=found, allowed="a revision that sessiond returned")
    return positions


def _claims(claims: Mapping[str, session_pb2.ClaimValues]) -> Mapping[str, tuple[str, ...]]:
    if len(claims) > fields.MAX_LIST_ITEMS:
        allowed = f"at most {fields.MAX_LIST_ITEMS}"
        raise FieldInvalidError("requirements.claims", found=f"{len(claims)} claims", allowed=allowed)
    return MappingProxyType(
        {
            fields.identifier(name, field="requirements.claims key"): _values(name, one)
            for name, one in claims.items()
        }
    )


def _values(name: str, one: session_pb2.ClaimValues) -> tuple[str, ...]:
    field = f"requirements.claims[{quoted(name)}].values"
    if not one.values:
        # A claim without values could never match, and a caller who forgot the values meant something else.
        raise FieldInvalidError(field, found="no value", allowed="1 to 64 values")
    return fields.items(one.values, field=field)


def _seconds(duration: Duration) -> float:
    if not (0 <= duration.seconds <= _MAX_DURATION_SECONDS and 0 <= duration.nanos < _NANOSECONDS):
        found = f"{duration.seconds} s and {duration.nanos} ns"
        raise FieldInvalidError("requirements.max_auth_age", found=found, allowed="a span of 0 s or more")
    return duration.seconds + duration.nanos / _NANOSECONDS
