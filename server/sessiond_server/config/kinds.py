"""The kinds of values that a setting can have: how each is read, and how its bounds are said."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import Any, Final, Generic, TypeVar, cast

from sessiond_server.domain.address import Address, AddressError
from sessiond_server.domain.caller import Group

T = TypeVar("T")

_SPAN: Final = re.compile(r"(\d{1,9})(ms|s|m|h|d)")
_UNITS: Final = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
_MODE: Final = re.compile(r"0?[0-7]{3}")
# RFC 6901 §3: a tilde begins an escape. A wrong one would name a claim that no token has.
_CLAIM_PATH: Final = re.compile(r"(?:/(?:[^/~]|~[01])*)+")
_MAX_SHOWN: Final = 80
# What a person sees of an identifier must be the identifier.
_IDENTIFIER: Final = re.compile(r"[^\x00-\x20\x7f-\xa0]{1,255}")
# It may name many nodes.
_STORE_URL: Final = re.compile(r"[^\x00-\x20\x7f-\xa0]{1,2048}")


class NotAllowedError(ValueError):
    """The value is not one that the setting can have.

    `found` says what the value is, where the value itself does not.
    """

    def __init__(self, found: str | None = None) -> None:
        super().__init__(found)
        self.found = found


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """A kind of value, and what may be given for it.

    `read` turns what TOML gives into such a value, or raises `NotAllowedError`; `allowed` says what may be
    given.

    `split` says that the environment gives such a value as a comma-separated list.
    """

    name: str
    allowed: str
    read: Callable[[object], T]
    split: bool = False
    numeric: bool = False

    def from_text(self, text: str) -> object:
        """What TOML would have given for a value of the environment."""
        if self.split:
            return [item.strip() for item in text.split(",") if item.strip()]
        if self.numeric and re.fullmatch(r"-?\d{1,18}", text):
            return int(text)
        return {"true": True, "false": False}.get(text, text) if self.name == "switch" else text


class Missing(Enum):
    """The default of a setting that must be given."""

    REQUIRED = "required"


@dataclass(frozen=True, slots=True)
class Setting:
    """What is known of a setting beside its type and default."""

    kind: Kind[Any]
    meaning: str


def setting(kind: Kind[T], meaning: str, *, default: T | Missing | None = Missing.REQUIRED) -> T:
    """A field of a settings class; a field without a default must be given.

    `meaning` is what the reference says of it.
    """
    metadata = {"setting": Setting(kind, meaning)}
    if default is Missing.REQUIRED:
        return cast("T", field(metadata=metadata))
    return cast("T", field(default=default, metadata=metadata))


def shown(value: object) -> str:
    """A value as a message shows it."""
    if isinstance(value, list | dict):
        return f"{'an array' if isinstance(value, list) else 'a table'} of {len(value)}"
    text = json.dumps(value, default=str)
    return text if len(text) <= _MAX_SHOWN else f"{len(text)} characters"


def whole(low: int, high: int) -> Kind[int]:
    """A whole number within bounds."""

    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise NotAllowedError
        return value

    return Kind("number", f"a whole number from {low} to {high}", read, numeric=True)


def span(low: str, high: str) -> Kind[timedelta]:
    """A span of time such as `250ms`, `10s`, `5m`, `12h` or `30d`, within bounds."""

    def read(value: object) -> timedelta:
        found = to_span(value)
        if not to_span(low) <= found <= to_span(high):
            raise NotAllowedError
        return found

    return Kind("span", f"a span from {low} to {high}, such as 10s or 30d", read)


def to_span(value: object) -> timedelta:
    """Read a span; raises `NotAllowedError`."""
    found = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise NotAllowedError
    return int(found[1]) * _UNITS[found[2]]


def one_of(*names: str) -> Kind[str]:
    """One of a few words."""

    def read(value: object) -> str:
        if not isinstance(value, str) or value not in names:
            raise NotAllowedError
        return value

    return Kind("word", " or ".join(json.dumps(name) for name in names), read)


def many(kind: Kind[T], *, least: int = 0, name: str = "list") -> Kind[tuple[T, ...]]:
    """An array of another kind, no item twice."""

    def read(value: object) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise NotAllowedError("no array")
        if len(value) < least:
            raise NotAllowedError(f"{len(value)} items")
        items = tuple(map(_item, value))
        if len(set(items)) < len(items):
            raise NotAllowedError("an item twice")
        return items

    def _item(value: object) -> T:
        try:
            return kind.read(value)
        except NotAllowedError as error:
            raise NotAllowedError(error.found or shown(value)) from None

    number = f"an array of {least} or more" if least else "an array"
    return Kind(name, f"{number}, each {kind.allowed}", read, split=True)


def words(names: Collection[str], *, least: int = 0) -> Kind[tuple[str, ...]]:
    """An array of words."""
    return many(one_of(*names), least=least)


def _text(value: object) -> str:
    if not isinstance(value, str) or not _IDENTIFIER.fullmatch(value):
        raise NotAllowedError
    return value


def _store_url(value: object) -> str:
    if not isinstance(value, str) or not _STORE_URL.fullmatch(value):
        raise NotAllowedError
    return value


def _claim(value: object) -> str:
    text = _text(value)
    if text.startswith("/") and not _CLAIM_PATH.fullmatch(text):
        raise NotAllowedError
    return text


def _switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise NotAllowedError
    return value


def _address(value: object) -> Address:
    try:
        return Address.parse(_text(value))
    except AddressError:
        raise NotAllowedError from None


def _stream(value: object) -> str:
    text = _text(value)
    # Names with a brace are those of sessiond's own keys, or choose their place in a cluster.
    if "{" in text or "}" in text:
        raise NotAllowedError
    return text


def _mode(value: object) -> int:
    if not isinstance(value, str) or not _MODE.fullmatch(value):
        raise NotAllowedError
    return int(value, 8)


def _network(value: object) -> str:
    try:
        return str(ipaddress.ip_network(_text(value)))
    except ValueError:
        raise NotAllowedError from None


TEXT: Final = Kind("text", "1 to 255 characters without spaces and control characters", _text)
STORE_URL: Final = Kind("text", "1 to 2048 characters without spaces and control characters", _store_url)
SWITCH: Final = Kind("switch", "true or false", _switch)
ADDRESS: Final = Kind("address", "HOST:PORT, [IPV6]:PORT or unix:PATH", _address)
STREAM: Final = Kind("stream", "1 to 255 characters without spaces, braces and control characters", _stream)
MODE: Final = Kind("mode", 'an octal mode such as "0660"', _mode)
NETWORK: Final = Kind("network", "a network such as 10.0.0.0/8", _network)
CLAIM: Final = Kind("claim", "a claim's name, or a path to it such as /realm_access/roles", _claim)
CLAIMS: Final = many(CLAIM)
TEXTS: Final = many(TEXT)


def _group(value: object) -> Group:
    try:
        return Group(_text(value))
    except ValueError:
        raise NotAllowedError from None


GROUPS: Final = many(Kind("group", f"one of {', '.join(Group)}", _group))
