"""The keys of an issuer elsewhere: fetched in the background, kept while it is away, asked for again with restraint."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from sessiond_server.adapters.http.issuer_documents import Document, Unfetched
from sessiond_server.adapters.jwt.jwk import KeySetMalformedError, load_key_set
from sessiond_server.adapters.jwt.verification import PublicKey
from sessiond_server.domain.failures import KeysUnavailableError
from sessiond_server.service.clock import Clock
from sessiond_server.service.log import Log

COOLDOWN_SECONDS: Final = 30.0
_MAX_TOKENS: Final = 3
_REFRESHED_AT: Final = 0.8
_JITTER: Final = 0.1
_FIRST_BACKOFF_SECONDS: Final = 1.0
_LONGEST_BACKOFF_SECONDS: Final = 30.0
_MAX_UNKNOWN: Final = 128


@dataclass(frozen=True, slots=True)
class SharedDocument:
    """A key set that some server fetched, and when: seconds since 1970 by that server's clock."""

    document: Document
    fetched_at: float


class SharedKeySet(Protocol):
    """Where servers leave the last good key set for each other. What cannot be reached is as if it were empty."""

    async def load(self) -> SharedDocument | None:
        """What was left last; None for nothing, or nothing that can be trusted."""

    async def save(self, shared: SharedDocument) -> None:
        """Leave a key set for the others."""


class NotShared:
    """A `SharedKeySet` that holds nothing."""

    async def load(self) -> SharedDocument | None:
        """See `SharedKeySet.load`."""
        return None

    async def save(self, shared: SharedDocument) -> None:
        """See `SharedKeySet.save`."""


class RemoteKeySet:
    """A `KeySet`. Known keys answer from memory, for `max_stale` after the last good fetch; then nobody can say.

    `fetch` gets the entity tag of what is held. `count` is told the outcome of every fetch. What others fetched (`shared`)
    is used at the start and behind a failed fetch: a server starts while the issuer is away, a thousand do not ask a thousand
    times.
    """

    def __init__(
        self,
        issuer: str,
        fetch: Callable[[str | None], Awaitable[Document | Unfetched]],
        *,
        algorithms: Collection[str],
        max_stale: timedelta,
        clock: Clock,
        log: Log,
        jitter: Callable[[], float],
        count: Callable[[str], None],
        shared: SharedKeySet,
    ) -> None:
        self._issuer = issuer
        self._fetch = fetch
        self._algorithms = algorithms
        self._max_stale: float = max_stale.total_seconds()
        self._clock = clock
        self._log = log
        self._jitter = jitter
        self._count = count
        self._shared = shared
        self._keys: dict[str, PublicKey] = {}
        self._entity_tag: str | None = None
        self._fetched_at: float | None = None
        self._lifetime = 0.0
        self._last_failed = False
        self._failures = 0
        self._running: asyncio.Task[None] | None = None
        self._tokens = float(_MAX_TOKENS)
        self._tokens_at = clock.steady()
        self._unknown: OrderedDict[str, float] = OrderedDict()
        self.version = 0
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
        # Keys that may not outlive it have to be asked for sooner than the issuer demands.
        return min(self._lifetime, self._max_stale) * _REFRESHED_AT

    @property
    def age_seconds(self) -> float:
        """How long ago the keys were last fetched or confirmed; -1 before the first time."""
        return -1.0 if self._fetched_at is None else self._clock.steady() - self._fetched_at

    def find(self, key_id: str) -> PublicKey | None:
        """See `KeySet.find`."""
        return None if self._is_too_old() else self._keys.get(key_id)

    async def seek(self, key_id: str) -> PublicKey | None:
        """See `KeySet.seek`.

        A fetch costs one of three tokens, of which one comes back every 30 seconds: neither can made-up ids cause a flood, nor
        can one of them blind a rotation.
        """
        if self._is_known_as_unknown(key_id):
            self.unknown_ids += 1
            return None
        if self._running or self._take_token():
            await self._refresh()
        key = self.find(key_id)
        if key is not None:
            return key
        if self._last_failed or self._fetched_at is None or self._is_too_old():
            raise KeysUnavailableError
        self._remember_unknown(key_id)
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
            backoff: float = _FIRST_BACKOFF_SECONDS * 2 ** min(self._failures - 1, 10)
            return min(backoff, _LONGEST_BACKOFF_SECONDS) * spread
        return self.refresh_seconds * spread

    async def _refresh(self) -> None:
        """Fetch, or wait for the fetch that is under way."""
        if self._running is None:
            self._running = asyncio.create_task(self._fetch_once())
            self._running.add_done_callback(self._ended)
        # One caller's cancellation must not take the keys from the others.
        await asyncio.shield(self._running)

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
        self._count(outcome)
        self.last_outcome = outcome
        self.was_tried = True
        failed = outcome not in {"ok", "not_modified"}
        self._failures = self._failures + 1 if failed else 0
        if failed:
            self._log.warning("the key set of an issuer was not fetched", issuer=self._issuer, why=outcome)
        elif self._last_failed:
            self._log.info("the key set of an issuer was fetched again", issuer=self._issuer)
        self._last_failed = failed

    async def _take_shared(self) -> bool:
        """Use what another server fetched, where it is newer than what is held; whether it was."""
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
        try:
            keys = load_key_set(document.body, algorithms=self._algorithms, log=self._log)
        except KeySetMalformedError:
            return "malformed"
        if not keys:
            # An issuer without keys signs nothing: a mistake there, and not the order to forget what it has signed.
            self._log.error("the key set of an issuer has no key that can be used", issuer=self._issuer)
            return "empty"
        self._replace(keys)
        self._fetched_at, self._lifetime, self._entity_tag = asked_at, document.lifetime_seconds, document.entity_tag
        return "ok"

    def _replace(self, keys: dict[str, PublicKey]) -> None:
        """A key that stays is the same object: by that, verified tokens know that theirs is still there."""
        former = self._keys
        self._keys = {key_id: former[key_id] if key.is_same_as(former.get(key_id)) else key for key_id, key in keys.items()}
        if self._keys != former:
            self.version += 1
            self._unknown.clear()
            self._log.info("the keys of an issuer have changed", issuer=self._issuer, key_ids=sorted(self._keys))

    def _is_too_old(self) -> bool:
        return self._fetched_at is None or self._clock.steady() - self._fetched_at >= self._max_stale

    def _take_token(self) -> bool:
        now = self._clock.steady()
        self._tokens = min(self._tokens + (now - self._tokens_at) / COOLDOWN_SECONDS, float(_MAX_TOKENS))
        self._tokens_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def _is_known_as_unknown(self, key_id: str) -> bool:
        asked_at = self._unknown.get(key_id)
        return asked_at is not None and self._clock.steady() - asked_at < COOLDOWN_SECONDS and not self._is_too_old()

    def _remember_unknown(self, key_id: str) -> None:
        self.unknown_ids += 1
        self._unknown[key_id] = self._clock.steady()
        self._unknown.move_to_end(key_id)
        if len(self._unknown) > _MAX_UNKNOWN:
            self._unknown.popitem(last=False)
