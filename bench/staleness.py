"""How long after the answer to RevokeSession a token is still accepted elsewhere, by link and kind of caller.

One server ends sessions. Others, whose links to the store are healthy, slow, cut or a black hole since then,
are asked about their tokens again and again, until they refuse them or stop answering: one for each kind of
caller, because a call that has its server read the log brings that to every other caller of it.
"""

from __future__ import annotations

import asyncio
import shlex
import shutil
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

import pygal
from pygal.style import CleanStyle

from bench.table import RESULTS, Row
from sessiond import FULLY_CONSISTENT, AsyncClient, Cache, Consistency, Session, UnavailableError
from tests.conformance.testee import Testee
from tests.support.cluster import running_cluster
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence

    from sessiond import Tokens
    from tests.support.cluster import Cluster
    from tests.support.proxy import Proxy

TITLE: Final = "a revoked token is accepted elsewhere for"
_TRIALS: Final = 200
_AT_A_TIME: Final = 4
_PAUSE_SECONDS: Final = 0.004
_TIMEOUT_SECONDS: Final = 3
_BIN_MS: Final = 100
_BUDGET_MS: Final = 1000
_GO_CLIENT: Final = Path(__file__).parent.parent / "clients" / "go"


@dataclass(frozen=True)
class _Link:
    """What happens to a link, and how it is undone."""

    name: str
    spoil: Callable[[Proxy], Awaitable[None]]


class _Caller(Protocol):
    """Whoever asks one server about tokens."""

    async def accepts(self, token: str) -> bool:
        """Whether the token is accepted; no answer is none."""
        ...


@dataclass(frozen=True)
class _PythonCaller(_Caller):
    client: AsyncClient
    consistency: Consistency | None

    async def accepts(self, token: str) -> bool:
        try:
            verdict = await self.client.validate(token, consistency=self.consistency)
        except UnavailableError:
            return False
        return isinstance(verdict, Session)


@dataclass(frozen=True)
class _GoCaller(_Caller):
    """It asks over a pipe, which takes less than the pause between two calls."""

    testee: Testee

    async def accepts(self, token: str) -> bool:
        _, result = self.testee.begin({"do": "validate", "client": "it", "token": token})
        return "session" in await result


# Makes a caller of the server at an address, with a caller's key.
_Open: TypeAlias = "Callable[[AsyncExitStack, str, str], Awaitable[_Caller]]"


def _python(consistency: Consistency | None = None, cache: Cache | None = None) -> _Open:
    async def open_(stack: AsyncExitStack, address: str, key: str) -> _Caller:
        client = AsyncClient(address, key=key, timeout=_TIMEOUT_SECONDS, cache=cache)
        return _PythonCaller(await stack.enter_async_context(client), consistency)

    return open_


async def _go(stack: AsyncExitStack, address: str, key: str) -> _Caller:
    """The Go client by the program that the conformance suite drives it by."""
    program = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "testee"
    build = ("go", "build", "-o", str(program), "./conformance")
    building = await asyncio.create_subprocess_exec(*build, cwd=_GO_CLIENT)
    if await building.wait():
        raise RuntimeError("the Go client cannot be built")
    testee = await Testee.start(shlex.quote(str(program)))
    stack.push_async_callback(testee.stop)
    new = {"do": "new", "client": "it", "target": address, "key": key, "timeout": _TIMEOUT_SECONDS}
    _, made = testee.begin(new)
    if "error" in (said := await made):
        raise RuntimeError(f"the Go client is not made: {said['error']}")
    return _GoCaller(testee)


_KINDS: Final[dict[str, _Open]] = {
    "server": _python(),
    "cached client": _python(cache=Cache()),
    "Go client, cached": _go,
    "fully consistent": _python(FULLY_CONSISTENT),
}


async def _nothing(_: Proxy) -> None:
    return


async def _slow(link: Proxy) -> None:
    link.delay_seconds = 0.1


async def _cut(link: Proxy) -> None:
    await link.cut()


async def _black_hole(link: Proxy) -> None:
    link.hold()


# The store's answers take 200 ms more where each way takes 100 ms more.
_LINKS: Final = (
    _Link("healthy", _nothing),
    _Link("delayed by 200 ms", _slow),
    _Link("cut", _cut),
    _Link("black hole", _black_hole),
)


