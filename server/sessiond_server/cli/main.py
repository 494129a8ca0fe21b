"""The command line: `sessiond`."""

from __future__ import annotations

import getpass
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Final, NoReturn

from sessiond_server.cli.descriptors import open_standard_descriptors

# What is imported below opens files of its own.
open_standard_descriptors()
# gRPC's core reads this when it is loaded; what it writes by itself to standard error is no line of our
# logger.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import click
import uvloop

from sessiond_server import __version__
from sessiond_server.adapters.logs import to_logger
from sessiond_server.app.check import check_all, fetch_key_sets
from sessiond_server.app.explain import explain as explain_token
from sessiond_server.app.order_keys import order_key_sets
from sessiond_server.app.serve import StartError, run, run_dev
from sessiond_server.cli import tables
from sessiond_server.cli.as_json import json_option
from sessiond_server.cli.healthcheck import SERVING, ask_health
from sessiond_server.cli.remote import USAGE_STATUS
from sessiond_server.cli.revocations import revocations
from sessiond_server.cli.sessions import sessions
from sessiond_server.cli.written_log import written_log
from sessiond_server.config.dev import data_directory, default_data_directory
from sessiond_server.config.problems import ConfigurationError
from sessiond_server.config.reader import read_file, read_token_rules
from sessiond_server.config.settings import ServerSettings, Settings
from sessiond_server.domain.address import Address, AddressError

_UNHEALTHY_STATUS: Final = 1
_FAULTY_STATUS: Final = 1
_MAX_INPUT_BYTES: Final = 8 << 20
_DOTS_OF_A_TOKEN: Final = 2
# What an option stands for that may name an issuer and does not.
_ALL_ISSUERS: Final = "all"
_DEFAULTS: Final = ServerSettings()


