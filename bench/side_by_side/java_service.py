"""A grpc-java service that verifies tokens with nimbus-jose-jwt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bench.processes import output, pinned, server_core
from bench.side_by_side.alternative import PEERS, Alternative, grpc_peer

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from bench.servers import Peer, Sessiond

_PROJECT: Final = PEERS / "java"
_BUILT: Final = _PROJECT / "target"


async def _install(_built: Path) -> None:
    await output("mvn", "-B", "-q", "-f", str(_PROJECT / "pom.xml"), "package", seconds=300)


def _run(_built: Path, server: Sessiond) -> AbstractAsyncContextManager[Peer]:
    program = ("java", "-cp", f"{_BUILT / 'classes'}:{_BUILT / 'lib'}/*", "dev.sessiond.bench.peer.Main")
    return grpc_peer(server, *pinned(server_core(), *program, server.key_set, server.issuer))


JAVA = Alternative(
    "grpc-java and nimbus-jose-jwt",
    {"grpc-java and nimbus-jose-jwt": _run},
    tools=("java", "mvn"),
    packages="apt-get install default-jdk-headless maven",
    install=_install,
)
