"""Runs the scripts, and translates what can go wrong between us and the store."""

from __future__ import annotations

import functools
import hashlib
import itertools
import os
import re
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any, Final, TypeVar, get_args

from redis.exceptions import NoPermissionError, NoScriptError, RedisError

from sessiond_server.adapters.store.outages import Outages
from sessiond_server.adapters.store.partitions import key_in
from sessiond_server.adapters.store.scripts.catalogue import SCRIPTS
from sessiond_server.adapters.store.scripts.declaration import COMMON_KEYS, Argument, Lane, Late, Script
from sessiond_server.adapters.store.scripts.nodes import Nodes
from sessiond_server.adapters.store.scripts.prelude import sources
from sessiond_server.adapters.store.scripts.reading import ReplyError
from sessiond_server.adapters.store.store_errors import LATE, LOG_FULL, StoreErrors, kind_of
from sessiond_server.adapters.store.store_time import StoreTime
from sessiond_server.adapters.store.time_limits import COMMAND_LIFE_SECONDS
from sessiond_server.domain.failures import RevocationLogFullError, StoreUnavailableError, TimeOverError
from sessiond_server.domain.revocation import FOREVER_MS
from sessiond_server.service.logger import Logger
from sessiond_server.service.telemetry import StoreErrorKind, Telemetry
from sessiond_server.service.tracing import Tracer

R = TypeVar("R")

_INCARNATION_BYTES: Final = 16
_MILLISECONDS_PER_SECOND: Final = 1000
# TimeoutError is one of the second.
_FAILURES: Final = (RedisError, OSError)
# What errors without a script are counted by, and those of a script that is wrong itself.
_NO_SCRIPT: Final = "none"
_BROKEN: Final = "script"
_ON_THE_WAY: Final[Mapping[str, StoreErrorKind]] = {
    "timeout": "timeout",
    "connections busy": "timeout",
    "connection": "connection",
    "certificate": "connection",
    "no primary": "connection",
}
_SCRIPT_LINE: Final = re.compile(r"user_script:(\d+)")


