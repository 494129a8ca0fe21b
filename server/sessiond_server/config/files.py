"""The configuration's own file, and the paths in it."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import BinaryIO

from sessiond_server.domain.file_trust import distrust


class FileFaultError(Exception):
    """A file that cannot be used; the message says why, and nothing of what it holds."""


def read_whole(path: Path, *, max_bytes: int) -> bytes:
    """The content of a regular file that nobody but us and root can have written.

    Raises:
        FileFaultError: it is another kind of file, others may write to it, or it is too long.
        OSError: it cannot be read.
    """
    with _opened(path) as file:
        found = os.fstat(file.fileno())
        fault = distrust(found.st_mode, found.st_uid, user=os.geteuid())
        if fault:
            raise FileFaultError(fault)
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise FileFaultError(f"has more than {max_bytes} bytes")
    return content


def require_readable(path: Path) -> None:
    """Open a regular file, and close it again.

    Raises:
        FileFaultError: it is another kind of file.
        OSError: it cannot be opened.
    """
    with _opened(path) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise FileFaultError("is no regular file")


def shown_path(text: str) -> str:
    """A path as a message shows it: only as much of it as is on this machine.

    The rest may be a key or a secret, which somebody put there instead of the path of its file.
    """
    path = Path(text)
    if _is_there(path):
        return json.dumps(text)
    directory = next(filter(_is_there, path.absolute().parents))
    return f"a path of {len(text)} characters that is not there, in {json.dumps(str(directory))}"


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False


def _opened(path: Path) -> BinaryIO:
    return open(path, "rb", opener=_open_without_waiting)


def _open_without_waiting(path: str, flags: int) -> int:
    """Open a file; to open a pipe waits for whoever writes into it, unless told otherwise."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)