_config_option = click.option(
    "--config",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    envvar="SESSIOND_CONFIG",
    help="The configuration, TOML.",
)
_plaintext_option = click.option(
    "--insecure-plaintext",
    is_flag=True,
    help="Listen beyond loopback without TLS, over gRPC and HTTP: whoever sees the network sees every token.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="sessiond")
def main() -> None:
    """Validate, refresh and revoke sessions for backends in any language, over gRPC."""


@main.command(
    epilog="""\b
Examples:
  sessiond dev
  sessiond dev --listen 127.0.0.1:0 --http 127.0.0.1:0 --data ./sessiond-data
  sessiond dev --listen unix:/run/user/1000/sessiond/sessiond.sock
  sessiond dev --listen 127.0.0.1:50052 --http 127.0.0.1:8081 --join ./sessiond-data"""
)
@click.option(
    "--listen",
    default=str(_DEFAULTS.listen),
    show_default=True,
    metavar="ADDR",
    envvar="SESSIOND_SERVER_LISTEN",
    help="Where to serve gRPC: HOST:PORT or unix:PATH. Loopback and Unix sockets only.",
)
@click.option(
    "--http",
    default=str(_DEFAULTS.http),
    show_default=True,
    metavar="ADDR",
    envvar="SESSIOND_SERVER_HTTP",
    help="Where to serve the key set, metrics and health over HTTP. Loopback only.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help=f"Where the embedded store and the keys live. [default: {default_data_directory()}]",
)
@click.option(
    "--join",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Use the store and the keys of the sessiond that already runs on DIR.",
)
@click.option(
    "--anyone-may-mint-tokens",
    is_flag=True,
    help="Listen elsewhere too: whoever reaches the port can then be anyone.",
)
def dev(
    *, listen: str, http: str, data: Path | None, join: Path | None, anyone_may_mint_tokens: bool
) -> None:
    """Run on one machine without configuration: an embedded store, a local issuer,
    every method open to any local caller. SESSIOND_SECTION_KEY in the environment sets any setting.
    """  # noqa: D205 - one sentence, which the help shows whole
    if data and join:
        raise click.UsageError(
            "--data and --join exclude each other: --join uses the data of a running sessiond"
        )
    addresses = [_address(text) for text in (listen, http)]
    for address in addresses:
        if not address.is_local and not anyone_may_mint_tokens:
            _refuse(
                f"{str(address)!r} can be reached from elsewhere: "
                "dev listens on loopback and Unix sockets only"
            )
    listening, http_address = addresses
    _run(
        partial(
            run_dev,
            listen=listening,
            http=http_address,
            data=join or data or _data_directory(),
            join=join is not None,
            environment=os.environ,
        )
    )


def _data_directory() -> Path:
    try:
        return data_directory(os.environ)
    except ConfigurationError as error:
        _refuse(str(error))


@main.command(epilog="\b\nExample:\n  sessiond serve --config /etc/sessiond/sessiond.toml")
@_config_option
@_plaintext_option
def serve(config: Path, *, insecure_plaintext: bool) -> None:
    """Run with a configuration; every mistake in it is told before anything starts."""
    _run(partial(run, _settings(config, insecure_plaintext=insecure_plaintext)))


@main.command(epilog="\b\nExample:\n  sessiond check --config /etc/sessiond/sessiond.toml")
@_config_option
@_plaintext_option
def check(config: Path, *, insecure_plaintext: bool) -> None:
    """Read a configuration, reach the store and every issuer, try our credentials there with a refresh token
    that is made up, and show what works: exit status 1 if something does not.
    """  # noqa: D205 - one sentence, which the help shows whole
    settings = _settings(config, insecure_plaintext=insecure_plaintext)
    try:
        findings = uvloop.run(check_all(settings, logger=to_logger(level=logging.CRITICAL)))
    except StartError as error:
        _refuse(str(error))
    click.echo(tables.of_findings(findings))
    sys.exit(_FAULTY_STATUS if any(finding.works is False for finding in findings) else 0)


@main.command(
    epilog="""\b
Examples:
  sessiond jwks --config /etc/sessiond/sessiond.toml --json
  sessiond jwks --refresh https://id.example.com --config /etc/sessiond/sessiond.toml"""
)
@_config_option
@_plaintext_option
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
    settings = _settings(config, insecure_plaintext=insecure_plaintext)
    quiet = to_logger(level=logging.CRITICAL)
    try:
        findings = uvloop.run(
            fetch_key_sets(settings, logger=quiet)
            if refresh is None
            else order_key_sets(settings, _named_issuers(settings, refresh), logger=quiet)
        )
    except StartError as error:
        _refuse(str(error))
    click.echo(json.dumps([asdict(one) for one in findings]) if as_json else tables.of_key_sets(findings))
    sys.exit(0 if all(one.outcome == "ok" for one in findings) else _FAULTY_STATUS)


def _named_issuers(settings: Settings, name: str) -> list[str]:
    """The providers and workload issuers that an option names."""
    others = [one.issuer for one in settings.issuers if not one.is_local]
    others += [one.issuer for one in settings.workload_issuers if one.issuer not in others]
    if name != _ALL_ISSUERS and name not in others:
        _refuse(f"--refresh: found {name!r}, allowed: {', '.join(others) or 'none, there is no provider'}")
    return [one for one in others if name in {one, _ALL_ISSUERS}]


@main.command(
    epilog="""\b
Examples:
  pbpaste | sessiond explain --config sessiond.toml
  sessiond explain token.txt --config sessiond.toml --offline --jwks keys.json --json"""
)
@click.argument("file", default="-", metavar="[FILE|-]")
@_config_option
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
        _refuse(str(error))
    except OSError as error:
        _refuse(f"{error.filename}: {error.strerror}")
    quiet = to_logger(level=logging.CRITICAL)
    found = uvloop.run(
        explain_token(token, rules, key_set=document, is_offline=offline, now=time.time(), logger=quiet)
    )
    click.echo(json.dumps(found.to_dict()) if as_json else tables.of_explanation(found))
    sys.exit(0 if found.verdict == "ACCEPTED" else _FAULTY_STATUS)


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


def _settings(config: Path, *, insecure_plaintext: bool) -> Settings:
    try:
        return read_file(config, environment=os.environ, insecure_plaintext=insecure_plaintext)
    except ConfigurationError as error:
        _refuse(str(error))


def _address(text: str) -> Address:
    try:
        return Address.parse(text)
    except AddressError as error:
        _refuse(str(error))


def _run(serve: Callable[..., Coroutine[Any, Any, None]]) -> NoReturn:
    """Serve, and end with a status in bounded time even if nobody reads what is written."""
    with written_log() as log:
        try:
            uvloop.run(serve(logger=log.logger, lines_dropped=lambda: log.writer.dropped))
        except StartError as error:
            log.writer.write(_as_refusal(str(error)))
            sys.exit(USAGE_STATUS)
    sys.exit(0)


def _as_refusal(message: str) -> str:
    return "".join(f"sessiond: {line}\n" for line in message.splitlines())


def _refuse(message: str) -> NoReturn:
    click.echo(_as_refusal(message), err=True, nl=False)
    sys.exit(USAGE_STATUS)


@main.command(epilog="\b\nExample:\n  sessiond healthcheck --addr 127.0.0.1:50051")
@click.option(
    "--addr",
    default=str(_DEFAULTS.listen),
    show_default=True,
    metavar="ADDR",
    envvar="SESSIOND_SERVER_LISTEN",
    help="Where the server listens: its gRPC address, or http://HOST:PORT, "
    "which is the way in where that is behind TLS.",
)
@click.option("--timeout", default=2.0, show_default=True, help="Seconds to wait for an answer.")
def healthcheck(addr: str, timeout: float) -> None:
    """Ask a server whether it serves: exit status 0 if it does, 1 if it does not or does not answer."""
    status = ask_health(addr, timeout_seconds=timeout)
    click.echo(f"{addr}: {status}", err=status != SERVING)
    sys.exit(0 if status == SERVING else _UNHEALTHY_STATUS)


main.add_command(sessions)
main.add_command(revocations)
