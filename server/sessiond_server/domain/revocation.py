"""The revocation log's entries and revisions: formats that every server and script agrees on."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

from sessiond_server.domain.base64url import decode_text, to_base64url

# The largest whole number that Lua, whose numbers are doubles, counts exactly. As a not-before it means
# "every token, whenever it was issued".
FOREVER_MS: Final = 2**53 - 1
NO_ID: Final = bytes(16)
CHAIN_START: Final = ""
CHAIN_TAG_CHARACTERS: Final = 16

ENTRY: Final = struct.Struct(">B16sQQ16s16sQ")
# Where the hashed id stands in a packed entry.
HASHED_ID: Final = slice(1, 17)
_POSITION: Final = struct.Struct(">16sHQ16s")


class RevocationType(IntEnum):
    """What a log entry revokes; the value is the entry's first byte."""

    SESSION = 1
    PROVIDER_SESSION = 2
    TOKEN = 3
    SUBJECT = 4
    TENANT = 5
    CLIENT = 6
    ISSUER = 7
    KEY = 8

    @property
    def kind(self) -> str:
        """The name that goes into the hashed id."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Revocation:
    """One entry of the revocation log.

    Tokens of `hashed_id` from before `not_before_ms` are revoked until the entry's own expiry. For a subject,
    `except_session` and `except_provider_session` (hashed ids, or `NO_ID`) are spared unless they began
    before `floor_ms`, the last cutoff that did not spare them.
    """

    type: RevocationType
    hashed_id: bytes
    not_before_ms: int
    expire_ms: int
    except_session: bytes = NO_ID
    except_provider_session: bytes = NO_ID
    floor_ms: int = 0

    def pack(self) -> bytes:
        """The 73 bytes that the log keeps: `struct` format `>B16sQQ16s16sQ`, in the order of the fields."""
        return ENTRY.pack(
            self.type,
            self.hashed_id,
            self.not_before_ms,
            self.expire_ms,
            self.except_session,
            self.except_provider_session,
            self.floor_ms,
        )

    def merged(self, new: Revocation) -> Revocation:
        """What remains of this one and a `new` one about the same id: the stronger parts of both."""
        earlier, later = (self, new) if new.not_before_ms >= self.not_before_ms else (new, self)
        floor_ms = later.floor_ms
        if later.except_session != NO_ID:
            # In one log the later one has this in its floor. Two histories know nothing of each other.
            is_the_same = earlier.except_session == later.except_session
            floor_ms = max(floor_ms, earlier.floor_ms if is_the_same else earlier.not_before_ms)
        return replace(later, expire_ms=max(self.expire_ms, new.expire_ms), floor_ms=floor_ms)

    @classmethod
    def unpack(cls, packed: bytes) -> Revocation:
        """Read an entry; raises `struct.error` or `ValueError` for bytes that are no entry."""
        kind, *rest = ENTRY.unpack(packed)
        return cls(RevocationType(kind), *rest)


def chain_tag(previous: str, packed: bytes) -> str:
    """The tag of an entry: `sha1hex(previous ‖ packed)[:16]`.

    It tells two histories with the same numbers apart, as after the promotion of a replica. It protects
    against accidents, not against whoever can write the store, so SHA-1, which is what scripts have, will do.
    """
    return hashlib.sha1(previous.encode() + packed, usedforsecurity=False).hexdigest()[:CHAIN_TAG_CHARACTERS]


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the log of one partition, within the store's `incarnation`.

    It is that of entry `number`, with the entry's chain `tag`.
    """

    incarnation: bytes
    partition: int
    number: int
    tag: str


def to_revision(positions: Iterable[Position]) -> str:
    """The opaque text that callers hold and give back."""
    packed = (_POSITION.pack(p.incarnation, p.partition, p.number, p.tag.encode()) for p in positions)
    return to_base64url(b"".join(packed))


def from_revision(revision: str) -> tuple[Position, ...] | None:
    """Read a revision that some server gave out; None for a text that is no revision."""
    try:
        fields = list(_POSITION.iter_unpack(decode_text(revision)))
        return tuple(Position(i, p, n, tag.rstrip(b"\0").decode("ascii")) for i, p, n, tag in fields)
    except (ValueError, struct.error):
        return None
