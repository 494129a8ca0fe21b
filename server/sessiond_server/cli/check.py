"""What works of a configuration: `sessiond check`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

import click

from sessiond_server.app.check import check_all
from sessiond_server.app.findings import Finding
from sessiond_server.cli.configured import config_option, plaintext_option, settings_of
from sessiond_server.cli.event_loop import run_once
from sessiond_server.cli.refusals import FAULTY_STATUS
from sessiond_server.cli.tables import table

_OUTCOMES: Final = {True: "ok", False: "FAILED", None: "?"}


@click.command(epilog="\b\nExample:\n  sessiond check --config /etc/sessiond/sessiond.toml")
@config_option
@plaintext_option
def check(config: Path, *, insecure_plaintext: bool) -> None:
    """Read a configuration, reach the store and every issuer, try our credentials there with a refresh token
    that is made up, and show what works: exit status 1 if something does not.
    """  # noqa: D205 - one sentence, which the help shows whole
    settings = settings_of(config, insecure_plaintext=insecure_plaintext)
    findings = run_once(partial(check_all, settings))
    click.echo(_shown(findings))
    sys.exit(FAULTY_STATUS if any(finding.works is False for finding in findings) else 0)


def _shown(findings: Sequence[Finding]) -> str:
    rows = ((_OUTCOMES[finding.works], finding.what, finding.seen) for finding in findings)
    return table(("", "what", "seen"), rows)
