"""The keys of a provider.

They are fetched in the background, kept while the provider is away, and asked for again with restraint.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeAlias

from typing_extensions import override

from sessiond_server.domain.backoff import backoff_seconds
from sessiond_server.domain.failures import KeysUnavailableError
from sessiond_server.service.clock import Clock
from sessiond_server.service.logger import Logger
from sessiond_server.service.storage.key_sets import Document, SharedDocument, SharedKeySet
from sessiond_server.service.telemetry import Telemetry
from sessiond_server.service.validation.fetch_restraint import FetchRestraint
from sessiond_server.service.validation.keys import KeySet, VerificationKey

_REFRESHED_AT: Final = 0.8
_JITTER: Final = 0.1
_LONGEST_BACKOFF_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Unfetched:
    """Why there is no document, in the words of a metric's label; `detail` is a line for a person."""

    why: str
    detail: str = ""


# The usable keys of a JWK set by id; None where the document is no JWK set.
ReadKeySet: TypeAlias = Callable[[bytes], Mapping[str, VerificationKey] | None]
Fetch: TypeAlias = Callable[[str | None], Awaitable[Document | Unfetched]]


class NotShared(SharedKeySet):
    """Holds nothing."""

    @override
    async def load(self) -> SharedDocument | None:
        return None

    @override
    async def save(self, shared: SharedDocument) -> None:
        return


