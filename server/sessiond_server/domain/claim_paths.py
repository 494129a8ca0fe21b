"""Claims by their names, or by paths to them."""

from __future__ import annotations

from typing import Any, Final

from sessiond_server.domain.token import JsonObject

ABSENT: Final = object()


def find_claim(payload: JsonObject, name: str) -> Any:
    """The claim of this name; a name that begins with a slash is a path into objects (RFC 6901 §4).

    Arrays are not looked into. Null is a value: what is not there is `ABSENT`.
    """
    if not name.startswith("/"):
        return payload.get(name, ABSENT)
    value: Any = payload
    for part in name[1:].split("/"):
        if not isinstance(value, dict):
            return ABSENT
        value = value.get(part.replace("~1", "/").replace("~0", "~"), ABSENT)
    return value
