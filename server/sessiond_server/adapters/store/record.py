"""The record of a session: a binary string, of which scripts read and write the header and nobody but a server reads the tail.

All numbers are unsigned and big-endian, all times milliseconds since 1970 by the store's clock, all absent ids zero bytes.

====== ===== ==================  =====================================================================================
offset bytes field               meaning
====== ===== ==================  =====================================================================================
0      1     version             1
1      1     state               1 live, 2 ended
2      1     cause               `domain.session.Cause`; 0 while live
3      1     flags               1 upstream, 2 leased, 4 confirmed (the current token has been presented, and leased), 8 in doubt
4      4     pepper_id           pepper of the current refresh token
8      4     generation          of the current refresh token
12     4     grace_ms            policy at creation
16     8     idle_ms             policy at creation
24     32    current_hash        SHA-256 of the current secret
56     32    previous_hash       SHA-256 of the secret of the generation before
88     32    step                from which the current secret was derived
120    8     rotated_ms          when the current generation replaced the one before; 0 for generation 0
128    8     rotated_before_ms   the same, one rotation earlier
136    8     created_ms          `sct` of the access tokens
144    8     idle_expire_ms      never later than the absolute expiry
152    8     absolute_expire_ms  never moves
160    8     lease_until_ms      refreshing upstream: until when
168    16    lease_holder        by whom
184    4     lease_number        for the how manieth time
188    4     replays             of the current generation's predecessor
192    8     subject_mark        `hashed_id[:8]` of what can be revoked as a whole
200    8     tenant_mark
208    8     client_mark
216    8     issuer_mark
224    16    fingerprint         of the caller and client that rotated last
240    32    binding             `confirmation_id` of what the session is bound to; zeros: nothing
272    16    provider_session    log id of the provider's session
288    1     token_ids           how many log ids of access tokens follow
====== ===== ==================  =====================================================================================

Behind the header stand `token_ids` times (16-byte log id, 8-byte expiry), at most 8, then the sealed tail. An ended session keeps
the header alone: its tombstone.
"""

from __future__ import annotations

import struct
from dataclasses import astuple, dataclass
from typing import Final

VERSION: Final = 1
LIVE: Final = 1
_TOKEN_ID_BYTES: Final = 24

# Name, Python's format, and the format of the scripts' struct library, which counts bytes behind I and c.
_FIELDS: Final = (
    ("version", "B", "B"),
    ("state", "B", "B"),
    ("cause", "B", "B"),
    ("flags", "B", "B"),
    ("pepper_id", "4s", "c4"),
    ("generation", "I", "I4"),
    ("grace_ms", "I", "I4"),
    ("idle_ms", "Q", "I8"),
    ("current_hash", "32s", "c32"),
    ("previous_hash", "32s", "c32"),
    ("step", "32s", "c32"),
    ("rotated_ms", "Q", "I8"),
    ("rotated_before_ms", "Q", "I8"),
    ("created_ms", "Q", "I8"),
    ("idle_expire_ms", "Q", "I8"),
    ("absolute_expire_ms", "Q", "I8"),
    ("lease_until_ms", "Q", "I8"),
    ("lease_holder", "16s", "c16"),
    ("lease_number", "I", "I4"),
    ("replays", "I", "I4"),
    ("subject_mark", "8s", "c8"),
    ("tenant_mark", "8s", "c8"),
    ("client_mark", "8s", "c8"),
    ("issuer_mark", "8s", "c8"),
    ("fingerprint", "16s", "c16"),
    ("binding", "32s", "c32"),
    ("provider_session", "16s", "c16"),
    ("token_ids", "B", "B"),
)
_HEADER: Final = struct.Struct(">" + "".join(python for _, python, _ in _FIELDS))


@dataclass(frozen=True, slots=True)
class Header:
    """The header's fields, in their order; see the module for their meaning."""

    version: int = VERSION
    state: int = LIVE
    cause: int = 0
    flags: int = 0
    pepper_id: bytes = b""
    generation: int = 0
    grace_ms: int = 0
    idle_ms: int = 0
    current_hash: bytes = b""
    previous_hash: bytes = b""
    step: bytes = b""
    rotated_ms: int = 0
    rotated_before_ms: int = 0
    created_ms: int = 0
    idle_expire_ms: int = 0
    absolute_expire_ms: int = 0
    lease_until_ms: int = 0
    lease_holder: bytes = b""
    lease_number: int = 0
    replays: int = 0
    subject_mark: bytes = b""
    tenant_mark: bytes = b""
    client_mark: bytes = b""
    issuer_mark: bytes = b""
    fingerprint: bytes = b""
    binding: bytes = b""
    provider_session: bytes = b""
    token_ids: int = 0

    def pack(self) -> bytes:
        """The header's 289 bytes; short byte fields are filled up with zeros."""
        return _HEADER.pack(*astuple(self))


def split(record: bytes) -> tuple[Header, bytes]:
    """The header and the sealed tail of a record; raises `struct.error` for what is too short."""
    header = Header(*_HEADER.unpack_from(record))
    return header, record[_HEADER.size + header.token_ids * _TOKEN_ID_BYTES :]


def lua_codec() -> str:
    """The same header for scripts: `read_header(key)` and `packed(header)`, made from the one table of fields."""
    names = ", ".join(f"h.{name}" for name, _, _ in _FIELDS)
    layout = ">" + "".join(lua for _, _, lua in _FIELDS)
    return f"""
local HEADER_BYTES = {_HEADER.size}
local function read_header(key)
  local raw = redis.call('GETRANGE', key, 0, {_HEADER.size - 1})
  if #raw < {_HEADER.size} then return nil end
  local h = {{}}
  {names} = struct.unpack('{layout}', raw)
  return h
end
local function packed(h)
  return struct.pack('{layout}', {names})
end
"""
