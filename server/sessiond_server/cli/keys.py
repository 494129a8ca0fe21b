"""Our own keys: `sessiond keys`."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Final

import click

from sessiond_server.adapters.embedded.data_directory import DataDirectoryError
from sessiond_server.app.check_keys import KeyFinding, KeyReport, check_keys, disagreements, principals
from sessiond_server.app.key_directory import (
    KINDS,
    PEPPER,
    SEALING,
    SIGNING,
    KeyKind,
    add_next,
    key_files,
    make_keys,
    use_next,
)
from sessiond_server.cli.as_json import json_option
from sessiond_server.cli.configured import config_option, plaintext_option, settings_of
from sessiond_server.cli.event_loop import run_once
from sessiond_server.cli.refusals import FAULTY_STATUS, refuse
from sessiond_server.cli.tables import table
from sessiond_server.service.logger import Logger

_BY_NAME: Final = {kind.name: kind for kind in KINDS}
_SETTINGS: Final = {"pepper_files": PEPPER, "sealing_files": SEALING, "signing_key_files": SIGNING}
_AT_MOST: Final = 100_000

directory_argument = click.argument(
    "directory", metavar="DIR", type=click.Path(path_type=Path, file_okay=False)
)
kind_option = click.option(
    "--only",
    "kinds",
    type=click.Choice(list(_BY_NAME)),
    multiple=True,
    help="The kind of key, once for each; by default all three.",
)


@click.group()
def keys() -> None:
    """Make, rotate and check sessiond's own keys: pepper, sealing key and signing key."""


@keys.command(epilog="\b\nExample:\n  sessiond keys new /etc/sessiond/keys")
@directory_argument
def new(directory: Path) -> None:
    """Make a key of each kind in DIR, and say what the configuration needs; nothing is overwritten."""
    try:
        made = make_keys(directory)
    except DataDirectoryError as error:
        refuse(str(error))
    _show_files("made", made)
    click.echo(
        f"""
Give every server the same files, readable by its user alone, and put into its configuration:

  [keys]
  directory = {json.dumps(str(directory.absolute()))}

Keep a copy where the store's backups are not: without these keys every session is lost."""
    )


@keys.command(
    epilog="""\b
Examples:
  sessiond keys rotate /etc/sessiond/keys --step add
  sessiond keys rotate /etc/sessiond/keys --step use
  sessiond keys rotate /etc/sessiond/keys --step add --only pepper"""
)
@directory_argument
@click.option(
    "--step",
    required=True,
    type=click.Choice(["add", "use"]),
    help="add: make the next keys, which every server must read before one uses them; use: put them first.",
)
@kind_option
def rotate(directory: Path, *, step: str, kinds: Sequence[str]) -> None:
    """Rotate keys in DIR in two steps, with a restart of every server after each; no session ends by it."""
    chosen = [_BY_NAME[name] for name in kinds] or list(KINDS)
    try:
        if step == "add":
            _show_files("made", add_next(directory, chosen))
            click.echo(_after_add(directory, chosen))
        else:
            _show_files("in use now", use_next(directory, chosen))
            click.echo(_after_use(directory))
    except DataDirectoryError as error:
        refuse(str(error))


@keys.command(
    epilog="""\b
Examples:
  sessiond keys check --config /etc/sessiond/sessiond.toml
  sessiond keys check --config a.toml --config b.toml --json"""
)
@click.option(
    "--config",
    "configs",
    required=True,
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A configuration, TOML; of several it is told whether their servers agree.",
)
@click.option(
    "--at-most",
    default=_AT_MOST,
    show_default=True,
    help="How many records and provider's tokens of the store are looked at.",
)
@plaintext_option
@json_option
def check(configs: Sequence[Path], *, at_most: int, insecure_plaintext: bool, as_json: bool) -> None:
    """Show the keys of a configuration, and which of them stored sessions need: exit status 1 if one that is
    needed is missing, the store does not answer, or servers do not agree.
    """  # noqa: D205 - one sentence, which the help shows whole
    reports: dict[str, KeyReport] = {}
    for config in configs:
        settings = settings_of(config, insecure_plaintext=insecure_plaintext)
        reports[str(config)] = run_once(partial(check_keys, settings, at_most=at_most))
    differing = disagreements(reports)
    click.echo(json.dumps(_to_json(reports, differing)) if as_json else _shown(reports, differing))
    is_well = not differing and all(one.answers and not one.missing for one in reports.values())
    sys.exit(0 if is_well else FAULTY_STATUS)


