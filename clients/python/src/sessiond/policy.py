"""What callers require of a token, compiled: as a message, and as what tells one demand from another."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final, TypedDict, Unpack, cast

from sessiond.v1 import session_pb2

_MICROSECOND: Final = timedelta(microseconds=1)


class Requirements(TypedDict, total=False):
    """What is required of a token beyond being good; all of it must hold.

    Of `issuers`, `audiences` and `acr_values` any one will do, and of each claim any one of its values;
    `max_auth_age` is how long ago the user may have proved who they are (RFC 9470).
    """

    issuers: Sequence[str]
    audiences: Sequence[str]
    scopes: Sequence[str]
    permissions: Sequence[str]
    claims: Mapping[str, Sequence[str]]
    acr_values: Sequence[str]
    max_auth_age: timedelta


class Policy:
    """The `Requirements` of a route, compiled once: `validate(token, POLICY)` costs less than its keywords.

    It is immutable, and hides nothing: two that demand the same share what a client keeps.
    """

    __slots__ = ("_requirements", "digest", "message")

    def __init__(self, **requirements: Unpack[Requirements]) -> None:
        refuse_unknown(requirements, Requirements)
        self._requirements = requirements
        # None where nothing is required: a question without it is cheaper to read.
        self.message: Final = _to_message(requirements)
        self.digest: Final = hashlib.sha256(_canonical(requirements)).digest()

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes that it demands, in the order of their names."""
        return tuple(sorted(set(self._requirements.get("scopes") or ())))

    def __repr__(self) -> str:
        return f"Policy({', '.join(f'{name}={value!r}' for name, value in self._requirements.items())})"


def to_policy(requirements: Requirements) -> Policy:
    """The policy of a call's keywords; that of the same keywords is found again.

    Raises:
        TypeError: a keyword is not known.
    """
    if not requirements:
        return NOTHING
    return _remembered(tuple((name, _frozen(value)) for name, value in requirements.items()))


def refuse_unknown(given: Mapping[str, Any], known: Any) -> None:
    """Raise `TypeError`, as Python does for a wrong keyword.

    A demand that is misspelt must not go unheard.
    """
    unknown = sorted(given.keys() - known.__optional_keys__)
    if unknown:
        allowed = ", ".join(sorted(known.__optional_keys__))
        raise TypeError(f"unexpected keyword argument {unknown[0]!r}: allowed are {allowed}")


@lru_cache(maxsize=256)
def _remembered(frozen: tuple[tuple[str, Any], ...]) -> Policy:
    requirements = cast("Requirements", {name: _thawed(name, value) for name, value in frozen})
    return Policy(**requirements)


def _frozen(value: Any) -> Any:
    if isinstance(value, Mapping):
        return tuple((name, tuple(values)) for name, values in value.items())
    return value if value is None or isinstance(value, timedelta) else tuple(value)


def _thawed(name: str, value: Any) -> Any:
    return dict(value) if name == "claims" and value is not None else value


def _canonical(given: Requirements) -> bytes:
    """The same bytes for the same demand: neither order nor repetition counts within a field."""
    age = given.get("max_auth_age")
    fields = {
        name: sorted(set(given.get(name) or ()))  # type: ignore[call-overload]
        for name in ("issuers", "audiences", "scopes", "permissions", "acr_values")
    }
    claims = {name: sorted(set(values)) for name, values in (given.get("claims") or {}).items()}
    demand = {**fields, "claims": claims, "max_auth_age": None if age is None else age // _MICROSECOND}
    return json.dumps(demand, sort_keys=True).encode()


def _to_message(given: Requirements) -> session_pb2.Requirements | None:
    claims, age = given.get("claims") or {}, given.get("max_auth_age")
    message = session_pb2.Requirements(
        issuers=given.get("issuers", ()),
        audiences=given.get("audiences", ()),
        scopes=given.get("scopes", ()),
        permissions=given.get("permissions", ()),
        claims={name: session_pb2.ClaimValues(values=values) for name, values in claims.items()},
        acr_values=given.get("acr_values", ()),
    )
    if age is not None:
        message.max_auth_age.FromTimedelta(age)
    return message if message.ListFields() else None


NOTHING: Final = Policy()
