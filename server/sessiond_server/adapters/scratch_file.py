"""Memory on disk, for what is too much to be held and need not outlive the process."""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from typing_extensions import override

from sessiond_server.domain.space import Space


class ScratchFile(Space):
    """A file without a name in the directory for temporary files, made when it is first written to.

    It is written and read by offset and never mapped: a disk that is full or broken is an `OSError`, where a
    mapped page would be the end of the process.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    @override
    def write(self, at: int, packed: bytes) -> None:
        if self._descriptor is None:
            file = self._stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
            self._descriptor = file.fileno()
        left = memoryview(packed)
        while left:
            written = os.pwrite(self._descriptor, left, at)
            left, at = left[written:], at + written

    @override
    def read(self, at: int, size: int) -> bytes:
        if self._descriptor is None:
            raise OSError("nothing has been written")
        found = os.pread(self._descriptor, size, at)
        if len(found) != size:
            raise OSError("the file is shorter than what was written to it")
        return found
