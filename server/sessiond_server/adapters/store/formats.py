"""The binary formats that servers and scripts share, beside the record's header; all numbers are big-endian.

A format is written once, in the language of Python's `struct`; `lua_format` says the same to the scripts.
"""

from __future__ import annotations

import re
import struct
from typing import Final

# A cutoff of a subject, tenant, client, issuer, key or provider's session: its time, the session that it
# spares, the earlier cutoff that holds for that session all the same, and when the cutoff can be forgotten.
CUTOFF: Final = struct.Struct(">Q16sQQ")
# What is kept of an access token of a provider: its hashed id and its expiry.
TOKEN_ID: Final = struct.Struct(">16sQ")
# A session that may have to end for another: its member of the index, and when it was last used.
CANDIDATE: Final = struct.Struct(">32sQ")
# A refresh token that is to be revoked at its provider: since when it waits, the session, the hashed issuer,
# and the hashed client that it was issued to; the sealed token follows.
QUEUED: Final = struct.Struct(">Q16s16s16s")
# The hashed issuer, and how much life an access token of it must have left to be handed out again.
REUSE_ABOVE: Final = struct.Struct(">16sQ")
# A time at which the store could not be used: its beginning and its end.
OUTAGE: Final = struct.Struct(">QQ")

_CODE: Final = re.compile(r"(\d*)([BHIQs])")
_LUA_CODES: Final = {"B": "B", "H": "I2", "I": "I4", "Q": "I8"}


def lua_format(python_format: str) -> str:
    """The same format for the scripts' `struct` library, where I and c are followed by a number of bytes."""
    codes = (f"c{count}" if code == "s" else _LUA_CODES[code] for count, code in _CODE.findall(python_format))
    return ">" + "".join(codes)
