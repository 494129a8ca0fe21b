"""What works of a configuration: the store, every issuer's keys, and its token endpoint's address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sessiond_server.adapters.data_directory import DataDirectoryError
from sessiond_server.adapters.http.remote_key_set import NotShared
from sessiond_server.adapters.store.redis_session_store import PartitionsError
from sessiond_server.adapters.store.soundness import faults_of_store
from sessiond_server.adapters.system_clock import SystemClock
from sessiond_server.app.assembly import Parts, assemble
from sessiond_server.app.explain import Explanation
from sessiond_server.app.issuers import RemoteIssuer, remote_issuers
from sessiond_server.app.material import load_material
from sessiond_server.app.serving import StartError, open_store
from sessiond_server.config.problems import ConfigurationError
from sessiond_server.config.settings import IssuerSettings, Settings
from sessiond_server.domain.failures import KeysUnavailableError, StoreUnavailableError
from sessiond_server.service.log import Log
from sessiond_server.transport.metrics import Metrics

_WIDTH = 160
# No issuer has a key of this name; asking for it fetches the set.
_NO_KEY = "-"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, whether it works, and what was seen."""

    what: str
    works: bool
    seen: str


@dataclass(frozen=True, slots=True)
class KeySetFinding:
    """What an issuer publishes: the algorithm of each usable key by its id."""

    issuer: str
    outcome: str
    keys: Mapping[str, str]
    age_seconds: float
    refresh_seconds: float


async def check_all(settings: Settings, *, log: Log) -> list[Finding]:
    """Look at everything that the settings name; nothing is written but an embedded store's own files. Raises `StartError`."""
    async with AsyncExitStack() as stack:
        try:
            url, directory = await open_store(settings, stack, log=log)
            material = load_material(settings, directory=directory, log=log)
            parts = await assemble(settings, material, store_url=url, stack=stack, metrics=Metrics(), log=log)
        except (ConfigurationError, DataDirectoryError) as error:
            raise StartError(str(error)) from error
        return [
            Finding("configuration", works=True, seen=f"issuers: {len(settings.issuers)}, callers: {len(settings.callers)}"),
            await _store(parts, settings),
            *[await _issuer(one) for one in parts.remote],
        ]


async def keys_of(settings: Settings, *, log: Log) -> list[KeySetFinding]:
    """Fetch the key sets of all issuers elsewhere, now and in this process."""
    async with AsyncExitStack() as stack:
        remote = await remote_issuers(
            settings, secrets={}, share=_shared_with_nobody, stack=stack, clock=SystemClock(), metrics=Metrics(), log=log
        )
        return [await _key_set(one) for one in remote]


def _shared_with_nobody(_: IssuerSettings) -> NotShared:
    """What is shown is what the issuer says now."""
    return NotShared()


async def _key_set(issuer: RemoteIssuer) -> KeySetFinding:
    with suppress(KeysUnavailableError):
        await issuer.key_set.seek(_NO_KEY)
    keys = issuer.key_set
    return KeySetFinding(
        issuer.settings.issuer, keys.last_outcome, keys.algorithms_by_key, round(keys.age_seconds, 1), keys.refresh_seconds
    )


def keys_to_table(findings: Sequence[KeySetFinding]) -> str:
    """The key sets for a terminal."""
    table = Table("issuer", "outcome", "keys", "age (s)", "next refresh (s)")
    for one in findings:
        keys = "\n".join(f"{key_id} {algorithm}" for key_id, algorithm in sorted(one.keys.items()))
        cells = (one.issuer, one.outcome, keys or "none", str(one.age_seconds), str(one.refresh_seconds))
        table.add_row(*map(Text, cells))
    return _shown(table)


def to_table(findings: list[Finding]) -> str:
    """The findings for a terminal."""
    table = Table("", "what", "seen")
    for finding in findings:
        table.add_row(*map(Text, ("ok" if finding.works else "FAILED", finding.what, finding.seen)))
    return _shown(table)


def explanation_to_table(explanation: Explanation) -> str:
    """The steps of a token for a terminal, and the verdict."""
    table = Table("step", "outcome", "found", "expected")
    for step in explanation.steps:
        table.add_row(*map(Text, (step.name, step.outcome, step.found, step.expected)))
    return f"{_shown(table)}\nverdict: {explanation.verdict}"


def _shown(table: Table) -> str:
    """A table as text."""
    console = Console(width=_WIDTH, no_color=True)
    with console.capture() as captured:
        console.print(table)
    return captured.get().rstrip()


async def _store(parts: Parts, settings: Settings) -> Finding:
    what = f"store {settings.store.url}"
    try:
        await parts.store.claim()
        faults = await faults_of_store(parts.scripts, accepted=settings.store.accept_risks)
    except StoreUnavailableError:
        return Finding(what, works=False, seen="no answer")
    except PartitionsError as error:
        return Finding(what, works=False, seen=str(error))
    return Finding(what, works=not faults, seen="; ".join(faults) or "answers, and keeps what it acknowledges")


async def _issuer(issuer: RemoteIssuer) -> Finding:
    what = f"issuer {issuer.settings.issuer}"
    try:
        await issuer.key_set.seek(_NO_KEY)
    except KeysUnavailableError:
        return Finding(what, works=False, seen=f"no keys: {issuer.key_set.last_outcome}")
    role = "sessions and validation" if issuer.provider else "validation only"
    return Finding(what, works=True, seen=f"keys: {len(issuer.key_set)}; {role}")
