"""The log is written by a thread, which neither makes anybody wait nor loses a line unseen."""

from __future__ import annotations

import os
import select
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from sessiond_server.adapters.log_writer import LogWriter, joined
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

LINE = "x" * 1023 + "\n"
PIPE_LINES = 64  # 64 KiB, what a pipe holds
LONG = 30.0


@contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    reader, end = os.pipe()
    try:
        yield reader, end
    finally:
        os.close(reader)
        os.close(end)


def read_all(reader: int) -> bytes:
    os.set_blocking(reader, False)
    found = b""
    while True:
        try:
            found += os.read(reader, 1 << 20)
        except BlockingIOError:
            return found


def report_into(writer: LogWriter) -> None:
    writer.start(report=lambda count: writer.write(f"dropped {count}\n"))


def test_lines_are_written_in_their_order_to_the_last() -> None:
    lines = [f"{n} ünicode \udc80\n" for n in range(500)]
    with pipe() as (reader, end):
        writer = LogWriter(end)
        report_into(writer)
        for line in lines:
            writer.write(line)
        writer.close(within_seconds=LONG)
        assert read_all(reader).decode() == "".join(lines).replace("\udc80", "\\udc80")
        assert writer.dropped == 0


async def test_where_nobody_reads_nobody_waits_and_what_was_dropped_is_told_when_somebody_does() -> None:
    with pipe() as (reader, end):
        writer = LogWriter(end, max_lines=100)
        report_into(writer)
        for _ in range(1000):
            writer.write(LINE)
        dropped = writer.dropped
        assert 1000 - 2 * 100 - PIPE_LINES <= dropped <= 1000 - 100
        found = bytearray()

        def has_been_told() -> bool:
            found.extend(read_all(reader))
            return found.endswith(f"dropped {dropped}\n".encode())

        await eventually(has_been_told)
        assert found.count(LINE.encode()) == 1000 - dropped
        writer.write(LINE)
        os.set_blocking(reader, True)
        assert os.read(reader, 1 << 20) == LINE.encode()
        writer.close(within_seconds=LONG)


@pytest.mark.parametrize("limits", [{"max_lines": 10}, {"max_bytes": 10 * len(LINE)}])
def test_what_waits_is_bounded(limits: dict[str, int]) -> None:
    with pipe() as (_, end):
        writer = LogWriter(end, **limits)
        for _ in range(15):
            writer.write(LINE)
        assert writer.dropped == 5


def test_what_was_written_makes_room() -> None:
    with pipe() as (reader, end):
        writer = LogWriter(end, max_lines=2, max_bytes=2 * len(LINE))
        report_into(writer)
        for _ in range(10):
            writer.write(LINE)
            assert os.read(reader, 1 << 20) == LINE.encode()
        writer.close(within_seconds=LONG)
        assert writer.dropped == 0


def test_the_end_is_not_waited_for_longer_than_was_said() -> None:
    with pipe() as (reader, end):
        writer = LogWriter(end)
        report_into(writer)
        for _ in range(2 * PIPE_LINES):
            writer.write(LINE)
        writer.close(within_seconds=0.05)
        writer.write(LINE)
        assert writer.dropped == 1
        # The thread must not go on with a number that is another pipe's by then.
        while writer._thread.is_alive():
            read_all(reader)
            writer._thread.join(0.01)


async def test_a_pipe_that_does_not_block_is_waited_for() -> None:
    with pipe() as (reader, end):
        os.set_blocking(end, False)
        writer = LogWriter(end)
        report_into(writer)
        for _ in range(2 * PIPE_LINES):
            writer.write(LINE)
        found = bytearray()

        def is_whole() -> bool:
            found.extend(read_all(reader))
            return len(found) == 2 * PIPE_LINES * len(LINE)

        await eventually(is_whole)
        writer.close(within_seconds=LONG)
        assert writer.dropped == 0


async def test_lines_that_have_no_reader_any_more_are_counted() -> None:
    reader, end = os.pipe()
    os.close(reader)
    writer = LogWriter(end)
    report_into(writer)
    for expected in (1, 2):
        writer.write(LINE)
        await eventually(lambda expected=expected: writer.dropped == expected)
    writer.close(within_seconds=LONG)
    os.close(end)


def test_a_line_may_be_written_within_a_line() -> None:
    with pipe() as (reader, end):
        writer = LogWriter(end)
        report_into(writer)
        with writer._changed:
            writer.write("within\n")
        writer.close(within_seconds=LONG)
        assert read_all(reader) == b"within\n"


def test_nothing_is_written_after_the_last_line() -> None:
    with pipe() as (reader, end):
        writer = LogWriter(end, max_lines=4)
        for _ in range(10):
            writer.write(LINE)
        report_into(writer)
        writer.flush(within_seconds=LONG)
        threads = [Thread(target=writer.write, args=("late\n",)) for _ in range(3)]

        def say_last() -> None:
            for one in threads:
                one.start()
            writer.write("last\n")

        writer.close(within_seconds=LONG, say_last=say_last)
        for one in threads:
            one.join()
        found = read_all(reader).decode()
        assert found == 4 * LINE + "dropped 6\nlast\n"
        assert writer.dropped == 6 + len(threads)


def test_what_is_written_at_once_is_whole_lines_that_a_pipe_takes_in_one_piece() -> None:
    """Several processes may write to it."""
    line = "x" * 999 + "\n"
    # Whoever reads such a pipe is given what was written at once.
    reader, end = os.pipe2(os.O_DIRECT)
    writer = LogWriter(end)
    for _ in range(40):
        writer.write(line)
    writer.start(report=lambda _: None)
    writer.close(within_seconds=LONG)
    os.close(end)
    pieces = []
    while piece := os.read(reader, 1 << 20):
        pieces.append(piece)
    os.close(reader)
    assert pieces == [line.encode() * (select.PIPE_BUF // len(line))] * 10


@pytest.mark.parametrize(
    ("lines", "pieces"),
    [
        ([], []),
        ([b"a\n"], [b"a\n"]),
        ([b"a\n", b"b\n", b"c\n"], [b"a\nb\n", b"c\n"]),
        ([b"a\n", b"long\n", b"c\n"], [b"a\n", b"long\n", b"c\n"]),
    ],
)
def test_lines_are_joined_up_to_a_size_and_never_divided(lines: list[bytes], pieces: list[bytes]) -> None:
    assert list(joined(lines, max_bytes=4)) == pieces
