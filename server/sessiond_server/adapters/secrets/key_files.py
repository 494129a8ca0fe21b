"""Secrets in files: each file holds one, as base64, and is readable by those for whom it is meant."""

from __future__ import annotations

import base64
import binascii
import os
import stat
from pathlib import Path
from typing import Final

_MIN_KEY_BYTES: Final = 32
_MAX_FILE_BYTES: Final = 64 << 10


class KeyFileError(Exception):
    """A key file that cannot be used; the message is one line for a person and holds nothing of the key."""


def read_private_file(path: Path) -> bytes:
    """The content of a file that nobody but us and root can have written.

    Raises:
        KeyFileError: it cannot be read, belongs to another user, or group or others may write to it.
    """
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            _refuse_foreign(path, found)
            return file.read(_MAX_FILE_BYTES)
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from error


def read_text(path: Path) -> str:
    """The text of a file without its trailing white space; raises `KeyFileError`."""
    try:
        text = read_private_file(path).decode().rstrip()
    except UnicodeDecodeError:
        raise KeyFileError(f"{path}: is not text") from None
    if not text:
        raise KeyFileError(f"{path}: is empty")
    return text


def is_readable_by_all(path: Path) -> bool:
    """Whether every user of this machine can read a file."""
    return bool(path.stat().st_mode & stat.S_IROTH)


def read_key(path: Path) -> bytes:
    """A key of at least 32 bytes, kept as base64; trailing white space does not count.

    Raises:
        KeyFileError: the file cannot be used, or does not hold such a key.
    """
    try:
        key = base64.b64decode(read_private_file(path).strip(), validate=True)
    except binascii.Error:
        # The error has no cause, because the cause may show what the file holds.
        raise KeyFileError(f"{path}: is not base64") from None
    if len(key) < _MIN_KEY_BYTES:
        raise KeyFileError(f"{path}: has {len(key)} bytes; allowed are {_MIN_KEY_BYTES} and more, as base64")
    return key


def _refuse_foreign(path: Path, found: os.stat_result) -> None:
    if found.st_uid not in {os.geteuid(), 0}:
        raise KeyFileError(f"{path}: belongs to user {found.st_uid}; allowed are this user and root")
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise KeyFileError(
            f"{path}: has mode {stat.S_IMODE(found.st_mode):04o}; group and others must not write to it"
        )
