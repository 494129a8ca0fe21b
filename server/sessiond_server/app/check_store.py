"""What works of the store: whether it answers, keeps what it acknowledges, and has the keys it needs here."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from sessiond_server.adapters.store.open import sealing_key_id
from sessiond_server.adapters.system_clock import SystemClock
from sessiond_server.app.build import App
from sessiond_server.app.findings import Finding, Severity
from sessiond_server.app.secrets import Secrets
from sessiond_server.config.settings import Settings
from sessiond_server.domain.failures import StoreUnavailableError
from sessiond_server.domain.refresh_token import Pepper
from sessiond_server.service.storage.durability import PartitionsError, StoreNode

_URL: Final = "store.url"
_LEAST_VERSIONS: Final[Mapping[str, tuple[int, ...]]] = MappingProxyType({"redis": (7, 0), "valkey": (8, 0)})
_NUMBERS: Final = re.compile(r"\d+")
_RECORDS_LOOKED_AT: Final = 10_000


async def check_store(app: App, settings: Settings, secrets: Secrets) -> list[Finding]:
    """Look at the store as a server would when it starts, and at which keys what it holds needs."""
    durability, writes = app.stores.durability, app.stores.writes
    try:
        await durability.pin_partitions()
        faults = await durability.faults(accepted=settings.store.accept_risks)
        remarks = await durability.remarks()
        await writes.probe()
        nodes = await _compared(app)
        use = await app.stores.key_uses.count(at_most=_RECORDS_LOOKED_AT)
    except StoreUnavailableError:
        reason = writes.refused_for
        seen = f"takes no writes: {reason}" if reason else "no answer"
        return [Finding(Severity.ERROR, _URL, seen, "a store that answers, and takes writes")]
    except PartitionsError as error:
        return [
            Finding(Severity.ERROR, "store.partitions", str(error), "the number that the store began with")
        ]
    answers = [] if faults else [Finding(Severity.OK, _URL, "answers, and keeps what it acknowledges")]
    return [
        *answers,
        *(Finding(Severity.ERROR, "store", fault) for fault in faults),
        *(Finding(Severity.WARNING, "store", remark) for remark in remarks),
        *map(_version, nodes),
        *_clock(app),
        *_keys("keys.pepper_files", [Pepper(one).id for one in secrets.peppers], use.peppers),
        *_keys("keys.sealing_files", list(map(sealing_key_id, secrets.sealing)), use.sealing),
    ]


async def _compared(app: App) -> list[StoreNode]:
    """The store's nodes, once their clocks are compared with ours."""
    clock, nodes = SystemClock(), []
    for partition in app.stores.durability.partitions:
        sent = clock.steady()
        node = await app.stores.durability.node_of(partition)
        if node.now_ms:
            app.clocks.compare(partition, node.now_ms, sent=sent)
        nodes.append(node)
    return list({node.run_id: node for node in nodes}.values())


def _version(node: StoreNode) -> Finding:
    if not node.version:
        return Finding(
            Severity.NOTE, _URL, "the store does not tell its version: allow our user the command info"
        )
    found = f"{node.product} {node.version}"
    least = _LEAST_VERSIONS.get(node.product, (0,))
    if tuple(map(int, _NUMBERS.findall(node.version))) < least:
        allowed = f"{node.product} {'.'.join(map(str, least))} or later"
        return Finding(Severity.ERROR, _URL, found, allowed)
    return Finding(Severity.OK, _URL, found)


def _clock(app: App) -> Iterator[Finding]:
    difference = app.clocks.difference_seconds
    if app.clocks.excess_seconds is not None:
        found = f"the clocks of this machine and the store differ by {abs(difference):.1f} s"
        yield Finding(Severity.ERROR, _URL, found, "at most the smallest clock_skew of the issuers, or 0.5 s")
    elif difference == difference:  # noqa: PLR0124 - it is no number where the store tells no time
        yield Finding(Severity.OK, _URL, f"its clock differs from ours by {abs(difference):.1f} s")


def _keys(field: str, ids: Collection[bytes], needed: Mapping[bytes, int]) -> Iterator[Finding]:
    if ids:
        yield Finding(Severity.OK, field, f"keys: {', '.join(one.hex() for one in ids)}")
    for key_id, count in needed.items():
        if key_id not in ids:
            found = f"the key {key_id.hex()}, which {count} of what is stored needs, is not here"
            yield Finding(Severity.ERROR, field, found, "every key that something stored needs")
