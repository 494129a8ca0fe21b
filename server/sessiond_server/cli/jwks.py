"""The providers' key sets: `sessiond jwks`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Final

import click

from sessiond_server.app.check import KeySetFinding, fetch_key_sets
from sessiond_server.app.order_keys import order_key_sets
from sessiond_server.cli.as_json import json_option
from sessiond_server.cli.configured import config_option, plaintext_option, settings_of
from sessiond_server.cli.event_loop import run_once
from sessiond_server.cli.refusals import FAULTY_STATUS, refuse
from sessiond_server.cli.tables import table
from sessiond_server.config.settings import Settings

# What an option stands for that may name an issuer and does not.
_ALL_ISSUERS: Final = "all"
# A server that has just carried out another order waits before the next; the answer may take its time.
_ORDER_SECONDS: Final = 15


@click.command(
    epilog="""\b
Examples:
  sessiond jwks --config /etc/sessiond/sessiond.toml --json
  sessiond jwks --refresh https://id.example.com --config /etc/sessiond/sessiond.toml"""
)
@config_option
@plaintext_option
@json_option
@click.option(
    "--refresh",
    is_flag=False,
    flag_value=_ALL_ISSUERS,
    metavar="[ISSUER]",
    help="Have every server forget what it knows of this provider's keys, or all providers', and ask anew.",
)
def jwks(config: Path, *, insecure_plaintext: bool, as_json: bool, refresh: str | None) -> None:
    """Fetch the key sets of all configured providers and workload issuers, and show them: exit status 1 if
    one cannot be had.
    """  # noqa: D205 - one sentence, which the help shows whole
    settings = settings_of(config, insecure_plaintext=insecure_plaintext)
    findings = run_once(
        partial(fetch_key_sets, settings)
        if refresh is None
        else partial(order_key_sets, settings, _named_issuers(settings, refresh))
    )
    click.echo(json.dumps([asdict(one) for one in findings]) if as_json else _shown(findings))
    sys.exit(0 if all(one.outcome == "ok" for one in findings) else FAULTY_STATUS)


def _named_issuers(settings: Settings, name: str) -> list[str]:
    """The providers and workload issuers that an option names."""
    others = [one.issuer for one in settings.issuers if not one.is_local]
    others += [one.issuer for one in settings.workload_issuers if one.issuer not in others]
    if name != _ALL_ISSUERS and name not in others:
        refuse(f"--refresh: found {name!r}, allowed: {', '.join(others) or 'none, there is no provider'}")
    return [one for one in others if name in {one, _ALL_ISSUERS}]


def _shown(findings: Sequence[KeySetFinding]) -> str:
    rows = (
        (one.issuer, one.outcome, _keys(one), str(one.age_seconds), str(one.refresh_seconds))
        for one in findings
    )
    ordered = "".join(map(_order, findings))
    return table(("issuer", "outcome", "keys", "age (s)", "next refresh (s)"), rows) + ordered


def _keys(finding: KeySetFinding) -> str:
    keys = sorted(finding.keys.items())
    return "\n".join(f"{key_id} {algorithm}" for key_id, algorithm in keys) or "none"


def _order(finding: KeySetFinding) -> str:
    """What was ordered, and how to see who has carried it out."""
    if finding.ordered_at is None:
        return ""
    return f"""
{finding.issuer}: every server was told to fetch its keys anew, which takes up to {_ORDER_SECONDS} s.
A server has done so when it shows this metric with at least this value:
  sessiond_key_set_order_timestamp_seconds{{issuer="{finding.issuer}"}} {finding.ordered_at}"""
