"""Secrets in files: each file holds one, as base64, and is readable by those for whom it is meant."""

from __future__ import annotations

import base64
import binascii
import os
import stat
from pathlib import Path
from typing import Final

from sessiond_server.domain.file_trust import distrust

_MIN_KEY_BYTES: Final = 32
# The authorities that a machine trusts are about 220 KB in one file.
_MAX_FILE_BYTES: Final = 1 << 20


class KeyFileError(Exception):
    """A key file that cannot be used; the message is one line for a person and holds nothing of the key."""


def read_private_file(path: Path) -> bytes:
    """The content of a regular file that nobody but us and root can have written.

    Raises:
        KeyFileError: it cannot be read, is no regular file, is too long, belongs to another user, or may be
        written by group or others.
    """
    try:
        with open(path, "rb", opener=_open_without_waiting) as file:
            found = os.fstat(file.fileno())
            fault = distrust(found.st_mode, found.st_uid, user=os.geteuid())
            if fault:
                raise KeyFileError(f"{path}: {fault}")
            content = file.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from error
    if len(content) > _MAX_FILE_BYTES:
        raise KeyFileError(f"{path}: has more than {_MAX_FILE_BYTES} bytes")
    return content


def _open_without_waiting(path: str, flags: int) -> int:
    """Open a file; to open a pipe waits for whoever writes into it, unless told otherwise."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)


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
