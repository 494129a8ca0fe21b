"""Why a token is accepted or rejected: `sessiond explain`."""

from __future__ import annotations

import getpass
import json
import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import Final

import click

from sessiond_server.app.explain import explain as explain_token
from sessiond_server.cli.as_json import json_option
from sessiond_server.cli.configured import config_option
from sessiond_server.cli.event_loop import run_once
from sessiond_server.cli.refusals import FAULTY_STATUS, refuse
from sessiond_server.cli.tables import table
from sessiond_server.config.problems import ConfigurationError
from sessiond_server.config.reader import read_token_rules
from sessiond_server.service.validation.explain import Explanation

_MAX_INPUT_BYTES: Final = 8 << 20
_DOTS_OF_A_TOKEN: Final = 2


@click.command(
    epilog="""\b
Examples:
  pbpaste | sessiond explain --config sessiond.toml
  sessiond explain token.txt --config sessiond.toml --offline --jwks keys.json --json"""
)
@click.argument("file", default="-", metavar="[FILE|-]")
@config_option
@click.option(
    "--jwks",
    "key_set",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A JWK set to check the signature with, instead of the one that the issuer publishes.",
)
@click.option("--offline", is_flag=True, help="Ask nobody; without --jwks the signature is not checked.")
@json_option
def explain(file: str, config: Path, *, key_set: Path | None, offline: bool, as_json: bool) -> None:
    """Show what each check finds in the access token in FILE, or on standard input.

    The key set is fetched from the token's issuer, where that is one of the configuration's, and nothing else
    is asked. Of the configuration only the issuers and the longest token count; files that it names need not
    be there.

    Exit status 0 for a token that is accepted if it has not been revoked, 1 for any other.
    """
    try:
        rules = read_token_rules(config, environment=os.environ)
        document = _read(key_set) if key_set else None
        token = _token(file)
    except ConfigurationError as error:
        refuse(str(error))
    except OSError as error:
        refuse(f"{error.filename}: {error.strerror}")
    found = run_once(
        partial(explain_token, token, rules, key_set=document, is_offline=offline, now=time.time())
    )
    click.echo(json.dumps(found.to_dict()) if as_json else _shown(found))
    sys.exit(0 if found.verdict == "ACCEPTED" else FAULTY_STATUS)


def _token(file: str) -> bytes:
    if file == "-":
        text = (
            getpass.getpass("token: ").encode()
            if sys.stdin.isatty()
            else sys.stdin.buffer.read(_MAX_INPUT_BYTES)
        )
        return text.strip()
    if file.count(".") == _DOTS_OF_A_TOKEN and file.startswith("eyJ"):
        raise click.UsageError(
            "a token on the command line is seen by whoever lists processes, and stays in the shell's "
            "history: "
            "give it on standard input, or in a file"
        )
    return _read(Path(file)).strip()


def _read(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(_MAX_INPUT_BYTES)


def _shown(found: Explanation) -> str:
    rows = ((step.name, step.outcome, step.found, step.expected) for step in found.steps)
    return f"{table(('step', 'outcome', 'found', 'expected'), rows)}\nverdict: {found.verdict}"
