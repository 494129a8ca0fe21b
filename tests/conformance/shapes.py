"""Shapes of values in case files: each looks at a value, and says where it is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

Shape: TypeAlias = Callable[[Any, str], None]
Members: TypeAlias = Mapping[str, Shape]
Rows: TypeAlias = Mapping[str, tuple[Members, Members]]
_SHOWN = 80


class MalformedCaseError(Exception):
    """A case file says what the runner does not understand."""


def refuse(where: str, found: Any, allowed: str) -> MalformedCaseError:
    """What to raise for a value at `where`."""
    shown = repr(found)
    return MalformedCaseError(
        f"{where}: found {shown if len(shown) <= _SHOWN else shown[:_SHOWN] + '…'}, allowed is {allowed}"
    )


def _of(*kinds: type, called: str) -> Shape:
    def check(value: Any, where: str) -> None:
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise refuse(where, value, called)

    return check


def anything(_value: Any, _where: str) -> None:
    """Whatever JSON has."""


text: Final = _of(str, called="a text")
number: Final = _of(int, float, called="a number")
truth: Final = _of(bool, called="true or false")
object_of_anything: Final = _of(dict, called="an object")


def whole(least: int) -> Shape:
    """A whole number."""

    def check(value: Any, where: str) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise refuse(where, value, f"a whole number from {least} on")

    return check


def hexadecimal(value: Any, where: str) -> None:
    """Bytes."""
    try:
        bytes.fromhex(value)
    except (TypeError, ValueError):
        raise refuse(where, value, "bytes in hexadecimal") from None


def one_of(*allowed: Any) -> Shape:
    """Exactly one of these values."""

    def check(value: Any, where: str) -> None:
        if not any(value == one and type(value) is type(one) for one in allowed):
            raise refuse(where, value, ", ".join(map(str, allowed)))

    return check


def any_of(*shapes: Shape, called: str) -> Shape:
    """Any one of these shapes."""

    def fits(shape: Shape, value: Any, where: str) -> bool:
        try:
            shape(value, where)
        except MalformedCaseError:
            return False
        return True

    def check(value: Any, where: str) -> None:
        if not any(fits(shape, value, where) for shape in shapes):
            raise refuse(where, value, called)

    return check


def list_of(shape: Shape, *, least: int = 0) -> Shape:
    """A list; `least` is how many it has at least."""

    def check(value: Any, where: str) -> None:
        if not isinstance(value, list) or len(value) < least:
            raise refuse(where, value, f"a list of at least {least}" if least else "a list")
        for index, item in enumerate(value):
            shape(item, f"{where}[{index}]")

    return check


def map_of(shape: Shape, *, keys: Any = None) -> Shape:
    """An object whose members are all alike; `keys` are the names that they may have."""

    def check(value: Any, where: str) -> None:
        object_of_anything(value, where)
        for name, member in value.items():
            if keys is not None and name not in keys:
                raise refuse(f"{where}.{name}", name, ", ".join(keys))
            shape(member, f"{where}.{name}")

    return check


def members(required: Members, optional: Members | None = None) -> Shape:
    """An object with just these members."""
    known = {**required, **(optional or {})}

    def check(value: Any, where: str) -> None:
        object_of_anything(value, where)
        for name in value:
            if name not in known:
                raise refuse(f"{where}.{name}", value[name], f"one of the members {', '.join(known)}")
        for name in required:
            if name not in value:
                raise MalformedCaseError(f"{where}.{name}: found nothing, but it is required")
        for name, member in value.items():
            known[name](member, f"{where}.{name}")

    return check


def chosen(kinds: Members) -> Shape:
    """An object of one of several kinds, each known by a member that it alone has."""

    def check(value: Any, where: str) -> None:
        object_of_anything(value, where)
        found = [name for name in kinds if name in value]
        if len(found) != 1:
            raise refuse(where, sorted(value), f"exactly one of the members {', '.join(kinds)}")
        kinds[found[0]](value, where)

    return check


def flag(value: Any, where: str) -> None:
    """What is so; what is not is left out."""
    if value is not True:
        raise refuse(where, value, "true, or to be left out")


def off(value: Any, where: str) -> None:
    """What is switched off."""
    if value is not False:
        raise refuse(where, value, "false")


def named(member: str, rows: Rows, more: Members) -> Shape:
    """An object whose `member` names a row: the members that it must have and may have, beside `more`."""

    def check(value: Any, where: str) -> None:
        one_of(*rows)(value[member], f"{where}.{member}")
        required, optional = rows[value[member]]
        members({member: text, **required}, {**optional, **more})(value, where)

    return check
