"""How a script is declared: its keys and arguments by name, and what its reply is read as.

A declaration gives the script its local names, so that no script counts positions, and refuses a call that
does not fit before anything is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Final, Generic, TypeAlias, TypeVar

from sessiond_server.adapters.store.partitions import REPLICATED_KEY
from sessiond_server.domain.revocation import FOREVER_MS

R = TypeVar("R")

Argument: TypeAlias = bytes | str | int | None

# What every script may use: the keys of its partition by their local names, and what it gets before its own
# arguments, with how Lua reads it.
COMMON_KEYS: Final = {
    "HEAD": "head",
    "LOG": "log",
    "CUTOFFS": "cutoffs",
    "CUTOFF_EXPIRIES": "cutoffs:x",
    "CHANGED": "changed",
    "REPLICATED": REPLICATED_KEY,
}
COMMON_ARGUMENTS: Final = {
    "new_incarnation": "{}",
    "not_after_ms": "tonumber({})",
    "max_log_entries": "tonumber({})",
}


class ArgumentsError(TypeError):
    """A script was called with what it does not declare; nothing was sent."""


@dataclass(frozen=True, slots=True)
class Arg:
    """An argument: its local name, how Lua reads it, and how it is sent.

    `encode` raises `ArgumentsError` for what is not of its kind.
    """

    name: str
    lua: str
    encode: Callable[[Argument], bytes | str | int]


def raw(name: str, size: int | None = None) -> Arg:
    """Bytes, of `size` if that is given."""

    def encode(value: Argument) -> bytes:
        if not isinstance(value, bytes) or (size is not None and len(value) != size):
            raise ArgumentsError(f"{name} must be {'bytes' if size is None else f'{size} bytes'}")
        return value

    return Arg(name, "{}", encode)


def raw_or_none(name: str, size: int) -> Arg:
    """Bytes of `size`, or None, which is an empty string in Lua."""
    known = raw(name, size)
    return Arg(name, known.lua, lambda value: b"" if value is None else known.encode(value))


def word(name: str, *allowed: str) -> Arg:
    """One of a few words, or any text where none is given."""

    def encode(value: Argument) -> str:
        if not isinstance(value, str) or (allowed and value not in allowed):
            raise ArgumentsError(f"{name} must be {' or '.join(allowed) or 'text'}")
        return value

    return Arg(name, "{}", encode)


def number(name: str) -> Arg:
    """A whole number that Lua counts exactly, not below 0."""

    def encode(value: Argument) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= FOREVER_MS:
            raise ArgumentsError(f"{name} must be a whole number that is not negative")
        # A member of an enumeration is sent as the number that it is.
        return int(value)

    return Arg(name, "tonumber({})", encode)


def number_or_none(name: str) -> Arg:
    """A number, or None, which is nil in Lua."""
    known = number(name)
    return Arg(name, known.lua, lambda value: b"" if value is None else known.encode(value))


class Lane(Enum):
    """Which connections a script is sent over: a crowd in one lane keeps nobody in another one waiting."""

    CALLS = auto()
    # What ends sessions, or keeps what a provider gave: it must get through while refreshes crowd.
    ENDING = auto()
    # What validation and readiness live on: nobody may answer for longer than this gets through.
    WATCHING = auto()
    # What waits for replicas, and keeps nobody else waiting meanwhile.
    REPLICATING = auto()
    # What is told for later: whoever waits for a session is not kept waiting by it.
    AUDIT = auto()


class Late(Enum):
    """What becomes of a script that gets to the store after whoever sent it has given it up.

    Networks and sockets of frozen processes keep commands for as long as they like.
    """

    # The store refuses it by itself: it would change something that others have gone by since.
    REFUSED = auto()
    # It is carried out: what it wants is right whenever it comes, or it compares what it finds.
    CARRIED_OUT = auto()
    # It changes nothing.
    READS = auto()


@dataclass(frozen=True, slots=True)
class Script(Generic[R]):
    """A script: the name of its file, how its reply is read, its keys and arguments, and its lane.

    What `late` it is to do has no default: each script has to decide. `is_durable` says that its answer
    releases something: before that, as many replicas as are wanted must have what it wrote. Where it does, it
    has written: behind a script that wrote nothing there is nothing to wait for.
    """

    name: str
    reply: Callable[[Any], R]
    keys: tuple[str, ...] = ()
    args: tuple[Arg, ...] = ()
    lane: Lane = Lane.CALLS
    late: Late = field(kw_only=True)
    is_durable: bool = field(kw_only=True, default=False)

    def local_names(self) -> list[str]:
        """The script's local names, in Lua: the common ones, and its own."""
        keys = enumerate((*COMMON_KEYS, *self.keys), start=1)
        arguments = enumerate(COMMON_ARGUMENTS.items(), start=1)
        own = enumerate(self.args, start=len(COMMON_ARGUMENTS) + 1)
        return [
            *(f"local {name} = KEYS[{at}]" for at, name in keys),
            *(f"local {name} = {lua.format(f'ARGV[{at}]')}" for at, (name, lua) in arguments),
            *(f"local {arg.name} = {arg.lua.format(f'ARGV[{at}]')}" for at, arg in own),
        ]

    def bind(self, given: Mapping[str, Argument]) -> tuple[list[str], list[bytes | str | int]]:
        """The keys' names and the arguments, in their order; raises `ArgumentsError`."""
        if len(given) != len(self.keys) + len(self.args):
            raise ArgumentsError(f"{self.name} takes {', '.join(self.names)}")
        try:
            return [_key(given[name]) for name in self.keys], [
                arg.encode(given[arg.name]) for arg in self.args
            ]
        except KeyError as error:
            raise ArgumentsError(f"{self.name} takes {', '.join(self.names)}") from error

    @property
    def names(self) -> tuple[str, ...]:
        """What it is called with."""
        return (*self.keys, *(arg.name for arg in self.args))


def _key(value: Argument) -> str:
    if not isinstance(value, str):
        raise ArgumentsError("a key must be text")
    return value
