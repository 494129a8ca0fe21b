"""What the Python client costs: an answer from memory, and tokens a second with and without coalescing.

Here the client is what is measured: it is kept on the core that makes the load elsewhere.
"""

from __future__ import annotations

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from statistics import median
from typing import TYPE_CHECKING, Final

import jwt

from bench.processes import load_core
from bench.servers import ROOT, sessiond
from bench.table import Row
from sessiond import AsyncClient, Client, Session
from tests.support.vectors import KEYS, token_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jwt.types import Options

TITLE: Final = "The Python client: answers from memory, and validations that go together"
_ROUNDS: Final = 7
_HITS: Final = 10_000
_DECODES: Final = 500
_CALLERS: Final = (1, 16, 128)
_SECONDS: Final = 2.0
_RATE_ROUNDS: Final = 3
_TIMEOUT: Final = 10.0


async def run() -> list[Row]:
    """Medians over the rounds; what is compared takes turns. What stays in the process is CPU time."""
    async with sessiond(ROOT) as server:
        address = server.target.address
        tokens = await _tokens(address)
        with _on_the_core_for_load():
            return [*await _memory(address, server.token), *await _together(address, tokens)]


@contextmanager
def _on_the_core_for_load() -> Iterator[None]:
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {load_core()})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


async def _tokens(address: str) -> list[str]:
    """One for each caller of the largest crowd."""
    async with AsyncClient(address, timeout=_TIMEOUT, cache=None) as client:
        logins = [client.create_local_session(f"user{number}") for number in range(max(_CALLERS))]
        return [tokens.access_token for tokens in await asyncio.gather(*logins)]


async def _memory(address: str, token: str) -> list[Row]:
    on_asyncio, blocking = [], []
    decoded: dict[str, list[float]] = {"RS256": [], "ES256": []}
    async with AsyncClient(address, timeout=_TIMEOUT) as client:
        with Client(address, timeout=_TIMEOUT) as other:
            for _ in range(_ROUNDS):
                on_asyncio.append(await _hits(client, token))
                blocking.append(await asyncio.to_thread(_blocking_hits, other, token))
                for algorithm, took in decoded.items():
                    took.append(_decode(algorithm))
    return [
        Row(f"a hit, {len(token)} bytes, asyncio", median(on_asyncio), "µs", "≤ 5"),
        Row("the same from a thread", median(blocking), "µs", "≤ 5"),
        *(
            Row(f"for comparison: PyJWT decodes {algorithm}", median(took), "µs")
            for algorithm, took in decoded.items()
        ),
    ]


async def _hits(client: AsyncClient, token: str) -> float:
    # Without a watch it is kept for a moment only: this makes sure that it is kept now.
    await client.validate(token)
    before, began = client.numbers.hits, time.thread_time()
    for _ in range(_HITS):
        await client.validate(token)
    took = time.thread_time() - began
    return took / (client.numbers.hits - before) * 1e6


def _blocking_hits(client: Client, token: str) -> float:
    client.validate(token)
    before, began = client.numbers.hits, time.thread_time()
    for _ in range(_HITS):
        client.validate(token)
    took = time.thread_time() - began
    return took / (client.numbers.hits - before) * 1e6


def _decode(algorithm: str) -> float:
    key_id = algorithm.lower()
    token, key = token_of({"header": {"alg": algorithm, "kid": key_id}}), jwt.PyJWK(KEYS[key_id]).key
    options: Options = {"verify_aud": False, "verify_exp": False, "verify_nbf": False, "verify_iat": False}
    public = key.public_key() if hasattr(key, "public_key") else key
    began = time.thread_time()
    for _ in range(_DECODES):
        jwt.decode(token, public, algorithms=[algorithm], options=options)
    return (time.thread_time() - began) / _DECODES * 1e6


async def _together(address: str, tokens: list[str]) -> list[Row]:
    rows = []
    for callers in _CALLERS:
        rates: dict[str, list[float]] = {}
        for _ in range(_RATE_ROUNDS):
            for batching in (False, True):
                how = "together" if batching else "each alone"
                asked = await _rate(address, tokens[:callers], batching=batching)
                rates.setdefault(f"asyncio, {how}", []).append(asked)
                asked = await asyncio.to_thread(_blocking_rate, address, tokens[:callers], batching=batching)
                rates.setdefault(f"threads, {how}", []).append(asked)
        rows += [Row(f"{callers} callers, {how}", median(found), "tokens/s") for how, found in rates.items()]
    return rows


async def _rate(address: str, tokens: list[str], *, batching: bool) -> float:
    """Each caller asks about a token of its own, again as soon as it is answered."""
    async with AsyncClient(address, timeout=_TIMEOUT, cache=None, batching=batching) as client:
        until = time.perf_counter() + _SECONDS

        async def caller(token: str) -> int:
            asked = 0
            while time.perf_counter() < until:
                assert isinstance(await client.validate(token), Session)  # noqa: S101 - else it measures nothing
                asked += 1
            return asked

        return sum(await asyncio.gather(*map(caller, tokens))) / _SECONDS


def _blocking_rate(address: str, tokens: list[str], *, batching: bool) -> float:
    with Client(address, timeout=_TIMEOUT, cache=None, batching=batching) as client:
        until = time.perf_counter() + _SECONDS

        def caller(token: str) -> int:
            asked = 0
            while time.perf_counter() < until:
                assert isinstance(client.validate(token), Session)  # noqa: S101 - else it measures nothing
                asked += 1
            return asked

        with ThreadPoolExecutor(len(tokens)) as threads:
            return sum(threads.map(caller, tokens)) / _SECONDS
