"""A file that events are appended to, and that others may rename meanwhile: logrotate needs no signal."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sessiond_server.adapters.log_writer import LogWriter
from sessiond_server.adapters.logs import to_logger
from sessiond_server.domain.file_trust import distrust
from sessiond_server.service.logger import Logger

_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_MODE: Final = 0o600
_LAST_LINES_SECONDS: Final = 1.0


class AuditFileError(Exception):
    """The file cannot be used; the message is one line for a person."""


@dataclass(frozen=True, slots=True)
class AuditFile:
    """A logger of events, and what writes its lines."""

    logger: Logger
    writer: LogWriter


@contextmanager
def audit_file(path: Path, *, logger: Logger) -> Iterator[AuditFile]:
    """The file at `path`, made with mode 0600 where it is missing; `logger` is told where it takes nothing.

    Raises:
        AuditFileError: it cannot be opened, it is no regular file, or others may write to it.
    """
    try:
        current = _CurrentFile(path)
    except OSError as error:
        raise AuditFileError(f"{path}: {error.strerror}") from error
    writer = LogWriter(current, fail=lambda: logger.error("audit events cannot be written to their file"))
    writer.start(report=lambda count: logger.error("audit events were dropped", count=count))
    try:
        yield AuditFile(to_logger(writer), writer)
    finally:
        writer.close(within_seconds=_LAST_LINES_SECONDS)


class _CurrentFile:
    """A descriptor of the file that is at `path` now; it is called by one thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = self._open()

    def __call__(self) -> int:
        """The descriptor; where the file was renamed or removed, that of a new one."""
        if self._was_moved():
            former, self._descriptor = self._descriptor, self._open()
            with suppress(OSError):
                os.close(former)
        return self._descriptor

    def _was_moved(self) -> bool:
        try:
            found = self._path.lstat()
        except FileNotFoundError:
            return True
        return not os.path.samestat(found, os.fstat(self._descriptor))

    def _open(self) -> int:
        descriptor = os.open(self._path, _FLAGS, _MODE)
        found = os.fstat(descriptor)
        fault = distrust(found.st_mode, found.st_uid, user=os.geteuid())
        if fault:
            os.close(descriptor)
            raise PermissionError(errno.EPERM, fault)
        return descriptor
