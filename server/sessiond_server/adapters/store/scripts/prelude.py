"""What stands before a script: the constants of Python, the codec of the header, and prelude.lua."""

from __future__ import annotations

import importlib.resources
import re
from collections.abc import Iterable, Sequence
from typing import Final

from sessiond_server.adapters.store import limits, partitions
from sessiond_server.adapters.store.formats import (
    CANDIDATE,
    CUTOFF,
    OUTAGE,
    QUEUED,
    REUSE_ABOVE,
    TOKEN_ID,
    lua_format,
)
from sessiond_server.adapters.store.record import Flag, State, lua_codec
from sessiond_server.adapters.store.scripts.declaration import Late, Script
from sessiond_server.adapters.store.sealing import SEALING_ID_BYTES
from sessiond_server.domain.confirmation import CONFIRMATION_ID_BYTES
from sessiond_server.domain.identifiers import HASHED_ID_BYTES, SESSION_ID_BYTES
from sessiond_server.domain.refresh_token import MAX_GENERATION
from sessiond_server.domain.revocation import CHAIN_TAG_CHARACTERS, ENTRY, FOREVER_MS, RevocationType
from sessiond_server.domain.session import Cause

_PRELUDE: Final = "prelude"
# The word is the code of the store's error (store_errors.py).
_REFUSE_LATE: Final = (
    "if now > not_after_ms then return redis.error_reply('LATE the command came too late') end"
)
_DEFINED: Final = re.compile(r"^local (?:function )?([\w, ]+)", re.MULTILINE)
_COMMENT: Final = re.compile(r"--.*")
_WORD: Final = re.compile(r"[A-Za-z_]\w*")
_FORMATS: Final = {
    "ENTRY": ENTRY,
    "CUTOFF": CUTOFF,
    "CANDIDATE": CANDIDATE,
    "TOKEN_ID": TOKEN_ID,
    "QUEUED": QUEUED,
    "REUSE_ABOVE": REUSE_ABOVE,
    "OUTAGE": OUTAGE,
}


def constants() -> dict[str, str]:
    """The constants of scripts by name, as Lua writes them."""
    numbers = {
        **_numbers("STATE", State),
        **_numbers("FLAG", Flag),
        **_numbers("TYPE", RevocationType),
        **_numbers("CAUSE", Cause),
        **{name: value for name, value in vars(limits).items() if isinstance(value, int)},
        **{f"{name}_BYTES": layout.size for name, layout in _FORMATS.items()},
        "HASHED_ID_BYTES": HASHED_ID_BYTES,
        "SESSION_ID_BYTES": SESSION_ID_BYTES,
        "SEALING_ID_BYTES": SEALING_ID_BYTES,
        "CHAIN_TAG_CHARACTERS": CHAIN_TAG_CHARACTERS,
        "MAX_GENERATION": MAX_GENERATION,
        "FOREVER_MS": FOREVER_MS,
    }
    return {
        **{name: str(value) for name, value in numbers.items()},
        **{name: f"'{lua_format(layout.format)}'" for name, layout in _FORMATS.items()},
        **{name: f"'{value}'" for name, value in vars(partitions).items() if name.endswith("_KEY")},
        "NO_ID": f"string.rep('\\0', {HASHED_ID_BYTES})",
        "NOT_BOUND": f"string.rep('\\0', {CONFIRMATION_ID_BYTES})",
    }


def _numbers(prefix: str, names: Iterable[State | Flag | RevocationType | Cause]) -> dict[str, int]:
    return {f"{prefix}_{one.name}": int(one) for one in names}


def texts() -> dict[str, str]:
    """The text of each script by its name, as its file has it."""
    files = importlib.resources.files(__package__).iterdir()
    return {file.name.removesuffix(".lua"): file.read_text() for file in files if file.name.endswith(".lua")}


def sources(scripts: Iterable[Script[object]]) -> dict[str, bytes]:
    """What is sent for each script: those names, constants and pieces that it uses, and its own text."""
    own = texts()
    shared = [
        *(f"local {name} = {value}" for name, value in constants().items()),
        *lua_codec(),
        *_pieces(own[_PRELUDE]),
    ]
    return {script.name: _whole(script, shared, own[script.name]).encode() for script in scripts}


def _whole(script: Script[object], shared: Sequence[str], text: str) -> str:
    """A piece is needed if something after it uses what it defines; looking backwards finds all of them."""
    if script.late is Late.REFUSED:
        text = f"{_REFUSE_LATE}\n{text}"
    needed, kept = _words(text), [text]
    for piece in reversed([*script.local_names(), *shared]):
        if needed & defined_in(piece):
            needed |= _words(piece)
            kept.append(piece)
    return "\n".join(reversed(kept))


def _pieces(text: str) -> list[str]:
    """The paragraphs of a Lua file: each defines a few names at its first column."""
    return text.split("\n\n")


def defined_in(piece: str) -> set[str]:
    """The names that a piece of Lua defines for what follows it."""
    return {name.strip() for names in _DEFINED.findall(piece) for name in names.split(",")}


def _words(text: str) -> set[str]:
    return set(_WORD.findall(_COMMENT.sub("", text)))
