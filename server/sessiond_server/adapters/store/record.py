"""The record of a session: a binary string, of which scripts read the header and only servers the rest.

The table of fields below is the format: the layout, the codecs of servers and scripts and docs/record.md are
made from it. All numbers are unsigned and big-endian, all times milliseconds since 1970 by the store's clock,
all absent ids zero bytes.

After the header come `token_ids` pairs of a 16-byte hashed id and an 8-byte expiry, then the sealed login. An
ended session keeps the header alone, as its tombstone. That of a session which the store had lost says
nothing but that it ended, and why.
"""

from __future__ import annotations

import dataclasses
import struct
from dataclasses import astuple, dataclass
from enum import IntEnum, IntFlag
from typing import Final

from sessiond_server.adapters.store.formats import TOKEN_ID, lua_format
from sessiond_server.domain.session import Cause

VERSION: Final = 2


class State(IntEnum):
    """What has become of a session."""

    LIVE = 1
    ENDED = 2


class Flag(IntFlag):
    """What else holds of a session."""

    PROVIDER = 1
    """It is a provider's, whose tokens are kept beside the record."""
    LEASED = 2
    """Somebody has the exclusive right to exchange the provider's refresh token."""
    CONFIRMED = 4
    """The current refresh token has been presented."""
    IN_DOUBT = 8
    """An exchange may have spent the provider's refresh token."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a field of the header stands, its format in the language of `struct`, and what it means."""

    offset: int
    format: str
    meaning: str


_BYTE: Final = "B"
_COUNT: Final = "I"
_NUMBER: Final = "Q"
_PEPPER_ID: Final = "4s"
_ID: Final = "16s"
_HASH: Final = "32s"


def _number(offset: int, number_format: str, meaning: str, *, default: int = 0) -> int:
    return dataclasses.field(default=default, metadata={"place": Place(offset, number_format, meaning)})


def _bytes(offset: int, bytes_format: str, meaning: str) -> bytes:
    return dataclasses.field(default=b"", metadata={"place": Place(offset, bytes_format, meaning)})


def _named(names: type[IntEnum | IntFlag]) -> str:
    return ", ".join(f"{int(one)} {one.name}" for one in names)


@dataclass(frozen=True, slots=True)
class Header:
    """The fields of the header, in their order."""

    version: int = _number(
        0, _BYTE, f"{VERSION}; a record of another version is as if it were not there", default=VERSION
    )
    state: int = _number(1, _BYTE, _named(State), default=State.LIVE)
    cause: int = _number(2, _BYTE, f"why the session ended, 0 while it lives: {_named(Cause)}")
    flags: int = _number(3, _BYTE, f"a sum of {_named(Flag)}")
    pepper_id: bytes = _bytes(4, _PEPPER_ID, "the pepper of the current refresh token")
    generation: int = _number(8, _COUNT, "of the current refresh token")
    grace_ms: int = _number(
        12, _COUNT, "how long a spent refresh token is no sign of theft: the policy at creation"
    )
    idle_ms: int = _number(16, _NUMBER, "how long the session may go unused: the policy at creation")
    current_hash: bytes = _bytes(24, _HASH, "SHA-256 of the current secret")
    previous_hash: bytes = _bytes(56, _HASH, "SHA-256 of the secret of the generation before")
    rotation_salt: bytes = _bytes(88, _HASH, "from which the current secret was derived")
    rotated_ms: int = _number(
        120, _NUMBER, "when the current generation replaced the one before; 0 for generation 0"
    )
    rotated_before_ms: int = _number(128, _NUMBER, "the same, one rotation earlier")
    created_ms: int = _number(136, _NUMBER, "when the session began: `sct` of its access tokens")
    idle_expire_ms: int = _number(144, _NUMBER, "never later than the absolute expiry")
    absolute_expire_ms: int = _number(152, _NUMBER, "never moves")
    lease_until_ms: int = _number(
        160,
        _NUMBER,
        "until when the lease on the exchange at the provider lasts, or would have lasted, if it was given "
        "back in doubt",
    )
    lease_holder: bytes = _bytes(168, _ID, "the call that has the lease")
    lease_number: int = _number(184, _COUNT, "how many leases the session has had")
    replays: int = _number(
        188, _COUNT, "how often the predecessor of the current generation was answered again"
    )
    hashed_subject: bytes = _bytes(192, _ID, "`hashed_id` of what can be revoked as a whole: the subject")
    hashed_tenant: bytes = _bytes(208, _ID, "the same of its tenant")
    hashed_client: bytes = _bytes(224, _ID, "the same of its client")
    hashed_issuer: bytes = _bytes(240, _ID, "the same of its issuer")
    fingerprint: bytes = _bytes(256, _ID, "of the caller and device that rotated last")
    confirmation: bytes = _bytes(
        272, _HASH, "`confirmation_id` of the key that the session is bound to; zeros: to none"
    )
    hashed_provider_session: bytes = _bytes(304, _ID, "`hashed_id` of the provider's own session (`sid`)")
    window_pause_ms: int = _number(
        320, _COUNT, "by how much outages prolonged the window of the last token replayed"
    )
    holds: int = _number(324, _COUNT, "how often in a row an exchange brought what cannot be handed out")
    hold_until_ms: int = _number(328, _NUMBER, "until when the next exchange has to wait for that")
    token_ids: int = _number(
        336,
        _BYTE,
        "how many ids of access tokens follow the header: the last 8, and of a session that has a provider's "
        "session only those of tokens that may still be accepted",
    )
    provider_expire_ms: int = _number(
        337, _NUMBER, "when the provider's refresh token expires, as the provider says; 0: never, or unknown"
    )
    hashed_refresh: bytes = _bytes(
        345, _ID, "`hashed_id` of the provider's refresh token, by which sessions that share one are told"
    )

    def pack(self) -> bytes:
        """The bytes of the header; short byte fields are filled up with zeros."""
        return _LAYOUT.pack(*astuple(self))


