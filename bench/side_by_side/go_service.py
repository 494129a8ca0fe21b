"""A Go service that verifies tokens with golang-jwt, with a cache of its own or without."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.processes import output, pinned, server_core
from bench.side_by_side.alternative import PEERS, Alternative, grpc_peer

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from bench.servers import Peer, Sessiond

_PROGRAM = "verifier"


async def _install(built: Path) -> None:
    flags = ("-trimpath", "-ldflags=-s -w")
    await output(
        "go", "-C", str(PEERS), "build", *flags, "-o", str(built / _PROGRAM), "./verifier", seconds=300
    )


def _run(built: Path, server: Sessiond, *flags: str) -> AbstractAsyncContextManager[Peer]:
    keys = ("--jwks", server.key_set, "--issuer", server.issuer)
    return grpc_peer(server, *pinned(server_core(), str(built / _PROGRAM), *keys, *flags))


GO = Alternative(
    "Go and golang-jwt",
    {
        "Go and golang-jwt": _run,
        "Go and golang-jwt with a cache": lambda built, server: _run(built, server, "--cache"),
    },
    tools=("go",),
    packages="apt-get install golang",
    install=_install,
)
