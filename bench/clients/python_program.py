"""`python -m bench.clients.python_program ADDRESS FILE` measures the Python client.

`bench.clients.programs` says what it is asked, and what it answers. A server whose machine has much else to
do is unavailable at times: that is not counted.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import jwt

from sessiond import AsyncClient, Client, Session, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sessiond import Verdict

_HITS: Final = 10_000
_VERIFICATIONS: Final = 200
_STRIDE: Final = 7_919  # a prime: tokens follow upon each other as they do not in memory
_AT_ONCE: Final = 128
_FILLINGS: Final = 50
_SECONDS: Final = 0.5
_TIMEOUT: Final = 10.0


class Bench:
    """A client on asyncio, one for threads, and tokens to ask them about."""

    def __init__(self, address: str, given: dict[str, Any], client: AsyncClient, other: Client) -> None:
        self._address, self._client, self._other = address, client, other
        self._tokens: list[str] = given["tokens"]
        self._issuer, self._key = given["issuer"], jwt.PyJWK(given["jwk"]).key

    async def answer(self, command: str, *arguments: str) -> dict[str, Any]:
        """Carry out a command."""
        if command == "fill":
            return await self._fill()
        if command == "hits":
            return await self._hits()
        way, callers, coalescing = arguments
        tokens = [self._tokens[number :: int(callers)] for number in range(int(callers))]
        if way == "asyncio":
            return await self._together(tokens, batching=coalescing == "on")
        return await asyncio.to_thread(self._together_in_threads, tokens, batching=coalescing == "on")

    async def _fill(self) -> dict[str, Any]:
        await self._client.validate("none")  # everything is loaded by now, and nothing of this is kept
        gc.collect()
        tracemalloc.start()
        await self._keep(self._client, self._client.validate)
        gc.collect()
        taken, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            loop = asyncio.get_running_loop()
            await self._keep(
                self._other, lambda token: loop.run_in_executor(threads, self._other.validate, token)
            )
        return {"bytes": taken / len(self._tokens)}

    async def _keep(
        self, client: AsyncClient | Client, validate: Callable[[str], Awaitable[Verdict]]
    ) -> None:
        for _ in range(_FILLINGS):
            before = client.numbers.hits
            for first in range(0, len(self._tokens), _AT_ONCE):
                some = map(validate, self._tokens[first : first + _AT_ONCE])
                await asyncio.gather(*some, return_exceptions=True)
            if client.numbers.hits - before == len(self._tokens):
                return
        raise SystemExit("the client does not keep all acceptances")

    async def _hits(self) -> dict[str, Any]:
        walk = [self._tokens[number * _STRIDE % len(self._tokens)] for number in range(_HITS)]
        before = self._client.numbers.hits + self._other.numbers.hits
        began = time.process_time()
        for token in walk:
            sha256(token.encode()).digest()
        digest = time.process_time() - began
        began = time.process_time()
        with suppress(UnavailableError):  # then not all were hits
            for token in walk:
                await self._client.validate(token)
        on_asyncio = time.process_time() - began
        in_thread = await asyncio.to_thread(self._hits_in_thread, walk)
        hits = self._client.numbers.hits + self._other.numbers.hits - before
        return {
            "digest": digest / _HITS * 1e6,
            "hits": {"asyncio": on_asyncio / _HITS * 1e6, "threads": in_thread / _HITS * 1e6},
            "verify": self._verify(walk[:_VERIFICATIONS]),
            "misses": 2 * _HITS - hits,
        }

    def _hits_in_thread(self, walk: list[str]) -> float:
        began = time.process_time()
        with suppress(UnavailableError):
            for token in walk:
                self._other.validate(token)
        return time.process_time() - began

    def _verify(self, walk: list[str]) -> float:
        began = time.process_time()
        for token in walk:
            jwt.decode(
                token, self._key, algorithms=["ES256"], issuer=self._issuer, options={"verify_aud": False}
            )
        return (time.process_time() - began) / len(walk) * 1e6

    async def _together(self, tokens: list[list[str]], *, batching: bool) -> dict[str, Any]:
        async with AsyncClient(self._address, timeout=_TIMEOUT, cache=None, batching=batching) as client:
            await client.ready(_TIMEOUT)
            latencies: list[float] = []
            until = time.perf_counter() + _SECONDS

            async def caller(own: list[str]) -> None:
                number = 0
                while (began := time.perf_counter()) < until:
                    with suppress(UnavailableError):
                        _require_session(await client.validate(own[number % len(own)]))
                        latencies.append(time.perf_counter() - began)
                    number += 1

            began = time.process_time()
            await asyncio.gather(*map(caller, tokens))
            return _figures(latencies, time.process_time() - began)

    def _together_in_threads(self, tokens: list[list[str]], *, batching: bool) -> dict[str, Any]:
        with (
            Client(self._address, timeout=_TIMEOUT, cache=None, batching=batching) as client,
            ThreadPoolExecutor(len(tokens)) as threads,
        ):
            client.ready(_TIMEOUT)
            until = time.perf_counter() + _SECONDS

            def caller(own: list[str]) -> list[float]:
                latencies: list[float] = []
                while (began := time.perf_counter()) < until:
                    with suppress(UnavailableError):
                        _require_session(client.validate(own[len(latencies) % len(own)]))
                        latencies.append(time.perf_counter() - began)
                return latencies

            began = time.process_time()
            latencies = [one for taken in threads.map(caller, tokens) for one in taken]
            return _figures(latencies, time.process_time() - began)


def _require_session(verdict: Verdict) -> None:
    """Otherwise it is not what is to be measured."""
    if not isinstance(verdict, Session):
        raise SystemExit(f"the token is not accepted: {verdict}")


def _figures(latencies: list[float], cpu: float) -> dict[str, Any]:
    return {
        "validations": len(latencies),
        "cpu": cpu / len(latencies) * 1e6,
        "latency": median(latencies) * 1e3,
    }


async def main() -> None:
    """Answer until there are no more commands."""
    address, given = sys.argv[1], json.loads(Path(sys.argv[2]).read_text())  # noqa: ASYNC240 - nobody waits
    async with AsyncClient(address, timeout=_TIMEOUT) as client:
        with Client(address, timeout=_TIMEOUT) as other:
            bench = Bench(address, given, client, other)
            while line := await asyncio.to_thread(sys.stdin.readline):
                sys.stdout.write(json.dumps(await bench.answer(*line.split())) + "\n")
                sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
