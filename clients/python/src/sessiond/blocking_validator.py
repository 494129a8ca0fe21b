"""Validating from threads: from memory, by a call that others share, or past all of that."""

from __future__ import annotations

import random
from collections.abc import Callable
from threading import Lock
from typing import Any, Final

import grpc

from sessiond import access
from sessiond.access import Key, Metadata
from sessiond.blocking_calls import BlockingCalls
from sessiond.blocking_following import BlockingFollowing
from sessiond.cache import Cache
from sessiond.clocks import SYSTEM_CLOCKS, Clocks
from sessiond.errors import SessiondError, given_up, to_error
from sessiond.front import Front
from sessiond.observer import Numbers, Observer, Outcome
from sessiond.policy import Policy
from sessiond.repeats import NEVER, Attempts
from sessiond.reports import reported
from sessiond.results import Verdict, to_verdict
from sessiond.v1.session_service_pb2 import (
    RevokeSessionRequest,
    RevokeSessionResponse,
    ValidateTokenRequest,
)
from sessiond.watch import Watch

Call = Callable[..., Any]


class BlockingValidator:
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
        self._stub, self._call, self._timeout = stub, call, timeout
        self._observer = observer
        self._front = Front(key, cache, observer, clocks)
        self._lock: Final = Lock()
        # What is kept and may be repeated: without a call between, which is a part of what an answer costs.
        self.find: Final = self._front.find
        memory = self._front.memory
        self._calls = BlockingCalls(
            lambda request, metadata, seconds: call(stub.ValidateToken, request, seconds, metadata),
            lambda *asked: self._begin(stub.ValidateToken, *asked),
            lambda *asked: self._begin(stub.ValidateTokens, *asked),
            memory,
            clocks=clocks,
            lock=self._lock,
            timeout=timeout,
            batching=batching,
        )
        self._watch: Watch | None = None
        self._following: BlockingFollowing | None = None
        if memory is not None:
            self._watch = Watch(memory.knowledge, random.random)
            self._following = BlockingFollowing(
                self._watch,
                lambda request: stub.WatchRevocations(request, metadata=access.metadata(key)),
                clocks,
                self._lock,
                self._front.counters.enter,
            )

    @property
    def numbers(self) -> Numbers:
        """What has been done so far, and what is kept."""
        return self._front.numbers(self._watch)

    def validate(self, token: str, policy: Policy, seconds: float | None) -> Verdict:
        """By a call; one with a time of its own goes alone."""
        began, question = self._front.clocks.steady(), self._front.question(token, policy)
        if self._following is not None:
            self._following.start()
        if seconds is None:
            outcome, verdict = self._calls.shared(question)
        else:
            outcome, verdict = Outcome.MISS, self._calls.alone(question, seconds)
        return self._front.answered(outcome, verdict, began)

    def past(self, request: ValidateTokenRequest, seconds: float | None) -> Verdict:
        """By a call whose answer is for this caller alone; a REVOKED is learnt from all the same."""
        began, memory = self._front.clocks.steady(), self._front.memory
        verdict = to_verdict(self._call(self._stub.ValidateToken, request, seconds))
        if memory is not None:
            with self._lock:
                memory.learn(request.token.encode(), verdict)
        return self._front.answered(Outcome.BYPASSED, verdict, began)

    def end(self, request: RevokeSessionRequest, response: RevokeSessionResponse) -> None:
        """Drop what this client has just revoked."""
        if self._front.memory is not None:
            with self._lock:
                self._front.memory.end(request, response)

    def forget(self) -> None:
        """Repeat nothing from before."""
        with self._lock:
            self._front.forget()

    def close(self) -> None:
        """Follow no more, and begin no further call."""
        self._calls.close()
        if self._following is not None:
            self._following.close()

    def _begin(self, method: Any, request: Any, metadata: Metadata, landed: Callable[[Any], None]) -> None:
        try:
            attempts = Attempts(NEVER, self._timeout)
            future = method.future(request, timeout=self._timeout, metadata=metadata)
        except ValueError:  # the channel was closed
            landed(given_up())
            return

        def over(done: Any) -> None:
            try:
                with reported(self._observer, request, attempts):
                    brought = _answer(done)
            except SessiondError as error:
                brought = error
            landed(brought)

        future.add_done_callback(over)


def _answer(done: Any) -> Any:
    """The answer of a call that is over; raises what became of it otherwise."""
    if done.cancelled():
        raise given_up()
    try:
        return done.result()
    except grpc.RpcError as error:
        raised = to_error(error)
    raise raised
