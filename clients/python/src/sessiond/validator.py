"""Validating on asyncio: from memory, by a call that others share, or past all of that."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import Any, Final

from sessiond import access
from sessiond.access import Key
from sessiond.cache import Cache
from sessiond.calls import AsyncCalls
from sessiond.clocks import SYSTEM_CLOCKS, Clocks
from sessiond.following import AsyncFollowing
from sessiond.front import Front
from sessiond.observer import Numbers, Observer, Outcome
from sessiond.policy import Policy
from sessiond.results import Verdict, to_verdict
from sessiond.v1.session_service_pb2 import (
    RevokeSessionRequest,
    RevokeSessionResponse,
    ValidateTokenRequest,
)
from sessiond.watch import Watch

Call = Callable[..., Awaitable[Any]]


class AsyncValidator:
    """Keeps acceptances, and follows the revocations from the first validation on."""

    def __init__(
        self,
        stub: Any,
        call: Call,
        key: Key | None,
        *,
        cache: Cache | None,
        batching: bool,
        observer: Observer | None,
        timeout: float,
        clocks: Clocks = SYSTEM_CLOCKS,
    ) -> None:
        self._stub, self._call = stub, call
        self._front = Front(key, cache, observer, clocks)
        # What is kept and may be repeated: without a call between, which is a part of what an answer costs.
        self.find: Final = self._front.find
        memory = self._front.memory
        self._calls = AsyncCalls(
            lambda request, metadata, own: call(stub.ValidateToken, request, own, metadata),
            lambda request, metadata: call(stub.ValidateTokens, request, timeout, metadata),
            memory,
            clocks=clocks,
            timeout=timeout,
            batching=batching,
        )
        self._watch: Watch | None = None
        self._following: AsyncFollowing | None = None
        if memory is not None:
            self._watch = Watch(memory.knowledge, random.random)
            self._following = AsyncFollowing(
                self._watch,
                lambda request: stub.WatchRevocations(request, metadata=access.metadata(key)),
                clocks,
                self._front.counters.enter,
            )

    @property
    def numbers(self) -> Numbers:
        """What has been done so far, and what is kept."""
        return self._front.numbers(self._watch)

    async def validate(self, token: str, policy: Policy, seconds: float | None) -> Verdict:
        """By a call; one with a time of its own goes alone."""
        began, question = self._front.clocks.steady(), self._front.question(token, policy)
        if self._following is not None:
            self._following.start()
        if seconds is None:
            outcome, verdict = await self._calls.shared(question)
        else:
            outcome, verdict = Outcome.MISS, await self._calls.alone(question, seconds)
        return self._front.answered(outcome, verdict, began)

    async def past(self, request: ValidateTokenRequest, seconds: float | None) -> Verdict:
        """By a call whose answer is for this caller alone; a REVOKED is learnt from all the same."""
        began, memory = self._front.clocks.steady(), self._front.memory
        response = await self._call(self._stub.ValidateToken, request, seconds)
        verdict = to_verdict(response)
        if memory is not None:
            memory.learn(request.token.encode(), verdict)
        return self._front.answered(Outcome.BYPASSED, verdict, began)

    def end(self, request: RevokeSessionRequest, response: RevokeSessionResponse) -> None:
        """Drop what this client has just revoked."""
        if self._front.memory is not None:
            self._front.memory.end(request, response)

    def forget(self) -> None:
        """Repeat nothing from before."""
        self._front.forget()

    async def close(self) -> None:
        """Follow no more, and give up every call under way."""
        if self._following is not None:
            await self._following.close()
        await self._calls.close()