async def run() -> list[Row]:
    """Median, 99th percentile and worst of each kind of caller behind each link; a picture of all of them."""
    kinds = {name: open_ for name, open_ in _KINDS.items() if open_ is not _go or shutil.which("go")}
    with tempfile.TemporaryDirectory(prefix="sessiond-bench-") as directory:
        async with running_cluster(Path(directory), servers=1 + len(kinds)) as cluster:
            found = {
                (link.name, name): delays
                for link in _LINKS
                for name, delays in zip(kinds, await _behind(cluster, link, kinds.values()), strict=True)
            }
    _draw(found)
    return [row for (link, kind), delays in found.items() for row in _rows(f"{kind}, {link}", delays)]


def _rows(what: str, delays: Sequence[float]) -> list[Row]:
    ordered = sorted(one * 1000 for one in delays)
    return [
        Row(f"{what}: median of {len(ordered)}", median(ordered), "ms"),
        Row(f"{what}: 99 % within", ordered[int(len(ordered) * 0.99)], "ms"),
        Row(f"{what}: at worst", ordered[-1], "ms", f"≤ {_BUDGET_MS}"),
    ]


async def _behind(cluster: Cluster, link: _Link, kinds: Collection[_Open]) -> list[list[float]]:
    """The delays of each kind."""
    found: list[list[float]] = [[] for _ in kinds]
    async with AsyncExitStack() as stack:
        first, *others = cluster.members
        here = await stack.enter_async_context(
            AsyncClient(first.address, key=cluster.key, timeout=_TIMEOUT_SECONDS, cache=None)
        )
        there = [
            await open_(stack, member.address, cluster.key)
            for open_, member in zip(kinds, others, strict=True)
        ]
        for number in range(_TRIALS // _AT_A_TIME):
            subjects = [f"user-{number}-{one}" for one in range(_AT_A_TIME)]
            sessions = [await here.create_local_session(subject) for subject in subjects]
            for delays, more in zip(
                found, await _trial(cluster.links[1:], link, here, there, sessions), strict=True
            ):
                delays.extend(more)
    return found


async def _trial(
    ways: Sequence[Proxy],
    link: _Link,
    here: AsyncClient,
    there: Sequence[_Caller],
    sessions: Sequence[Tokens],
) -> list[list[float]]:
    async def is_accepted() -> bool:
        return all([await caller.accepts(one.access_token) for caller in there for one in sessions])

    await eventually(is_accepted, timeout=10)
    async with asyncio.TaskGroup() as tasks:
        asking = [
            [tasks.create_task(_until_refused(caller, one.access_token)) for one in sessions]
            for caller in there
        ]
        await asyncio.gather(*map(link.spoil, ways))
        revoked = [await _revoked(here, tokens) for tokens in sessions]
    for way in ways:
        way.delay_seconds = 0.0
        way.release()
        way.mend()
    return [[max(0.0, task.result() - at) for task, at in zip(one, revoked, strict=True)] for one in asking]


async def _revoked(client: AsyncClient, tokens: Tokens) -> float:
    await client.revoke_session(tokens.session.session_id)
    return asyncio.get_running_loop().time()


async def _until_refused(caller: _Caller, token: str) -> float:
    """When the last call was sent that was answered with a session."""
    clock, accepted = asyncio.get_running_loop().time, 0.0
    while True:
        sent = clock()
        if not await caller.accepts(token):
            return accepted
        accepted = sent
        await asyncio.sleep(_PAUSE_SECONDS)


def _draw(found: dict[tuple[str, str], list[float]]) -> None:
    """A histogram of all of them, as `bench/results/staleness.svg`."""
    bins = range(0, _BUDGET_MS + _BIN_MS, _BIN_MS)
    chart = pygal.Bar(
        style=CleanStyle(legend_font_size=12),
        js=[],
        width=1300,
        height=460,
        legend_at_bottom=True,
        # A row for each link.
        legend_at_bottom_columns=len({kind for _, kind in found}),
        truncate_legend=-1,
        title=f"Accepted after the answer to RevokeSession, {_TRIALS} trials each",
        x_title="milliseconds",
        y_title="trials",
    )
    chart.x_labels = [f"≤ {upper}" if upper else "0" for upper in bins]
    for (link, kind), delays in found.items():
        counts = [0] * len(bins)
        for delay in delays:
            counts[min(len(bins) - 1, -int(-delay * 1000 // _BIN_MS))] += 1
        chart.add(f"{kind}, {link}", counts)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "staleness.svg").write_bytes(chart.render())
