"""Where our own keys stand in a directory: one in use, perhaps the next one, and former ones.

The next key is read by every server before any server uses it; a former one for as long as a session needs
it. Nothing here is ever overwritten or removed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sessiond_server.adapters.embedded.data_directory import (
    DataDirectoryError,
    in_one_line,
    private_directory,
    random_key,
    refuse_unless_private,
    secret_file,
    sync_directory,
)
from sessiond_server.adapters.jwt.local_issuer import create_signing_key

_NEXT: Final = ".next"
_FORMER: Final = ".old-"


@dataclass(frozen=True, slots=True)
class KeyKind:
    """A kind of key: what it is called, the name of its file, and what makes one."""

    name: str
    file: str
    create: Callable[[], bytes] = random_key


PEPPER: Final = KeyKind("pepper", "pepper")
SEALING: Final = KeyKind("sealing", "sealing-key")
SIGNING: Final = KeyKind("signing", "signing-key.pem", create_signing_key)
KINDS: Final = (PEPPER, SEALING, SIGNING)


def key_files(directory: Path, kind: KeyKind) -> tuple[Path, ...]:
    """The files of a kind: the one in use first, then the next one, then the former ones, newest first.

    None where there is none in use: a key that is only readable cannot be the first. A key that is two of
    these, because somebody was interrupted, is there once.
    """
    current = directory / kind.file
    if not current.exists():
        return ()
    candidates = (current, _next_of(current), *sorted(_former_of(current), key=_age, reverse=True))
    found: list[Path] = []
    for path in candidates:
        if path.exists() and not any(path.samefile(other) for other in found):
            found.append(path)
    return tuple(found)


def make_keys(directory: Path) -> list[Path]:
    """Make a key of each kind in `directory`, which is made with mode 0700 where it is missing.

    Raises:
        DataDirectoryError: there are keys already, or the directory is not ours alone.
    """
    path = private_directory(directory)
    there = [kind.file for kind in KINDS if (path / kind.file).exists()]
    if there:
        raise DataDirectoryError(f"{path}: has {', '.join(there)} already, and nothing was made")
    return [secret_file(path, kind.file, create=kind.create) for kind in KINDS]


def add_next(directory: Path, kinds: Collection[KeyKind]) -> list[Path]:
    """Make the next key of each kind, which nothing is made with yet.

    Raises:
        DataDirectoryError: there is no key in use, or a next one already; nothing was made.
    """
    path = _ours(directory, kinds)
    waiting = [kind.name for kind in kinds if _next_of(path / kind.file).exists()]
    if waiting:
        raise DataDirectoryError(f"{path}: there is a next {' and '.join(waiting)} already, to be used first")
    return [secret_file(path, kind.file + _NEXT, create=kind.create) for kind in kinds]


def use_next(directory: Path, kinds: Collection[KeyKind]) -> list[Path]:
    """Put the next key of each kind in use, and keep the one before as a former one; the files in use now.

    At every moment each key has a name by which it is read, so that whoever is interrupted can begin again.

    Raises:
        DataDirectoryError: there is no next key of one of these kinds; nothing has changed.
    """
    path = _ours(directory, kinds)
    missing = [kind.name for kind in kinds if not _next_of(path / kind.file).exists()]
    if missing:
        raise DataDirectoryError(f"{path}: there is no next {' and no next '.join(missing)}; make it first")
    for kind in kinds:
        with in_one_line(path):
            current = path / kind.file
            if not any(former.samefile(current) for former in _former_of(current)):
                number = max(map(_age, _former_of(current)), default=0) + 1
                current.with_name(f"{kind.file}{_FORMER}{number}").hardlink_to(current)
            _next_of(current).replace(current)
            sync_directory(path)
    return [path / kind.file for kind in kinds]


def _ours(directory: Path, kinds: Collection[KeyKind]) -> Path:
    path = directory.absolute()
    with in_one_line(path):
        refuse_unless_private(path)
    missing = [kind.file for kind in kinds if not (path / kind.file).exists()]
    if missing:
        raise DataDirectoryError(f"{path}: has no {' and no '.join(missing)}")
    return path


def _next_of(current: Path) -> Path:
    return current.with_name(current.name + _NEXT)


def _former_of(current: Path) -> list[Path]:
    name = re.compile(re.escape(current.name + _FORMER) + r"\d{1,6}")
    try:
        return [path for path in current.parent.iterdir() if name.fullmatch(path.name)]
    except OSError:
        # Whoever reads the key in use says what is wrong with the directory.
        return []


def _age(former: Path) -> int:
    return int(former.name.rpartition("-")[2])
