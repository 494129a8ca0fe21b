"""Why a token is accepted or rejected: `sessiond explain`."""

from __future__ import annotations

import getpass
import json
import os
import sys
import time
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias

import click

from sessiond_server.app.explain import explain as explain_token
from sessiond_server.app.explain import explain_workload
from sessiond_server.cli.as_json import json_option
from sessiond_server.cli.configured import config_option
from sessiond_server.cli.event_loop import run_once
from sessiond_server.cli.refusals import FAULTY_STATUS, refuse
from sessiond_server.cli.tables import table
from sessiond_server.config.problems import ConfigurationError
from sessiond_server.config.token_rules import read_token_rules, read_workload_rules
from sessiond_server.service.validation.explain import Explanation

_MAX_INPUT_BYTES: Final = 8 << 20
_DOTS_OF_A_TOKEN: Final = 2
# Given the token, the time and a logger.
_Explain: TypeAlias = Callable[..., Coroutine[Any, Any, Explanation]]


@click.command(
    epilog="""\b
Examples:
  pbpaste | sessiond explain --config sessiond.toml
  sessiond explain token.txt --config sessiond.toml --offline --jwks keys.json --json
  sessiond explain --workload /var/run/secrets/sessiond/token --config sessiond.toml"""
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
@click.option(
    "--workload", is_flag=True, help="It is the token of a workload: which caller it shows, and why not."
)
@json_option
def explain(
    file: str, config: Path, *, key_set: Path | None, offline: bool, workload: bool, as_json: bool
) -> None:
    """Show what each check finds in the access token in FILE, or on standard input.

    The key set is fetched from the token's issuer, where that is one of the configuration's, and nothing else
    is asked. Of the configuration only the issuers and the longest token count; files that it names need not
    be there. With --workload those are the workload issuers, with what they are asked with, and the callers.

    Exit status 0 for a token that is accepted if it has not been revoked, 1 for any other.
    """
    try:
        document = _read(key_set) if key_set else None
        judge = _judge_workload if workload else _judge_access_token
        explained = judge(config, key_set=document, is_offline=offline)
        token = _token(file)
    except ConfigurationError as error:
        refuse(str(error))
    except OSError as error:
        refuse(f"{error.filename}: {error.strerror}")
    found = run_once(partial(explained, token, now=time.time()))
    click.echo(json.dumps(found.to_dict()) if as_json else _shown(found))
    sys.exit(0 if found.verdict == "ACCEPTED" else FAULTY_STATUS)


def _judge_access_token(config: Path, *, key_set: bytes | None, is_offline: bool) -> _Explain:
    rules = read_token_rules(config, environment=os.environ)
    return partial(explain_token, rules=rules, key_set=key_set, is_offline=is_offline)


def _judge_workload(config: Path, *, key_set: bytes | None, is_offline: bool) -> _Explain:
    is_asked = key_set is None and not is_offline
    rules = read_workload_rules(config, environment=os.environ, is_asked=is_asked)
    return partial(explain_workload, settings=rules, key_set=key_set, is_offline=is_offline)


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
    lines = [table(("step", "outcome", "found", "expected"), rows), f"verdict: {found.verdict}"]
    if found.caller is not None:
        lines.append(f"caller: {found.caller}")
    return "\n".join(lines)