def places() -> dict[str, Place]:
    """The table: each field's place, in the order of the fields."""
    return {field.name: field.metadata["place"] for field in dataclasses.fields(Header)}


def _layout() -> struct.Struct:
    """The layout of the header; raises `ValueError` where a field does not stand where the table says."""
    layout = ">"
    for name, place in places().items():
        if struct.calcsize(layout) != place.offset:
            raise ValueError(f"{name} stands at {struct.calcsize(layout)}, not at {place.offset}")
        layout += place.format
    return struct.Struct(layout)


_LAYOUT: Final = _layout()
HEADER_BYTES: Final = _LAYOUT.size


def split(record: bytes) -> tuple[Header, bytes]:
    """The header and the sealed login of a record; raises `struct.error` for what is too short."""
    header = Header(*_LAYOUT.unpack_from(record))
    return header, record[HEADER_BYTES + header.token_ids * TOKEN_ID.size :]


def lua_codec() -> list[str]:
    """The same for scripts.

    `packed(header)`, and `read_header(key)`, which gives nil for no record. `read_shared(key)` gives only
    what of its provider's the session lives by, and costs less: it is asked of many.
    """
    first, last = places()["hashed_provider_session"].offset, places()["hashed_refresh"].offset
    id_bytes = struct.calcsize(_ID)
    names, layout = list(places()), lua_format(_LAYOUT.format)
    return [
        f"local HEADER_BYTES = {HEADER_BYTES}",
        f"""local function read_header(key)
  local raw = redis.call('GETRANGE', key, 0, {HEADER_BYTES - 1})
  if #raw < {HEADER_BYTES} or string.byte(raw) ~= {VERSION} then return nil end
  local {", ".join(names)} = struct.unpack('{layout}', raw)
  return {{{", ".join(f"{name} = {name}" for name in names)}}}
end""",
        f"""local function read_shared(key)
  local raw = redis.call('GETRANGE', key, {first}, {last + id_bytes - 1})
  return {{string.sub(raw, 1, {id_bytes}), string.sub(raw, {last - first + 1})}}
end""",
        f"""local function packed(h)
  return struct.pack('{layout}', {", ".join(f"h.{name}" for name in names)})
end""",
    ]
