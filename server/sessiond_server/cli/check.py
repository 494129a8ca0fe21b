"""What an operator will find with a configuration: `sessiond check`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final

import click

from sessiond_server.app.check import check_all
from sessiond_server.app.findings import Finding, Severity, worst_of
from sessiond_server.cli.configured import config_option, plaintext_option
from sessiond_server.cli.event_loop import run_once
from sessiond_server.cli.refusals import refuse
from sessiond_server.config.problems import ConfigurationError
from sessiond_server.config.reader import read_file

_JSON: Final = "json"
_TEXT: Final = "text"
_STATUSES: Final[Mapping[Severity, int]] = MappingProxyType(
    {Severity.OK: 0, Severity.NOTE: 0, Severity.WARNING: 1, Severity.ERROR: 2}
)


@click.command(
    epilog="""\b
Exit status:
  0  all is well; a note changes nothing
  1  it works, and a warning says what can be lost or seen by others
  2  an error: a server would not start, or not become ready, or not do all that it should

\b
Examples:
  sessiond check --config /etc/sessiond/sessiond.toml
  sessiond check --config sessiond.toml --format json | jq -r '.findings[] | select(.severity == "error")'"""
)
@config_option
@plaintext_option
@click.option(
    "--format",
    "form",
    type=click.Choice([_TEXT, _JSON]),
    default=_TEXT,
    show_default=True,
    help="A line for each finding, or one JSON object.",
)
def check(config: Path, *, insecure_plaintext: bool, form: str) -> None:
    """Read a configuration, and look at all that a server will need: the store, every issuer and our
    credentials there (with a refresh token that is made up), keys, callers, files, ports, and the clocks.

    It is done within half a minute, and can be done beside a server that runs. Each finding has a severity
    (ok, note, warning, error), the setting that it is about, what was found, and what is allowed.
    """  # noqa: D205 - one sentence, which the help shows whole
    try:
        settings = read_file(config, environment=os.environ, insecure_plaintext=insecure_plaintext)
    except ConfigurationError as error:
        if form == _TEXT:
            refuse(str(error))
        findings = list(map(Finding.of, error.problems))
    else:
        findings = run_once(partial(check_all, settings))
    click.echo(_as_json(findings) if form == _JSON else "\n".join(map(_line, findings)))
    sys.exit(_STATUSES[worst_of(findings)])


def _line(finding: Finding) -> str:
    allowed = f", allowed is {finding.allowed}" if finding.allowed else ""
    return f"{finding.severity:<8} {finding.field}: {finding.found}{allowed}"


def _as_json(findings: Sequence[Finding]) -> str:
    return json.dumps({"severity": worst_of(findings), "findings": list(map(asdict, findings))}, indent=2)
