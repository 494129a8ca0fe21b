"""Requests are read strictly at any depth, and what is unknown is named without walking all of it."""

from __future__ import annotations

import pytest

from sessiond.v1.session_pb2 import ClaimValues, Requirements
from sessiond.v1.session_service_pb2 import ValidateTokenRequest
from sessiond_server.transport.codec import wire
from sessiond_server.transport.codec.refusals import FeatureUnsupportedError, MessageMalformedError

UNKNOWN = b"\xf8\x06\x01"  # field 111, a varint
UNNAMED = "unknown field"
KNOWN = ValidateTokenRequest(token="t", requirements={"scopes": ["a"], "claims": {"c": {"values": ["v"]}}})


def with_claims(number: int, unknown_in: int) -> bytes:
    """So many required claims, one of which has an unknown field."""
    claims = {f"c{n:06}": ClaimValues(values=["v"]) for n in range(number)}
    claims[f"c{unknown_in:06}"].MergeFromString(UNKNOWN)
    return ValidateTokenRequest(requirements=Requirements(claims=claims)).SerializeToString()


def test_what_is_known_is_read() -> None:
    assert wire.parse(ValidateTokenRequest, KNOWN.SerializeToString()) == KNOWN
    assert wire.parse(ValidateTokenRequest, b"") == ValidateTokenRequest()


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (KNOWN.SerializeToString() + UNKNOWN, "field number 111"),
        (UNKNOWN + KNOWN.SerializeToString(), "field number 111"),
        (b"\x12\x03" + UNKNOWN, "requirements.field number 111"),
        (with_claims(3, 1), "requirements.claims.field number 111"),
        # Group 111, with a field of its own in it.
        (b"\xfb\x06\x08\x01\xfc\x06", "field number 111"),
        (5000 * UNKNOWN, UNNAMED),
        (b"\x12\x98\x75" + 5000 * UNKNOWN, UNNAMED),
    ],
    ids=["behind", "before", "inside", "in a map", "a group", "very many", "very many inside"],
)
def test_what_is_unknown_is_named(raw: bytes, name: str) -> None:
    with pytest.raises(FeatureUnsupportedError) as refused:
        wire.parse(ValidateTokenRequest, raw)
    assert refused.value.field == name


def test_of_very_many_messages_the_first_are_looked_into() -> None:
    with pytest.raises(FeatureUnsupportedError) as refused:
        wire.parse(ValidateTokenRequest, with_claims(5000, 4999))
    assert refused.value.field in {UNNAMED, "requirements.claims.field number 111"}


@pytest.mark.parametrize("raw", [b"\xff", b"\x0a\x01\xff", b"\x0a\x05a", b"\x12\x01"])
def test_what_is_no_message_is_malformed(raw: bytes) -> None:
    with pytest.raises(MessageMalformedError):
        wire.parse(ValidateTokenRequest, raw)
