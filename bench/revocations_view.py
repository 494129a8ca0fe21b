"""What a server's knowledge of very many revocations costs: memory, look-ups, and a start on a million."""

from __future__ import annotations

import gc
import hashlib
import os
import sys
import tempfile
import time
import timeit
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from redis.asyncio import Redis

from bench.processes import environment, output, pinned, resident_mib, server_core
from bench.servers import ROOT
from bench.table import Row
from sessiond import AsyncClient
from sessiond_server.adapters.scratch_file import ScratchFile
from sessiond_server.domain.revocation import FOREVER_MS, HASHED_ID, NO_ID, Revocation, RevocationType
from sessiond_server.domain.revocation_ids import RevocationIds
from sessiond_server.domain.view import RevocationView
from tests.support.server import ISSUER
from tests.support.server import running as sessiond_dev
from tests.support.store import connected

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TITLE: Final = "Very many revocations: what a server holds of them, and how soon it starts on them"
_COUNTS: Final = {"10 thousand": 10_000, "1 million": 1_000_000, "10 million": 10_000_000}
_A_PART: Final = 8192
_LOOKED_UP: Final = 2000
_IDS_OF_A_TOKEN: Final = 6
_ROUNDS: Final = 7
_STARTS: Final = 5
_SECONDS_TO_MEASURE: Final = 600
# So many must be in the log itself before a snapshot is worth anything.
_IN_THE_LOG: Final = 1100


async def run() -> list[Row]:
    """Megabytes and microseconds for each number of revocations, and seconds until a server serves."""
    rows = []
    for name, count in _COUNTS.items():
        said = await output(
            *pinned(server_core(), sys.executable, "-P", "-m", "bench.revocations_view", str(count)),
            env=environment(ROOT, ROOT / "server", ROOT / "clients" / "python" / "src"),
            seconds=_SECONDS_TO_MEASURE,
        )
        held, passed, hit, loading, longest, saving, longest_saving = map(float, said.split())
        rows += [
            Row(f"{name}: memory", held, "MiB", "≤ 120" if count == max(_COUNTS.values()) else ""),
            Row(f"{name}: a token of {_IDS_OF_A_TOKEN} ids of which none is revoked", passed, "µs"),
            Row(f"{name}: one id of it", passed / _IDS_OF_A_TOKEN, "µs", "< 1.5"),
            Row(f"{name}: a token that is revoked", hit, "µs"),
            Row(f"{name}: loading them", loading, "s of CPU"),
            Row(f"{name}: the longest step of it", longest, "ms"),
            Row(f"{name}: having them for a snapshot again", saving, "s of CPU"),
            Row(f"{name}: the longest step of that", longest_saving, "ms"),
        ]
    return [*rows, *await _starts()]


def entries(count: int) -> Iterator[bytes]:
    """Revoked sessions, packed, in parts as a snapshot has them: sorted by their ids."""
    expire_ms = int(time.time() * 1000) + 86_400_000
    one = Revocation(RevocationType.SESSION, NO_ID, FOREVER_MS, expire_ms).pack()
    head, tail = one[: HASHED_ID.start], one[HASHED_ID.stop :]
    for first in range(0, count, _A_PART):
        numbers = range(first, min(first + _A_PART, count))
        yield b"".join(head + _hashed(number, of=count) + tail for number in numbers)


def _hashed(number: int, *, of: int) -> bytes:
    """An id that might be any, but greater than those of smaller numbers."""
    digest, width = hashlib.sha256(b"%d" % number).digest(), 2**128 // of
    return (number * width + int.from_bytes(digest[:16]) % width).to_bytes(16)


class _Steps:
    """What steps take of the processor: all together, and one of them at most."""

    def __init__(self) -> None:
        self.cpu_seconds, self.longest = 0.0, 0.0

    @contextmanager
    def step(self) -> Iterator[None]:
        begun = time.process_time()
        yield
        used = time.process_time() - begun
        self.cpu_seconds += used
        self.longest = max(self.longest, used)


