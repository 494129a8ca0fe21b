"""The keys of a provider, kept while the provider is away, and asked for again with restraint."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from typing import Final

from typing_extensions import override

from sessiond_server.domain.failures import KeysUnavailableError
from sessiond_server.service.clock import Clock
from sessiond_server.service.logger import Logger
from sessiond_server.service.storage.key_sets import Document, SharedDocument, SharedKeySet
from sessiond_server.service.telemetry import Telemetry
from sessiond_server.service.validation.budget import Budget
from sessiond_server.service.validation.fetch_restraint import COOLDOWN_SECONDS, UnknownIds
from sessiond_server.service.validation.key_source import FetchKeySet, ReadKeySet, Unfetched
from sessiond_server.service.validation.keys import KeySet, VerificationKey

# So many fetches are made at a time because of tokens whose key is not known, and one more after each
# cooldown.
_FETCHES: Final = 3
_OK: Final = "ok"
_NOT_MODIFIED: Final = "not_modified"
_MALFORMED: Final = "malformed"
_EMPTY: Final = "empty"
_GOOD: Final = frozenset({_OK, _NOT_MODIFIED})
# What comes of a fetch that brings something, as metrics say it.
FETCHED: Final = (_OK, _NOT_MODIFIED, _MALFORMED, _EMPTY)
# Only the provider itself spends these, by tokens whose key it does not publish yet.
_ISSUERS_COOLDOWN_SECONDS: Final = 5.0


class RemoteKeySet(KeySet):
    """The keys of one provider: known keys answer from memory for `max_stale` after the last good fetch.

    After that nobody can say whether a key is the provider's. `read` makes keys of what `fetch` brought. What
    other servers fetched (`shared`) is used at the start and after a failed fetch: a server can start while
    the provider is away, and a thousand servers do not ask a thousand times. `budget` is how often tokens of
    strangers may have the provider asked; unset, what it is for tokens that callers bring.
    """

    # Forgeries are remembered by it: it grows whenever the keys change.
    version: int = 0

    def __init__(
        self,
        issuer: str,
        fetch: FetchKeySet,
        *,
        read: ReadKeySet,
        max_stale: timedelta,
        clock: Clock,
        logger: Logger,
        telemetry: Telemetry,
        shared: SharedKeySet,
        budget: Budget | None = None,
    ) -> None:
        self._issuer = issuer
        self._fetch = fetch
        self._read = read
        self.max_stale_seconds: float = max_stale.total_seconds()
        self._clock = clock
        self._logger = logger
        self._telemetry = telemetry
        self._shared = shared
        self._withdraw: Callable[[Collection[str]], None] = lambda _: None
        self._change: Callable[[Collection[str], Collection[str]], None] = lambda _added, _removed: None
        self._keys: dict[str, VerificationKey] = {}
        self._entity_tag: str | None = None
        self._fetched_at: float | None = None
        self.lifetime_seconds = 0.0
        self.failures = 0
        self._running: asyncio.Task[None] | None = None
        # Fetches are numbered as they begin: which of them was the last good one.
        self._begun = 0
        self._answered = 0
        self._unknown = UnknownIds(clock)
        self._budget = budget or Budget(clock, at_most=_FETCHES, seconds_each=COOLDOWN_SECONDS)
        self._budget_of_issuer = Budget(clock, at_most=_FETCHES, seconds_each=_ISSUERS_COOLDOWN_SECONDS)
        self._ordered_at = 0.0
        self.carried_out = 0.0
        self.was_tried = False
        self.unknown_ids = 0
        self.unasked_ids = 0
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
    def age_seconds(self) -> float:
        """How long ago the keys were last fetched or confirmed; -1 before the first time."""
        return -1.0 if self._fetched_at is None else self._clock.steady() - self._fetched_at

    @property
    @override
    def good_for_seconds(self) -> float:
        return 0.0 if self._fetched_at is None else self.max_stale_seconds - self.age_seconds

    @override
    def find(self, key_id: str) -> VerificationKey | None:
        return None if self._is_too_old() else self._keys.get(key_id)

    @override
    async def seek(
        self, key_id: str, *, waits: bool = True, from_issuer: bool = False
    ) -> VerificationKey | None:
        if not from_issuer and key_id in self._unknown and not self._is_too_old():
            self.unknown_ids += 1
            return None
        begun_before = self._begun
        self._unknown.seek(key_id)
        # A fetch that had begun before the token came may have missed its key: there is one more then.
        while self._answered <= begun_before:
            await self._ask(waits=waits, budget=self._budget_of_issuer if from_issuer else self._budget)
            key = self.find(key_id)
            if key is not None:
                return key
            if self.failures or self._is_too_old():
                raise KeysUnavailableError
        self.unknown_ids += 1
        return None

    async def _ask(self, *, waits: bool, budget: Budget) -> None:
        """Wait for the fetch that is under way, or for a new one where the budget has it."""
        if self._running is None and not budget.spend():
            self.unasked_ids += 1
            raise KeysUnavailableError
        fetch = self._begin_fetch()
        if not waits:
            raise KeysUnavailableError
        # One caller's cancellation must not take the keys from the others.
        await asyncio.shield(fetch)

    def when_withdrawn(self, withdraw: Callable[[Collection[str]], None]) -> None:
        """From now on, tell `withdraw` the ids of keys that are good no more."""
        self._withdraw = withdraw

    def when_changed(self, change: Callable[[Collection[str], Collection[str]], None]) -> None:
        """From now on, tell `change` the ids of the keys that are new, and of those that are good no more."""
        self._change = change

    async def refresh(self) -> None:
        """Fetch, or wait for the fetch that is under way."""
        await asyncio.shield(self._begin_fetch())
        if self._is_distrusted and not self.failures:
            # That one had begun before it was ordered to fetch anew.
            await asyncio.shield(self._begin_fetch())

    def distrust(self, *, ordered_at: float) -> None:
        """Take nobody's word for the keys from now on, until the provider has said anew which it has.

        They go on to verify meanwhile: whether a key is one that was stolen cannot be told yet.
        """
        self._ordered_at = ordered_at

    def begin_after(self, *, ordered_at: float) -> None:
        """Nothing is held yet, and so nothing from before this order."""
        self._ordered_at = self.carried_out = ordered_at

    async def take_shared(self) -> bool:
        """Use what another server fetched, where it is newer than what is held; whether it was used."""
        shared = None if self._is_distrusted else await self._shared.load()
        if shared is None:
            return False
        age = max(0.0, self._clock.now() - shared.fetched_at)
        fetched_at = self._clock.steady() - age
        if age >= self.max_stale_seconds or (self._fetched_at is not None and fetched_at <= self._fetched_at):
            return False
        return self._take(shared.document, fetched_at) == "ok"

    @property
    def _is_distrusted(self) -> bool:
        return self._ordered_at != self.carried_out

    def _begin_fetch(self) -> asyncio.Task[None]:
        """The fetch that is under way, or a new one."""
        if self._running is None:
            self._running = asyncio.create_task(self._fetch_once())
            self._running.add_done_callback(self._ended)
        return self._running

    def _ended(self, _: asyncio.Task[None]) -> None:
        self._running = None

    async def _fetch_once(self) -> None:
        self._begun += 1
        number, ordered_at, sought = self._begun, self._ordered_at, self._unknown.take_sought()
        anew = self._is_distrusted
        steady, now = self._clock.steady(), self._clock.now()
        found = await self._fetch(self._entity_tag if self._keys and not anew else None, anew=anew)
        outcome = found.why if isinstance(found, Unfetched) else self._take(found, steady)
        is_good = outcome in _GOOD
        if is_good:
            self._answered = number
            self._unknown.remember(key_id for key_id in sought if key_id not in self._keys)
        if is_good and anew:
            self._note_carried_out(ordered_at)
        if isinstance(found, Document) and outcome == _OK:
            await self._shared.save(SharedDocument(found, now, self.carried_out))
        elif not is_good:
            await self.take_shared()
        self._note(outcome, is_good=is_good)

    def _note(self, outcome: str, *, is_good: bool) -> None:
        self._telemetry.key_set_fetched(self._issuer, outcome)
        self.last_outcome = outcome
        self.was_tried = True
        if not is_good:
            self._logger.warning("the key set of an issuer was not fetched", issuer=self._issuer, why=outcome)
        elif self.failures:
            self._logger.info("the key set of an issuer was fetched again", issuer=self._issuer)
        self.failures = 0 if is_good else self.failures + 1

    def _note_carried_out(self, ordered_at: float) -> None:
        self.carried_out = ordered_at
        self._logger.warning(
            "the key set of an issuer was fetched anew, as was ordered",
            issuer=self._issuer,
            key_ids=sorted(self._keys),
        )

    def _take(self, document: Document, asked_at: float) -> str:
        if document.body is None:
            self._fetched_at, self.lifetime_seconds = asked_at, document.lifetime_seconds
            return _NOT_MODIFIED
        keys = self._read(document.body)
        if keys is None:
            return _MALFORMED
        if not keys:
            # An issuer without keys signs nothing: this is a mistake there, and no order to forget the keys
            # that it has used.
            self._logger.error("the key set of an issuer has no key that can be used", issuer=self._issuer)
            return _EMPTY
        self._replace(keys)
        self._fetched_at, self.lifetime_seconds, self._entity_tag = (
            asked_at,
            document.lifetime_seconds,
            document.entity_tag,
        )
        return _OK

    def _replace(self, keys: Mapping[str, VerificationKey]) -> None:
        """Take the new keys; a key that stays remains the same object.

        By that, verified tokens know that their key is still there.
        """
        former = self._keys
        self._keys = {
            key_id: former[key_id] if key.is_same_as(former.get(key_id)) else key
            for key_id, key in keys.items()
        }
        # A key may have gone, or another may have taken its name.
        withdrawn = [key_id for key_id, key in former.items() if self._keys.get(key_id) is not key]
        if withdrawn:
            self._withdraw(withdrawn)
        if self._keys != former:
            self._change([one for one, key in self._keys.items() if former.get(one) is not key], withdrawn)
            self.version += 1
            self._unknown.forget()
            self._unknown.remember(former.keys() - self._keys.keys())
            self._logger.info(
                "the keys of an issuer have changed", issuer=self._issuer, key_ids=sorted(self._keys)
            )

    def _is_too_old(self) -> bool:
        return self._fetched_at is None or self._clock.steady() - self._fetched_at >= self.max_stale_seconds
