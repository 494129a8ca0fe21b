"""How replies are read: what a script returns becomes a number, bytes, or a dataclass whose fields are named.

A list is read by the types of the fields, in their order. No message says anything of a reply that does not
fit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Final, Generic, TypeVar, get_origin, get_type_hints

R = TypeVar("R")


class ReplyError(ValueError):
    """A script replied what it does not declare; the message says nothing of what it replied."""


def one(cls: type[R]) -> Callable[[Any], R]:
    """A reader of replies that are a list: the fields of `cls`, a dataclass, in their order."""
    hints = get_type_hints(cls)
    readers = [_reader(hints[field.name]) for field in fields(_data(cls))]

    def read(found: Any) -> R:
        if not isinstance(found, list) or len(found) > len(readers):
            raise ReplyError(f"a reply is not of the fields of {cls.__name__}")
        # Lua cuts a list at its first nil: what is absent at the end is read as None.
        filled = [*found, *[None] * (len(readers) - len(found))]
        return cls(*(reader(value) for reader, value in zip(readers, filled, strict=True)))

    return read


class ByOutcome(Generic[R]):
    """A reader of replies that begin with a word, which tells what follows; `outcomes` are these words."""

    def __init__(self, classes: Mapping[str, type[R]]) -> None:
        self._readers = {name: one(cls) for name, cls in classes.items()}
        self.outcomes = frozenset(classes)

    def __call__(self, found: Any) -> tuple[str, R]:
        """The word, and what follows it."""
        if not isinstance(found, list) or not found:
            raise ReplyError("a reply does not begin with its outcome")
        outcome = text(found[0])
        if outcome not in self._readers:
            raise ReplyError("a reply is of an outcome that is not declared")
        return outcome, self._readers[outcome](found[1:])


def whole(found: Any) -> int:
    """A number."""
    if not isinstance(found, int):
        raise ReplyError("a reply is not a number")
    return found


def flag(found: Any) -> bool:
    """0 or 1."""
    return bool(whole(found))


def octets(found: Any) -> bytes:
    """A string of bytes."""
    if not isinstance(found, bytes):
        raise ReplyError("a reply is not a string")
    return found


def whole_or_none(found: Any) -> int | None:
    """A number; None for nil."""
    return None if found is None else whole(found)


def text(found: Any) -> str:
    """A string that is ASCII."""
    try:
        return octets(found).decode("ascii")
    except UnicodeDecodeError:
        raise ReplyError("a reply is not ASCII") from None


def octets_or_none(found: Any) -> bytes | None:
    """A string of bytes; None for nil."""
    return None if found is None else octets(found)


def many(reader: Callable[[Any], R]) -> Callable[[Any], tuple[R, ...]]:
    """A list of the same."""

    def read(found: Any) -> tuple[R, ...]:
        if not isinstance(found, list):
            raise ReplyError("a reply is not a list")
        return tuple(map(reader, found))

    return read


_READERS: Final[Mapping[Any, Callable[[Any], Any]]] = {
    int: whole,
    int | None: whole_or_none,
    bool: flag,
    bytes: octets,
    str: text,
    bytes | None: octets_or_none,
    tuple[bytes, ...]: many(octets),
}


def _reader(hint: Any) -> Callable[[Any], Any]:
    if hint in _READERS:
        return _READERS[hint]
    if get_origin(hint) is tuple:
        return many(one(_data(hint.__args__[0])))
    optional = [inner for inner in getattr(hint, "__args__", ()) if inner is not type(None)]
    if len(optional) == 1 and is_dataclass(optional[0]):
        read = one(_data(optional[0]))
        return lambda found: None if found is None else read(found)
    return one(_data(hint))


def _data(cls: Any) -> Any:
    if not is_dataclass(cls):
        raise TypeError("a reply is read into a dataclass")
    return cls
