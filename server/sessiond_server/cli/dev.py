"""A server without configuration: `sessiond dev`."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import click

from sessiond_server.app.serve import run_dev
from sessiond_server.cli.event_loop import run_server
from sessiond_server.cli.refusals import refuse
from sessiond_server.config.addresses import GRPC_ADDRESS, HTTP_ADDRESS
from sessiond_server.config.dev import data_directory, default_data_directory
from sessiond_server.config.problems import ConfigurationError
from sessiond_server.domain.address import Address, AddressError


@click.command(
    epilog="""\b
Examples:
  sessiond dev
  sessiond dev --listen 127.0.0.1:0 --http 127.0.0.1:0 --data ./sessiond-data
  sessiond dev --listen unix:/run/user/1000/sessiond/sessiond.sock
  sessiond dev --listen 127.0.0.1:50052 --http 127.0.0.1:8081 --join ./sessiond-data"""
)
@click.option(
    "--listen",
    default=str(GRPC_ADDRESS),
    show_default=True,
    metavar="ADDR",
    envvar="SESSIOND_SERVER_LISTEN",
    help="Where to serve gRPC: HOST:PORT or unix:PATH. Loopback and Unix sockets only.",
)
@click.option(
    "--http",
    default=str(HTTP_ADDRESS),
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
            refuse(
                f"{str(address)!r} can be reached from elsewhere: "
                "dev listens on loopback and Unix sockets only"
            )
    listening, http_address = addresses
    run_server(
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
        refuse(str(error))


def _address(text: str) -> Address:
    try:
        return Address.parse(text)
    except AddressError as error:
        refuse(str(error))