class Scripts:
    """Runs the scripts that are declared.

    Every script is atomic and safe to repeat. When a call is cancelled its connection is dropped, but the
    script runs on: what must not happen late carries the store's time behind which it refuses itself.

    `steady` is the clock by which that time is reckoned, and by which moments are given. `replicas` is how
    many of them must have what a durable script wrote before its answer counts, `max_log_entries` how many
    the revocation log of each partition may have.
    """

    def __init__(
        self,
        nodes: Nodes,
        *,
        telemetry: Telemetry,
        logger: Logger,
        randomness: Callable[[int], bytes] = os.urandom,
        steady: Callable[[], float] = time.monotonic,
        replicas: int = 0,
        max_log_entries: int = FOREVER_MS,
        tracer: Tracer | None = None,
    ) -> None:
        self.replicas = replicas
        self._max_log_entries = max_log_entries
        self.errors = StoreErrors(logger=logger, steady=steady)
        self.time = StoreTime(steady)
        self.outages = Outages()
        self._nodes = nodes
        self._telemetry = telemetry
        self._tracer = tracer
        self._logger = logger
        self._randomness = randomness
        _foresee(telemetry)
        self._sources = sources(SCRIPTS)
        self._digests = {
            name: hashlib.sha1(source, usedforsecurity=False).hexdigest()
            for name, source in self._sources.items()
        }

    async def run(
        self, script: Script[R], partition: int, *, wanted_until: float | None = None, **given: Argument
    ) -> R:
        """Run a script and read its reply; its keys are names within the partition.

        `wanted_until` is when nobody wants it any more, by the steady clock: one that is to be refused when
        it is late is late then. None means that somebody waits for as long as it may take.

        Raises:
            TimeOverError: that moment has come; the script has not run.
            ArgumentsError: the script does not declare what was given; nothing was sent.
            StoreUnavailableError: the store did not answer in time, or not as declared; the script may or may
                not have run.
            RevocationLogFullError: the log has as many entries as it may; the script has changed nothing.
        """
        with self._tracer.script(script.name) if self._tracer else nullcontext():
            return await self._run(script, partition, wanted_until, given)

    async def _run(
        self,
        script: Script[R],
        partition: int,
        wanted_until: float | None,
        given: Mapping[str, Argument],
    ) -> R:
        if self._is_over(wanted_until):
            raise TimeOverError
        keys, arguments = script.bind(given)
        all_keys = (*_common_keys(partition), *(key_in(partition, key) for key in keys))
        started = time.perf_counter()
        try:
            not_after_ms = await self._not_after_ms(script, partition, wanted_until)
            common = (self._randomness(_INCARNATION_BYTES), not_after_ms, self._max_log_entries)
            parameters = (len(all_keys), *all_keys, *common, *arguments)
            return script.reply(await self._evaluate(script, partition, parameters))
        except ReplyError as error:
            self._logger.error("the store replied what a script does not declare", script=script.name)
            self._telemetry.store_failed(script.name, _BROKEN)
            raise StoreUnavailableError from error
        except _FAILURES as error:
            if kind_of(error) == LATE and self._is_over(wanted_until):
                raise TimeOverError from error
            self._tell(error, script)
            if kind_of(error) == LOG_FULL:
                raise RevocationLogFullError from error
            if kind_of(error) == LATE:
                # It may be the store's clock that was set.
                self.time.forget(partition)
            raise StoreUnavailableError from error
        finally:
            self._telemetry.store_called(script.name, time.perf_counter() - started)

    async def time_at(self, partition: int, moment: float) -> int:
        """The store's time, in milliseconds, at a moment of the steady clock.

        Where it was not told yet, or has proven wrong, the store is asked.

        Raises:
            StoreUnavailableError: the store was asked, and did not answer in time.
        """
        reckoned = self.time.at(partition, moment)
        while reckoned is None:
            sent = self.time.steady()
            self.time.take(partition, await self.now_ms(partition, Lane.WATCHING), sent=sent)
            reckoned = self.time.at(partition, moment)
        return reckoned

    async def _not_after_ms(self, script: Script[Any], partition: int, wanted_until: float | None) -> int:
        if script.late is not Late.REFUSED:
            return FOREVER_MS
        given_up = self.time.steady() + COMMAND_LIFE_SECONDS
        moment = given_up if wanted_until is None else min(given_up, wanted_until)
        return await self.time_at(partition, moment)

    def _is_over(self, wanted_until: float | None) -> bool:
        return wanted_until is not None and self.time.steady() >= wanted_until

    async def send_replicated(self, partition: int, *command: Any) -> Any:
        """What a command answers that no script can give, once as many replicas as count have what it wrote.

        Raises:
            NotReplicatedError, RedisError, OSError: as `Nodes.send`.
        """
        replicas = max(self.replicas, 1)
        return await self._nodes.send(partition, Lane.REPLICATING, *command, replicas=replicas)

    async def send(self, partition: int, lane: Lane, *command: Any) -> Any:
        """What the partition's node answers to a command that no script can give.

        Raises:
            StoreUnavailableError: it did not answer in time.
        """
        try:
            return await self._nodes.send(partition, lane, *command)
        except _FAILURES as error:
            self._tell(error)
            raise StoreUnavailableError from error

    async def information(self, section: str, partition: int) -> dict[str, Any]:
        """A section of what the partition's node says of itself; nothing where our user may not ask.

        Raises:
            StoreUnavailableError: it did not answer in time.
        """
        try:
            found: dict[str, Any] = await self._nodes.send(partition, Lane.WATCHING, "INFO", section)
        except NoPermissionError:
            return {}
        except _FAILURES as error:
            self._tell(error)
            raise StoreUnavailableError from error
        return found

    async def settings(self, partition: int, *names: str) -> dict[str, str] | None:
        """These settings of the partition's node; None where our user may not ask.

        Raises:
            StoreUnavailableError: it did not answer in time.
        """
        try:
            found: dict[str, str] = await self._nodes.send(partition, Lane.WATCHING, "CONFIG GET", *names)
        except NoPermissionError:
            return None
        except _FAILURES as error:
            self._tell(error)
            raise StoreUnavailableError from error
        return found

    async def now_ms(self, partition: int, lane: Lane = Lane.CALLS) -> int:
        """The store's clock in milliseconds since 1970; raises `StoreUnavailableError`."""
        try:
            seconds, microseconds = await self._nodes.send(partition, lane, "TIME")
        except _FAILURES as error:
            self._tell(error)
            raise StoreUnavailableError from error
        return int(seconds) * _MILLISECONDS_PER_SECOND + int(microseconds) // _MILLISECONDS_PER_SECOND

    async def remarks_on_nodes(self) -> list[str]:
        """What could be better about how the store's nodes are found."""
        return await self._nodes.remarks()

    def _tell(self, error: Exception, script: Script[Any] | None = None) -> None:
        kind = kind_of(error)
        self._telemetry.store_failed(script.name if script else _NO_SCRIPT, _counted_as(kind))
        if kind is not None:
            self.errors.met(kind)
            return
        # The error's text may quote arguments; in which line of which script it happened is enough.
        name = script.name if script else None
        self._logger.error("the store refused a script", script=name, line=_line_of(error))

    async def _evaluate(self, script: Script[Any], partition: int, parameters: tuple[Any, ...]) -> Any:
        replicas = self.replicas if script.is_durable else 0
        send = functools.partial(self._nodes.send, partition, script.lane, replicas=replicas)
        try:
            return await send("EVALSHA", self._digests[script.name], *parameters)
        except NoScriptError:
            return await send("EVAL", self._sources[script.name], *parameters)


def _foresee(telemetry: Telemetry) -> None:
    names = [script.name for script in SCRIPTS]
    telemetry.foresee("store_called", ((name,) for name in names))
    telemetry.foresee("store_failed", itertools.product((*names, _NO_SCRIPT), get_args(StoreErrorKind)))


def _counted_as(kind: str | None) -> StoreErrorKind:
    """What an error of this kind is counted as; whatever is not on the way to the store is its refusal."""
    if kind is None:
        return _BROKEN
    return _ON_THE_WAY.get(kind, "refused")


@functools.cache
def _common_keys(partition: int) -> tuple[str, ...]:
    return tuple(key_in(partition, key) for key in COMMON_KEYS.values())


def _line_of(error: Exception) -> int | None:
    """The line within what was sent, where names, constants and prelude come before the script's text."""
    found = _SCRIPT_LINE.search(str(error))
    return int(found[1]) if found else None
