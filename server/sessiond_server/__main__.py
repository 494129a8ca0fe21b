"""The command line: `sessiond`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

# gRPC's core reads this when it is loaded; what it writes by itself to standard error is no line of our log.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import click
import uvloop

from sessiond_server import __version__
from sessiond_server.adapters.logs import to_log
from sessiond_server.app import StartError, run_dev
from sessiond_server.config import DEV_HTTP, DEV_LISTEN, DevSettings, default_data_directory
from sessiond_server.transport.healthcheck import SERVING, ask_health

_USAGE_STATUS: Final = 2
_UNHEALTHY_STATUS: Final = 1


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
    default=DEV_LISTEN,
    show_default=True,
    metavar="ADDR",
    envvar="SESSIOND_SERVER_LISTEN",
    help="Where to serve gRPC: HOST:PORT or unix:PATH. Loopback and Unix sockets only.",
)
@click.option(
    "--http",
    default=DEV_HTTP,
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
def dev(listen: str, http: str, data: Path | None, join: Path | None) -> None:
    """Run on one machine without configuration: an embedded store, a local issuer, every method open to any local caller."""
    if data and join:
        raise click.UsageError("--data and --join exclude each other: --join uses the data of a running sessiond")
    settings = DevSettings(listen=listen, http=http, data=join or data or default_data_directory(), join=join is not None)
    try:
        uvloop.run(run_dev(settings, log=to_log()))
    except StartError as error:
        click.echo(f"sessiond: {error}", err=True)
        sys.exit(_USAGE_STATUS)


@main.command(epilog="\b\nExample:\n  sessiond healthcheck --addr 127.0.0.1:50051")
@click.option(
    "--addr",
    default=DEV_LISTEN,
    show_default=True,
    metavar="ADDR",
    envvar="SESSIOND_SERVER_LISTEN",
    help="The address that the server listens on.",
)
@click.option("--timeout", default=2.0, show_default=True, help="Seconds to wait for an answer.")
def healthcheck(addr: str, timeout: float) -> None:
    """Ask a server whether it serves: exit status 0 if it does, 1 if it does not or does not answer."""
    status = ask_health(addr, timeout_seconds=timeout)
    click.echo(f"{addr}: {status}", err=status != SERVING)
    sys.exit(0 if status == SERVING else _UNHEALTHY_STATUS)


if __name__ == "__main__":
    main()