class RemoteKeySet(KeySet):
    """The keys of one provider: known keys answer from memory for `max_stale` after the last good fetch.

    After that nobody can say whether a key is the provider's. `fetch` gets the entity tag of what is held;
    `read` makes keys of what it brought. What other servers fetched (`shared`) is used at the start and after
    a failed fetch: a server can start while the provider is away, and a thousand servers do not ask a
    thousand times.
    """

    # Forgeries are remembered by it: it grows whenever the keys change.
    version: int = 0

    def __init__(
        self,
        issuer: str,
        fetch: Fetch,
        *,
        read: ReadKeySet,
        max_stale: timedelta,
        clock: Clock,
        logger: Logger,
        jitter: Callable[[], float],
        telemetry: Telemetry,
        shared: SharedKeySet,
    ) -> None:
        self._issuer = issuer
        self._fetch = fetch
        self._read = read
        self._max_stale: float = max_stale.total_seconds()
        self._clock = clock
        self._logger = logger
        self._jitter = jitter
        self._telemetry = telemetry
        self._shared = shared
        self._keys: dict[str, VerificationKey] = {}
        self._entity_tag: str | None = None
        self._fetched_at: float | None = None
        self._lifetime = 0.0
        self._last_failed = False
        self._failures = 0
        self._running: asyncio.Task[None] | None = None
        self._restraint = FetchRestraint(clock)
        self.was_tried = False
        self.unknown_ids = 0
        self.last_outcome = "not fetched"

    def __len__(self) -> int:
        """How many keys are held."""
        return len(self._keys)

    @property
    def is_ready(self) -> bool:
        """Whether there are keys to verify with."""
        return bool(self._keys) and not self._is_too_old()

    @property
    def algorithms_by_key(self) -> dict[str, str]:
        """What is held: the algorithm of each key by its id."""
        return {key_id: key.algorithm for key_id, key in self._keys.items()}

    @property
    def refresh_seconds(self) -> float:
        """How long after a fetch the next one comes, at the latest."""
        # Keys may serve for no longer than `max_stale`, so they may have to be fetched sooner than the
        # provider wants.
        return min(self._lifetime, self._max_stale) * _REFRESHED_AT

    @property
    def age_seconds(self) -> float:
        """How long ago the keys were last fetched or confirmed; -1 before the first time."""
        return -1.0 if self._fetched_at is None else self._clock.steady() - self._fetched_at

    @override
    def find(self, key_id: str) -> VerificationKey | None:
        return None if self._is_too_old() else self._keys.get(key_id)

    @override
    async def seek(self, key_id: str, *, waits: bool = True) -> VerificationKey | None:
        if self._restraint.was_unknown(key_id) and not self._is_too_old():
            self.unknown_ids += 1
            return None
        if self._running or self._restraint.may_fetch():
            fetch = self._begin_fetch()
            if not waits:
                raise KeysUnavailableError
            # One caller's cancellation must not take the keys from the others.
            await asyncio.shield(fetch)
        key = self.find(key_id)
        if key is not None:
            return key
        if self._last_failed or self._fetched_at is None or self._is_too_old():
            raise KeysUnavailableError
        self.unknown_ids += 1
        self._restraint.remember_unknown(key_id)
        return None

    async def keep_fresh(self) -> None:
        """Fetch before what is held runs out, again and again, until cancelled."""
        if await self._take_shared():
            self.was_tried = True
            await asyncio.sleep(max(0.0, self._pause() - self.age_seconds))
        while True:
            await self._refresh()
            await asyncio.sleep(self._pause())

    def _pause(self) -> float:
        spread = 1 - _JITTER * self._jitter()
        if self._last_failed:
            return backoff_seconds(self._failures, longest_seconds=_LONGEST_BACKOFF_SECONDS) * spread
        return self.refresh_seconds * spread

    async def _refresh(self) -> None:
        """Fetch, or wait for the fetch that is under way."""
        await asyncio.shield(self._begin_fetch())

    def _begin_fetch(self) -> asyncio.Task[None]:
        """The fetch that is under way, or a new one."""
        if self._running is None:
            self._running = asyncio.create_task(self._fetch_once())
            self._running.add_done_callback(self._ended)
        return self._running

    def _ended(self, _: asyncio.Task[None]) -> None:
        self._running = None

    async def _fetch_once(self) -> None:
        asked_at = self._clock.steady()
        found = await self._fetch(self._entity_tag if self._keys else None)
        outcome = found.why if isinstance(found, Unfetched) else self._take(found, asked_at)
        if isinstance(found, Document) and outcome == "ok":
            await self._shared.save(SharedDocument(found, self._clock.now()))
        elif outcome != "not_modified":
            await self._take_shared()
        self._telemetry.key_set_fetched(self._issuer, outcome)
        self.last_outcome = outcome
        self.was_tried = True
        failed = outcome not in {"ok", "not_modified"}
        self._failures = self._failures + 1 if failed else 0
        if failed:
            self._logger.warning("the key set of an issuer was not fetched", issuer=self._issuer, why=outcome)
        elif self._last_failed:
            self._logger.info("the key set of an issuer was fetched again", issuer=self._issuer)
        self._last_failed = failed

    async def _take_shared(self) -> bool:
        """Use what another server fetched, where it is newer than what is held; whether it was used."""
        shared = await self._shared.load()
        if shared is None:
            return False
        age = max(0.0, self._clock.now() - shared.fetched_at)
        fetched_at = self._clock.steady() - age
        if age >= self._max_stale or (self._fetched_at is not None and fetched_at <= self._fetched_at):
            return False
        return self._take(shared.document, fetched_at) == "ok"

    def _take(self, document: Document, asked_at: float) -> str:
        if document.body is None:
            self._fetched_at, self._lifetime = asked_at, document.lifetime_seconds
            return "not_modified"
        keys = self._read(document.body)
        if keys is None:
            return "malformed"
        if not keys:
            # An issuer without keys signs nothing: this is a mistake there, and no order to forget the keys
            # that it has used.
            self._logger.error("the key set of an issuer has no key that can be used", issuer=self._issuer)
            return "empty"
        self._replace(keys)
        self._fetched_at, self._lifetime, self._entity_tag = (
            asked_at,
            document.lifetime_seconds,
            document.entity_tag,
        )
        return "ok"

    def _replace(self, keys: Mapping[str, VerificationKey]) -> None:
        """Take the new keys; a key that stays remains the same object.

        By that, verified tokens know that their key is still there.
        """
        former = self._keys
        self._keys = {
            key_id: former[key_id] if key.is_same_as(former.get(key_id)) else key
            for key_id, key in keys.items()
        }
        if self._keys != former:
            self.version += 1
            self._restraint.forget_unknown()
            self._logger.info(
                "the keys of an issuer have changed", issuer=self._issuer, key_ids=sorted(self._keys)
            )

    def _is_too_old(self) -> bool:
        return self._fetched_at is None or self._clock.steady() - self._fetched_at >= self._max_stale
