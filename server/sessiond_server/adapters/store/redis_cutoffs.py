"""Cutoffs behind their port: the same script on every partition."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from typing_extensions import override

from sessiond_server.adapters.store.hashed_ids import hashed
from sessiond_server.adapters.store.partitions import LAST_LOGIN_KEY, Partitions
from sessiond_server.adapters.store.scripts.catalogue import CUTOFF
from sessiond_server.adapters.store.scripts.replies import CutoffReply
from sessiond_server.adapters.store.scripts.runner import Scripts
from sessiond_server.domain.revocation import FOREVER_MS
from sessiond_server.service.storage.cutoffs import Cutoffs, Shared
from sessiond_server.service.storage.revocations import Logged


class RedisCutoffs(Cutoffs):
    """Cutoffs in Redis or Valkey.

    Servers know the latest cutoff of all partitions, whose clocks may differ. So the others are raised to it
    before the answer: a later login is put behind the cutoff of its own partition, and then behind all.
    """

    def __init__(self, scripts: Scripts, *, partitions: Partitions) -> None:
        self._scripts = scripts
        self._partitions = partitions

    @override
    async def set(self, shared: Shared, *, cutoff_life_ms: int, entry_life_ms: int) -> Sequence[Logged]:
        async def set_in(partition: int, not_before_ms: int) -> CutoffReply:
            return await self._scripts.run(
                CUTOFF,
                partition,
                last_login=LAST_LOGIN_KEY,
                kind=shared.type,
                hashed=hashed(shared.type, shared.issuer, shared.identifier),
                not_before_ms=not_before_ms,
                cutoff_life_ms=cutoff_life_ms,
                entry_life_ms=entry_life_ms,
            )

        wanted_ms = FOREVER_MS if shared.ends_for_good else 0
        found = await asyncio.gather(*(set_in(one, wanted_ms) for one in self._partitions))
        latest_ms = max(one.cutoff_ms for one in found)
        behind = [at for at, one in zip(self._partitions, found, strict=True) if one.cutoff_ms < latest_ms]
        raised = await asyncio.gather(*(set_in(one, latest_ms) for one in behind))
        logged = [one.log.to_logged(at) for at, one in zip(self._partitions, found, strict=True)]
        for at, one in zip(behind, raised, strict=True):
            later = one.log.to_logged(at)
            logged[at] = Logged(logged[at].revocations + later.revocations, later.position)
        return logged
