"""Base64url as JOSE wants it (RFC 7515 §2, appendix C).

It has no padding, no other characters, and one spelling for each value.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_TEXT: Final = re.compile(rb"[A-Za-z0-9_-]*+")
# Both tables go by the length modulo 4: which last characters leave no stray bits behind (a single character
# always does), and the padding that binascii wants.
_LAST: Final = (_ALPHABET, b"", b"AQgw", b"AEIMQUYcgkosw048")
_PADDING: Final = (b"", b"", b"==", b"=")


def to_base64url(raw: bytes) -> str:
    """The spelling of `raw`."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode_segment(segment: bytes) -> bytes:
    """The bytes that `segment` spells; it must hold characters of the alphabet alone.

    Raises:
        ValueError: it is not the one canonical spelling of its bytes.
    """
    beyond = len(segment) % 4
    if segment[-1:] not in _LAST[beyond]:
        raise ValueError("not canonical base64url")
    # replace() is three times as fast as translate().
    return binascii.a2b_base64(segment.replace(b"-", b"+").replace(b"_", b"/") + _PADDING[beyond])


def decode_text(text: str) -> bytes:
    """The bytes that any `text` spells; raises ValueError where it is not base64url."""
    raw = text.encode("ascii", "replace")  # '?' is outside of the alphabet
    if not _TEXT.fullmatch(raw):
        raise ValueError("not base64url")
    return decode_segment(raw)
