"""Access tokens that are too large for one cookie.

Such a token is in two or three. The first has the name of all, and its value is COUNT:CHECK:TEXT; the others
are called -2 and -3 behind that name, and have the rest of the text. CHECK is that of the whole: parts of
different tokens are never taken for one. No token has a colon.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

MOST_PARTS: Final = 3


def joined(values: Sequence[str]) -> str:
    """The token in the values of cookies, of which the first may be all; empty where one is missing."""
    count, is_part, rest = values[0].partition(":")
    if not is_part:
        return values[0]
    check, _, token = rest.partition(":")
    if count not in {"2", "3"}:
        return ""
    token += "".join(values[1 : int(count)])
    return token if fingerprint(token) == check else ""


def fingerprint(token: str) -> str:
    """Tells tokens apart, and nothing else of them."""
    return hashlib.sha256(token.encode()).hexdigest()[:16]
