"""Load from h2load, whose own cost is small beside what it measures."""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.processes import load_core, output, pinned
from bench.wire import FRAME_BYTES, PATH

_TOOLS: Final = ("h2load", "taskset")
_CONNECTIONS: Final = 8
_STREAMS: Final = 16
_HTTP1_CONNECTIONS: Final = 32
# Answers differ by a few bytes, as their ages do; an error or a rejection is far smaller than an acceptance.
_LEAST_SHARE_OF_ANSWER: Final = 0.9
_SAID: Final = re.compile(
    r"finished in \S+, (?P<rate>[\d.]+) req/s.*"
    r"requests: \d+ total, \d+ started, (?P<done>\d+) done, (?P<succeeded>\d+) succeeded, "
    r"(?P<failed>\d+) failed, (?P<errored>\d+) errored, (?P<late>\d+) timeout.*"
    r"status codes: (?P<ok>\d+) 2xx.*"
    r"traffic: [^\n]*\((?P<data>\d+)\) data",
    re.DOTALL,
)


class LoadError(Exception):
    """Not every call was answered as it should have been, so that what was measured says nothing."""


@dataclass(frozen=True)
class Target:
    """A server, what to send to it, and the size of the message that it should answer with.

    Without a body it is asked by GET. HTTP/1.1 has one call at a time on each of more connections.
    """

    address: str
    body: Path | None
    answer_bytes: int
    path: str = PATH
    headers: tuple[str, ...] = ("content-type: application/grpc", "te: trailers")
    is_http1: bool = False

    @property
    def connections(self) -> int:
        """How many of them make calls at the same time."""
        return _HTTP1_CONNECTIONS if self.is_http1 else _CONNECTIONS


def is_here(scenario: str, *others: str) -> bool:
    """Whether the tools for load, and others, are here; if not, it is said.

    What was started ends with the scenario.
    """
    if missing := [tool for tool in (*_TOOLS, *others) if shutil.which(tool) is None]:
        install = "apt-get install nghttp2-client util-linux golang"
        sys.stderr.write(f"{scenario}: skipped, {missing[0]} is not here: {install}\n")
        return False
    if task := asyncio.current_task():
        # SIGTERM ends it as Ctrl-C does, which asyncio sees to by itself.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return True


async def flood(target: Target, *, calls: int) -> float:
    """Make so many calls, as many at a time as the connections take; the result is calls a second.

    Raises:
        LoadError: a call failed, or the answers are too small to be acceptances.
    """
    said = await _h2load(target, "-n", str(calls))
    if int(said["done"]) != calls:
        raise LoadError(f"{target.address}: {said['done']} of {calls} calls were answered")
    if int(said["data"]) < calls * _LEAST_SHARE_OF_ANSWER * (target.answer_bytes + FRAME_BYTES):
        raise LoadError(f"{target.address}: {calls} answers in {said['data']} bytes are no acceptances")
    return float(said["rate"])


async def latencies(target: Target, *, calls_per_second: float, seconds: int) -> list[float]:
    """Seconds that each call took at an even pace.

    All connections call at the same moments, so that some of these calls wait for one another.

    Raises:
        LoadError: a call failed.
    """
    pace = max(1, round(calls_per_second / target.connections))
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        log = Path(directory, "log")
        await _h2load(target, "-D", str(seconds), "--rps", str(pace), "--log-file", str(log))
        return _read(log)


def _read(log: Path) -> list[float]:
    """The seconds of each call; a line says when the call began, its status, and its microseconds."""
    return [int(line.split("\t")[2]) / 1e6 for line in log.read_text().splitlines()]


async def _h2load(target: Target, *options: str) -> dict[str, str]:
    streams = ("--h1", "-m", "1") if target.is_http1 else ("-m", str(_STREAMS))
    fixed = ("-t", "1", "-c", str(target.connections), *streams)
    body = ("-d", str(target.body)) if target.body else ()
    headers = [part for header in target.headers for part in ("-H", header)]
    command = ("h2load", *fixed, *body, *headers, *options, f"http://{target.address}{target.path}")
    text = await output(*pinned(load_core(), *command))
    match = _SAID.search(text)
    if match is None:
        raise LoadError(f"{target.address}: h2load said {text!r}")
    said = match.groupdict()
    failures = sum(int(said[kind]) for kind in ("failed", "errored", "late"))
    done, succeeded, ok = (int(said[kind]) for kind in ("done", "succeeded", "ok"))
    # Of an answer that is under way when the time is over, the status may have been counted already.
    if failures or not done == succeeded <= ok:
        raise LoadError(f"{target.address}: calls failed: {match[0]}")
    return said
