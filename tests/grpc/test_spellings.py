"""One token in other spellings.

What means the same is treated the same, revoked or not; what is written otherwise is refused.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1

from sessiond import AsyncClient, Reason, Rejection, Session

if TYPE_CHECKING:
    from collections.abc import Callable

ORDER = SECP256R1().group_order
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def other_signature(token: str) -> str:
    """The same token with (r, n-s).

    Everybody can compute it, and every verifier takes it for a signature by the same key.
    """
    signing_input, _, signature = token.rpartition(".")
    raw = unb64(signature)
    r, s = raw[:32], int.from_bytes(raw[32:])
    return f"{signing_input}.{b64(r + (ORDER - s).to_bytes(32))}"


def stray_bits(token: str) -> str:
    """The last character with its unused bits set: sloppy decoders read the same bytes."""
    last = ALPHABET.index(token[-1])
    return token[:-1] + ALPHABET[last | 1]


def reencoded(token: str) -> str:
    """The payload as JSON with one space more; the signature is for other bytes."""
    header, payload, signature = token.split(".")
    return f"{header}.{b64(json.dumps(json.loads(unb64(payload)), indent=1).encode())}.{signature}"


async def test_the_second_spelling_of_a_signature_is_the_same_token(client: AsyncClient) -> None:
    tokens = await client.create_local_session("alice")
    twin = other_signature(tokens.access_token)
    assert twin != tokens.access_token
    first, second = await client.validate(tokens.access_token), await client.validate(twin)
    assert isinstance(first, Session)
    assert isinstance(second, Session)
    assert first.session_id == second.session_id
    await client.revoke_access_token(twin)
    for token in (tokens.access_token, twin):
        verdict = await client.validate(token)
        assert isinstance(verdict, Rejection)
        assert verdict.reason is Reason.REVOKED


@pytest.mark.parametrize("is_revoked", [False, True])
@pytest.mark.parametrize(
    ("spell", "reason"),
    [
        (lambda token: token + "=", "MALFORMED"),
        (lambda token: token + "==", "MALFORMED"),
        (stray_bits, "MALFORMED"),
        (lambda token: token.replace("-", "+").replace("_", "/") + "+", "MALFORMED"),
        (lambda token: f" {token}", "MALFORMED"),
        (lambda token: token + "\n", "MALFORMED"),
        (lambda token: token + ".", "MALFORMED"),
        (reencoded, "SIGNATURE_INVALID"),
    ],
    ids=[
        "padded",
        "padded twice",
        "stray bits",
        "standard alphabet",
        "space",
        "line feed",
        "dot",
        "re-encoded",
    ],
)
async def test_what_is_written_otherwise_is_no_token(
    client: AsyncClient, spell: Callable[[str], str], reason: str, *, is_revoked: bool
) -> None:
    tokens = await client.create_local_session("alice")
    if is_revoked:
        await client.revoke_session(tokens.session.session_id)
    verdict = await client.validate(spell(tokens.access_token))
    assert isinstance(verdict, Rejection)
    assert verdict.reason == reason
