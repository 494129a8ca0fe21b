"""The kinds of settings that are paths: of what is there, and of what is made."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sessiond_server.config.files import FileFaultError, require_readable, shown_path
from sessiond_server.config.kinds import Kind, NotAllowedError, many


def _file(value: object) -> Path:
    path = _path(value)
    try:
        require_readable(path)
    except OSError as error:
        raise NotAllowedError(f"{shown_path(str(value))} ({error.strerror})") from None
    except FileFaultError as error:
        raise NotAllowedError(f"{shown_path(str(value))}, which {error}") from None
    return path


def _new_file(value: object) -> Path:
    path = _path(value)
    if not path.parent.is_dir() or path.is_dir():
        raise NotAllowedError(shown_path(str(value)))
    return path


def _directory(value: object) -> Path:
    path = _path(value)
    if not path.is_dir():
        raise NotAllowedError(shown_path(str(value)))
    return path


def _path(value: object) -> Path:
    if not isinstance(value, str) or not value:
        raise NotAllowedError
    if "\0" in value:
        raise NotAllowedError(f"{len(value)} characters, of which one is zero")
    return Path(value)


FILE: Final = Kind("file", "the path of a readable file", _file)
FILES: Final = many(FILE)
NEW_FILE: Final = Kind("new file", "the path of a file in a directory that is there", _new_file)
DIRECTORY: Final = Kind("directory", "the path of a directory", _directory)
