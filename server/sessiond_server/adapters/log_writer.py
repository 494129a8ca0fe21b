"""Writes the log from a thread of its own: a standard error that nobody reads must not stop the server."""

from __future__ import annotations

import os
import select
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Final

_MAX_LINES: Final = 4096
_MAX_BYTES: Final = 4 << 20
_BATCH_LINES: Final = 256
_GATHER_SECONDS: Final = 0.01


class LogWriter:
    """A stream of lines that keeps nobody waiting.

    Lines wait here until `descriptor` takes them, which a function may give before each writing. One that
    does not fit beside those that wait is dropped and counted, and `report` is told how many were, once there
    is room again. `fail` is told of the first writing that fails. Lines are whole in a pipe that other
    processes write to as well, as long as it takes one in one piece.
    """

    def __init__(
        self,
        descriptor: int | Callable[[], int],
        *,
        max_lines: int = _MAX_LINES,
        max_bytes: int = _MAX_BYTES,
        fail: Callable[[], object] = lambda: None,
    ) -> None:
        self._descriptor = descriptor
        self._fail = fail
        self._is_failing = False
        self._max_lines = max_lines
        self._max_bytes = max_bytes
        # Its lock may be taken twice by one thread: what runs when garbage is collected may write as well.
        self._changed = threading.Condition()
        self._lines: deque[bytes] = deque()
        self._bytes = 0
        self._dropped = 0
        self._told = 0
        self._is_closed = False
        self._is_writing = False
        self._report: Callable[[int], object] = lambda _: None
        # It may hang in a write for ever, and must not keep the process from ending.
        self._thread = threading.Thread(target=self._write_all, name="log writer", daemon=True)

    @property
    def dropped(self) -> int:
        """How many lines were dropped so far."""
        return self._dropped

    def start(self, *, report: Callable[[int], object]) -> None:
        """Begin to write; lines that were given before are kept."""
        self._report = report
        self._thread.start()

    def flush(self, *, within_seconds: float) -> None:
        """Return when what was given so far is written, and told where it was dropped, or after so long."""
        with self._changed:
            self._changed.wait_for(self._has_told_all, within_seconds)

    def close(self, *, within_seconds: float, say_last: Callable[[], object] = lambda: None) -> None:
        """Take no more lines than `say_last` writes, and let those that wait be written for as long as this.

        Nobody else's line comes after them, from whatever thread.
        """
        with self._changed:
            if self._is_closed:
                return
            say_last()
            self._is_closed = True
            self._changed.notify_all()
        self._thread.join(within_seconds)

    def write(self, text: str) -> None:
        """Take a line, its end included; returns at once."""
        line = text.encode(errors="backslashreplace")
        with self._changed:
            # The report of what was dropped comes from the thread itself, and must not be dropped too.
            if threading.current_thread() is not self._thread and not self._has_room(len(line)):
                self._dropped += 1
                return
            if not self._lines:
                self._changed.notify()
            self._lines.append(line)
            self._bytes += len(line)

    def isatty(self) -> bool:
        """Whether a person reads it."""
        return isinstance(self._descriptor, int) and os.isatty(self._descriptor)

    def _has_told_all(self) -> bool:
        # Whatever was dropped is told by a line.
        return not self._lines and not self._is_writing

    def _has_room(self, more_bytes: int) -> bool:
        fits = len(self._lines) < self._max_lines and self._bytes + more_bytes <= self._max_bytes
        return fits and not self._is_closed

    def _write_all(self) -> None:
        while lines := self._next_lines():
            try:
                for one in joined(lines, max_bytes=select.PIPE_BUF):
                    self._write_out(one)
            except OSError:
                # There is no reader any more, or no disk: a report would be lost like the lines.
                with self._changed:
                    self._dropped += len(lines)
                    self._is_writing = False
                    self._changed.notify_all()
                if not self._is_failing:
                    self._fail()
                self._is_failing = True
            else:
                self._is_failing = False
                self._tell_dropped()

    def _next_lines(self) -> list[bytes]:
        """Wait for lines; none where it is closed and all are written."""
        with self._changed:
            self._changed.wait_for(lambda: self._lines or self._is_closed)
            # More will come: to be woken for each line would cost calls more than writing it does.
            self._changed.wait_for(lambda: self._is_closed, _GATHER_SECONDS)
            lines = [self._lines.popleft() for _ in range(min(len(self._lines), _BATCH_LINES))]
            self._bytes -= sum(map(len, lines))
            self._is_writing = bool(lines)
            return lines

    def _write_out(self, lines: bytes) -> None:
        descriptor = self._descriptor if isinstance(self._descriptor, int) else self._descriptor()
        left = memoryview(lines)
        while left:
            try:
                left = left[os.write(descriptor, left) :]
            except BlockingIOError:
                # Whoever shares the pipe can have made it one that does not block.
                writable = select.poll()
                writable.register(descriptor, select.POLLOUT)
                writable.poll()

    def _tell_dropped(self) -> None:
        with self._changed:
            count, self._told = self._dropped - self._told, self._dropped
            # What comes after the last line is no news.
            if count and not self._is_closed:
                self._report(count)
            self._is_writing = False
            self._changed.notify_all()


def joined(lines: Iterable[bytes], *, max_bytes: int) -> Iterator[bytes]:
    """Lines in pieces of so many bytes at most; no line is divided, and so a longer one is a piece itself."""
    piece: list[bytes] = []
    size = 0
    for line in lines:
        if piece and size + len(line) > max_bytes:
            yield b"".join(piece)
            piece, size = [], 0
        piece.append(line)
        size += len(line)
    if piece:
        yield b"".join(piece)
