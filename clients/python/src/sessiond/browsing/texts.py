"""What a browser says of itself, where it is sent, and what its refresh token says of its session."""

from __future__ import annotations

import base64
import unicodedata
from typing import Final

_LONGEST_USER_AGENT: Final = 256  # bytes; browsers within apps send more
_TOKEN_BYTES: Final = 72


def readable(header: str) -> str:
    """A header's value, each byte a character, as a text that a server takes.

    What is no UTF-8 becomes U+FFFD, and a control character a blank: a server refuses both, and whoever
    visits can send them. More than 256 bytes are cut off, on a character.
    """
    text = header.encode("latin-1", "replace").decode("utf-8", "replace")
    plain = "".join(" " if unicodedata.category(one) == "Cc" else one for one in text)
    return plain.encode()[:_LONGEST_USER_AGENT].decode("utf-8", "ignore")


def self_reference(target: str) -> str:
    """Where a browser is sent that is to make the same request again.

    It is relative to its own address (RFC 3986 §5.2), and leads to no other host whatever the target is. It
    holds behind a proxy too that puts something in front of the path.
    """
    path, question_mark, query = target.partition("?")
    return f"./{path.rpartition('/')[2]}{question_mark}{query}"


def is_same_session(first: str, second: str) -> bool:
    """Whether two refresh tokens are of one session.

    The session's id stands behind four other bytes of a token; tokens of which that is not known are of none.
    """
    session = _session_of(first)
    return session != b"" and session == _session_of(second)


def _session_of(refresh_token: str) -> bytes:
    text = refresh_token.removeprefix("sdr1_")
    if text == refresh_token or "+" in text or "/" in text:
        return b""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return b""
    return raw[4:20] if len(raw) == _TOKEN_BYTES else b""
