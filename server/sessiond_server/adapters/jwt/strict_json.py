"""JSON objects without the liberties that Python's reader takes (RFC 8259, RFC 7519 §7.2, RFC 8725 §3.7).

One text has one meaning: whatever two readers could take differently is refused, and so is what costs more
than it can be worth.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final

from sessiond_server.adapters.jwt.malformed import MalformedError

MAX_MEMBERS: Final = 256
MAX_NESTING: Final = 64
_MAX_INTEGER: Final = 2**63
_MAX_INTEGER_CHARACTERS: Final = len(str(-_MAX_INTEGER))
_MAX_FLOAT_CHARACTERS: Final = 64

# An unterminated string matches too: a quote that did not would make the search quadratic.
_STRING: Final = re.compile(rb'"(?:[^"\\]++|\\.?)*+"?', re.DOTALL)
_TO_SQUARE: Final = bytes.maketrans(b"{}", b"[]")
_OTHER_THAN_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))


def read_object(raw: bytes, *, max_members: int = MAX_MEMBERS) -> tuple[dict[str, Any], str]:
    """The JSON object in `raw`, and its text.

    Raises ValueError, of Python's own kinds too, whose text may repeat the content.

    Refused: other encodings than UTF-8, a byte order mark, a name twice in one object (also when spelt with
    escapes), NaN and Infinity and numbers that become them, integers beyond 2^63, lone surrogates, more than
    64 levels or `max_members` members.
    """
    if not _is_bounded(raw, max_members):
        raise MalformedError("too deep or too many members")
    text = raw.decode()
    value = _DECODER.decode(text)
    if not isinstance(value, dict):
        raise MalformedError("not a JSON object")
    if "\\u" in text:
        # Only an escape can bring a lone surrogate into text that was UTF-8; encoding refuses it.
        json.dumps(value, ensure_ascii=False).encode()
    return value, text


def _is_bounded(raw: bytes, max_members: int) -> bool:
    """Judge size before anything is built: a colon outside of strings is a member, a bracket a level."""
    # Counting inside of strings as well is cheap, can only count too many, and settles nearly every token.
    if raw.count(b":") <= max_members and raw.count(b"[") + raw.count(b"{") <= MAX_NESTING:
        return True
    structure = _STRING.sub(b"", raw)
    return structure.count(b":") <= max_members and _is_shallow(structure)


def _is_shallow(structure: bytes) -> bool:
    """Whether brackets nest at most `MAX_NESTING` deep: every round takes away the innermost level."""
    brackets = structure.translate(_TO_SQUARE, _OTHER_THAN_BRACKETS)
    for _ in range(MAX_NESTING):
        outer = brackets.replace(b"[]", b"")
        if len(outer) == len(brackets):
            break
        brackets = outer
    return not brackets


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names differ after unescaping (RFC 7515 §4, RFC 7519 §4)."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedError("a name occurs twice")
    return members


def _integer(digits: str) -> int:
    # The length is judged first, because int() takes quadratic time.
    if len(digits) > _MAX_INTEGER_CHARACTERS or abs(value := int(digits)) > _MAX_INTEGER:
        raise MalformedError("integer out of range")
    return value


def _float(digits: str) -> float:
    if len(digits) > _MAX_FLOAT_CHARACTERS or not math.isfinite(value := float(digits)):
        raise MalformedError("number out of range")
    return value


def _constant(_name: str) -> float:
    raise MalformedError("NaN and Infinity are not JSON")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_integer, parse_float=_float, parse_constant=_constant
)
