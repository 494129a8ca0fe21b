"""Whether a server serves: `sessiond healthcheck`."""

from __future__ import annotations

import sys

import click

from sessiond_server.cli.health import SERVING, ask_health
from sessiond_server.cli.refusals import FAULTY_STATUS
from sessiond_server.config.addresses import GRPC_ADDRESS


@click.command(epilog="\b\nExample:\n  sessiond healthcheck --addr 127.0.0.1:50051")
@click.option(
    "--addr",
    default=str(GRPC_ADDRESS),
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
    sys.exit(0 if status == SERVING else FAULTY_STATUS)