@keys.command(
    epilog="\b\nExample:\n  sessiond keys principal https://id.example.com user-123 --config sessiond.toml"
)
@click.argument("issuer")
@click.argument("subject")
@config_option
@plaintext_option
def principal(issuer: str, subject: str, *, config: Path, insecure_plaintext: bool) -> None:
    """Show how audit events name SUBJECT at ISSUER: a line for each pepper, the one in use first."""
    settings = settings_of(config, insecure_plaintext=insecure_plaintext)

    async def find(logger: Logger) -> list[str]:
        return principals(settings, issuer, subject, logger=logger)

    for line in run_once(find):
        click.echo(line)


def _show_files(what: str, files: Sequence[Path]) -> None:
    for file in files:
        click.echo(f"{what}: {file}")


def _after_add(directory: Path, kinds: Sequence[KeyKind]) -> str:
    only = "" if len(kinds) == len(KINDS) else "".join(f" --only {kind.name}" for kind in kinds)
    return f"""
Now give every server these files, and restart each: they are read, and nothing is made with them yet.
{_lists(directory)}
Wait until every server was restarted, and five minutes more where it is a signing key. Then:

  sessiond keys rotate {shlex.quote(str(directory))} --step use{only}"""


def _after_use(directory: Path) -> str:
    return f"""
Now give every server these files, and restart each.
{_lists(directory)}
The former keys (*.old-N in {directory}) stay readable until nothing needs them: a pepper until every session
was refreshed or is over, a sealing key until a day after every session is over, a signing key until the
tokens that it signed have expired. This shows what needs them:

  sessiond keys check --config FILE"""


def _lists(directory: Path) -> str:
    """What a configuration says that lists the files instead of naming their directory."""
    lines = [
        f"  {setting} = {json.dumps(list(map(str, key_files(directory.absolute(), kind))))}"
        for setting, kind in _SETTINGS.items()
    ]
    return "\n".join(
        ["Where a configuration lists files instead of keys.directory, it has to say now:", *lines]
    )


def _to_json(reports: Mapping[str, KeyReport], differing: Sequence[str]) -> object:
    return {
        "configurations": {name: asdict(report) for name, report in reports.items()},
        "disagreements": list(differing),
    }


def _shown(reports: Mapping[str, KeyReport], differing: Sequence[str]) -> str:
    return "\n".join([*(_report(name, one) for name, one in reports.items()), *_told(differing)])


def _report(name: str, report: KeyReport) -> str:
    rows = [(one.kind, one.id, _place(one), _need(one, report), one.file) for one in report.keys]
    lines = [name, table(("kind", "id", "is", "needed by", "file"), rows), *report.remarks]
    if not report.answers:
        lines.append("the store does not answer: what needs which key is not known")
    elif not report.is_complete:
        lines.append("not everything in the store was looked at: give more with --at-most")
    return "\n".join(lines)


def _place(key: KeyFinding) -> str:
    if not key.file:
        return "MISSING"
    return "in use" if key.is_in_use else "readable"


def _need(key: KeyFinding, report: KeyReport) -> str:
    if key.needed_by is None:
        return "?"
    if key.needed_by == 0:
        return "nothing" if report.is_complete else "nothing seen"
    return f"{key.needed_by}{'' if report.is_complete else ' or more'}"


def _told(differing: Sequence[str]) -> list[str]:
    return [f"DIFFERS: {line}" for line in differing]
