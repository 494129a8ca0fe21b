"""Revocations, for whoever operates a server: `sessiond revocations`."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, assert_never

import click

from sessiond import (
    Client,
    Freshness,
    PartitionStatus,
    RevocationEvent,
    RevocationStatus,
    WatchEvent,
    WatchReset,
    WatchStarted,
)
from sessiond_server.cli.as_json import json_option, plain
from sessiond_server.cli.remote import Remote, server_options
from sessiond_server.cli.tables import counted, moment, table


@click.group()
def revocations() -> None:
    """Show what a running server knows of revocations."""


@revocations.command(
    "status",
    epilog="""\b
Examples:
  sessiond revocations status --addr sessiond.internal:50051 --ca-file ca.pem --key-file ops-key
  sessiond revocations status --json | jq '.partitions[] | {partition, behind, age}'""",
)
@json_option
@server_options
def status(*, remote: Remote, as_json: bool) -> None:
    """Show how far a server has read each log of revocations, how late it is, and why it last began anew."""
    with remote.connected() as client:
        found = client.revocation_status()
    click.echo(json.dumps(plain(asdict(found))) if as_json else _shown(found))


@revocations.command(
    "tail",
    epilog="""\b
Examples:
  sessiond revocations tail
  sessiond revocations tail --from REVISION --heartbeats --json""",
)
@click.option("--from", "revision", default="", metavar="REVISION", help="Begin there, and not with now.")
@click.option("--heartbeats", is_flag=True, help="Show how fresh it is, too, five times a second.")
@json_option
@server_options
def tail(*, remote: Remote, revision: str, heartbeats: bool, as_json: bool) -> None:
    """Show every revocation as a server learns of it, until Ctrl-C.

    Nobody is named: who knows an issuer and an id can hash them and compare.
    """
    with suppress(KeyboardInterrupt), remote.connected() as client:
        while True:
            revision = _follow(client, revision, heartbeats=heartbeats, as_json=as_json)


def _follow(client: Client, revision: str, *, heartbeats: bool, as_json: bool) -> str:
    """Show one stream, which ends by itself; where the next one goes on."""
    for event in client.watch_revocations(revision):
        revision = event.revision or revision
        if heartbeats or not isinstance(event, Freshness):
            click.echo(json.dumps(_to_json(event)) if as_json else _to_line(event))
    return revision


def _to_json(event: WatchEvent) -> dict[str, Any]:
    name = {
        WatchStarted: "started",
        RevocationEvent: "revocation",
        Freshness: "freshness",
        WatchReset: "reset",
    }[type(event)]
    return {"event": name, "time": datetime.now(UTC).isoformat(), **plain(asdict(event))}


def _to_line(event: WatchEvent) -> str:
    return f"{datetime.now(UTC):%H:%M:%S.%f}"[:-3] + f"  {_words(event)}"


def _words(event: WatchEvent) -> str:
    match event:
        case WatchStarted():
            return f"watching {event.server}, which answers from memory for {_seconds(event.max_staleness)}"
        case RevocationEvent():
            until = f"{event.expire_time:%Y-%m-%d %H:%M:%SZ}"
            return f"{event.type.lower():<16}  {event.hashed_id.hex()}  until {until}"
        case Freshness():
            return f"everything is known that was revoked until {_seconds(event.age)} ago"
        case WatchReset():
            return "reset: the log was read anew, or this was too long ago to be told"
        case _ as never:
            assert_never(never)


def _shown(found: RevocationStatus) -> str:
    held = f"{counted(found.revocations, 'revocation')}, {counted(found.watchers, 'watcher')}"
    limit = _seconds(found.max_staleness)
    columns = ("partition", "read", "behind", "age (ms)", "last read anew", "why")
    logs = table(columns, map(_row, found.partitions))
    return f"{found.server}: {held}, answers from memory for {limit}\n{logs}"


def _row(one: PartitionStatus) -> tuple[str, ...]:
    """How the log of a partition is followed."""
    age = "unknown" if one.age is None else f"{one.age.total_seconds() * 1000:.0f}"
    restoring = "; lost ones are written again" if one.restoring else ""
    why = f"{one.resync_reason.lower() or 'never'}{restoring}"
    return (str(one.partition), str(one.read), str(one.behind), age, moment(one.resync_time), why)


def _seconds(span: timedelta) -> str:
    return f"{span.total_seconds():.3f}".rstrip("0").rstrip(".") + " s"
