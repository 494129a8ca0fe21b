"""Revocations on the wire."""

from __future__ import annotations

from typing import Final

from sessiond.v1 import session_pb2
from sessiond_server.domain.revocation import Revocation

# The last moment that a Timestamp can tell: what is revoked for good.
_LAST_MS: Final = 253_402_300_799_000


def encode(revocation: Revocation, *, revision: str = "") -> session_pb2.Revocation:
    """What others may learn of a revocation; nothing of its cutoff and of what is spared.

    An answer with many of them tells their revision itself.
    """
    message = session_pb2.Revocation(
        type=session_pb2.RevocationType.Name(revocation.type),
        hashed_id=revocation.hashed_id,
        revision=revision,
    )
    message.expire_time.FromMilliseconds(min(revocation.expire_ms, _LAST_MS))
    return message