def _measure(count: int) -> tuple[float, ...]:
    """In a process of its own: MiB, µs of a token that is not revoked and of one that is, loading, saving."""
    # What was imported is not gone through in the middle of a step.
    gc.freeze()
    with ScratchFile() as space:
        view = RevocationView(partitions=1, space=space)
        before = resident_mib(os.getpid(), without_files=True)
        loading = _load(view, count)
        held = resident_mib(os.getpid(), without_files=True) - before
        passed = [
            _ids(hashlib.sha256(b"%d.%d" % (at, one)).digest()[:16] for one in range(_IDS_OF_A_TOKEN))
            for at in range(1, _LOOKED_UP)
        ]
        hit = [_ids([_hashed(at * (count // _LOOKED_UP), of=count)]) for at in range(1, _LOOKED_UP)]
        looked_up = (held, _look_up(view, passed), _look_up(view, hit))
        saving = _save_again(view)
        return *looked_up, *_numbers(loading), *_numbers(saving)


def _load(view: RevocationView, count: int) -> _Steps:
    steps, loading = _Steps(), view.load(0, expected=count)
    if loading is None:
        raise AssertionError("an empty view takes everything in")
    for part in entries(count):
        with steps.step():
            loading.add(part)
    with steps.step():
        view.loaded(0)
    return steps


def _save_again(view: RevocationView) -> _Steps:
    steps, pieces, piece = _Steps(), view.entries_of(0), b"some"
    while piece:
        with steps.step():
            piece = next(pieces, b"")
    return steps


def _numbers(steps: _Steps) -> tuple[float, float]:
    return steps.cpu_seconds, steps.longest * 1000


def _ids(hashed_ids: Iterable[bytes]) -> RevocationIds:
    return RevocationIds(tuple(hashed_ids), NO_ID, NO_ID, 0, 0)


def _look_up(view: RevocationView, tokens: list[RevocationIds]) -> float:
    def look_up() -> None:
        for ids in tokens:
            view.revokes(0, ids)

    return min(timeit.repeat(look_up, number=1, repeat=_ROUNDS)) / len(tokens) * 1e6


async def _starts() -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as directory:
        counts = {"empty": 0, "full": _COUNTS["1 million"]}
        for name, count in counts.items():
            await _save(Path(directory, name), count)
        # In turns: what else the machine does is the same for both.
        starts = [[await _seconds_to_serve(Path(directory, name)) for name in counts] for _ in range(_STARTS)]
    empty, full = zip(*starts, strict=True)
    return [
        Row("a start on no revocations, until it serves", median(empty), "s"),
        Row("a start on 1 million, until it serves", median(full), "s"),
        Row("what the million costs", median(full) - median(empty), "s", "≤ 1"),
    ]


async def _seconds_to_serve(data: Path) -> float:
    """Of a server whose store runs already: how long a store takes to read its file is not ours."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as directory:
        async with sessiond_dev(data, Path(directory, "store.jsonl")):
            begun = time.perf_counter()
            async with sessiond_dev(data, Path(directory, "log.jsonl"), join=True):
                return time.perf_counter() - begun


async def _save(data: Path, count: int) -> None:
    """Have the store of `data` hold a snapshot of so many revocations."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as directory:
        async with (
            sessiond_dev(data, Path(directory, "log.jsonl")) as server,
            AsyncClient(server.grpc) as client,
            Redis(unix_socket_path=str(data / "valkey.sock")) as redis,
        ):
            for number in range(_IN_THE_LOG):
                await client.revoke_subject(ISSUER, f"user-{number}")
            store = connected(redis)
            position = None
            while not (page := await store.log.read(0, position)).reached_head:
                position = page.position
            writer = await store.stores.snapshots.begin(0, former=None)
            if writer is None:
                raise AssertionError("nobody else writes a snapshot")
            for part in entries(count):
                await writer.add(part)
            await writer.finish(page.position)


if __name__ == "__main__":
    sys.stdout.write(" ".join(map(str, _measure(int(sys.argv[1])))))
