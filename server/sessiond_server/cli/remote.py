"""How commands reach a running server, with a caller's key, and how they say that it refused."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from sessiond import Client, SessiondError, Tls
from sessiond_server.cli.refusals import refuse
from sessiond_server.config.addresses import GRPC_ADDRESS

_REFUSED_STATUS: Final = 1
_FILE: Final = click.Path(path_type=Path, dir_okay=False)


@dataclass(frozen=True, slots=True)
class Remote:
    """The server that a command asks, and as whom."""

    addr: str
    key_file: Path | None
    ca_file: Path | None
    cert_file: Path | None
    cert_key_file: Path | None
    server_name: str
    timeout: float

    @contextmanager
    def connected(self) -> Iterator[Client]:
        """A client; what the server refuses, or files that cannot be read, end the command with one line."""
        try:
            key = self.key_file.read_text().strip() if self.key_file else None
            with Client(self.addr, key=key, tls=self._tls(), timeout=self.timeout) as client:
                yield client
        except SessiondError as error:
            refuse(f"{self.addr}: {error}", status=_REFUSED_STATUS)
        except OSError as error:
            refuse(f"{error.filename}: {error.strerror}")
        except ValueError as error:
            # The client's own: a key that would be sent in clear.
            refuse(str(error))

    def _tls(self) -> Tls | None:
        if not (self.ca_file or self.cert_file or self.server_name):
            return None
        authorities, certificate, key = (
            path.read_bytes() if path else None for path in (self.ca_file, self.cert_file, self.cert_key_file)
        )
        return Tls(authorities, certificate, key, self.server_name)


def server_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options by which a command finds its server; they become its argument `remote`."""

    @functools.wraps(command)
    def with_remote(**given: Any) -> Any:
        remote = Remote(**{name: given.pop(name) for name in Remote.__slots__})
        return command(remote=remote, **given)

    for option in reversed(_OPTIONS):
        with_remote = option(with_remote)
    return with_remote


_OPTIONS: Final = (
    click.option(
        "--addr",
        default=str(GRPC_ADDRESS),
        show_default=True,
        metavar="ADDR",
        envvar="SESSIOND_ADDR",
        help="Where the server serves gRPC: HOST:PORT or unix:PATH.",
    ),
    click.option(
        "--key-file",
        type=_FILE,
        metavar="FILE",
        envvar="SESSIOND_KEY_FILE",
        help="The key of the caller that this is.",
    ),
    click.option(
        "--ca-file",
        type=_FILE,
        metavar="FILE",
        envvar="SESSIOND_CA_FILE",
        help="The authorities of the server's certificate, PEM; with it the connection has TLS.",
    ),
    click.option("--cert-file", type=_FILE, metavar="FILE", help="The caller's own certificate, PEM."),
    click.option("--cert-key-file", type=_FILE, metavar="FILE", help="Its private key, PEM."),
    click.option(
        "--server-name",
        default="",
        metavar="NAME",
        help="The name in the server's certificate, where the address has another; with it there is TLS.",
    ),
    click.option("--timeout", default=5.0, show_default=True, help="Seconds to wait for an answer."),
)
